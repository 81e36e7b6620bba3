"""Searches over one parameter, over three, and over numbers drawn at random."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.preprocessing import StandardScaler
from slow_cases import slow_but

from skdl import SearchDisplay

X, Y = np.zeros((30, 2)), np.arange(30) % 2


class Stand(BaseEstimator):
    """Its scores follow from its parameters, and from the fold."""

    def __init__(self, epochs=1, rate=0.1, kind="a", optimizer=None):
        self.epochs = epochs
        self.rate = rate
        self.kind = kind
        self.optimizer = optimizer

    def fit(self, X, y):
        return self

    def score(self, X, y):
        if self.rate == "bad":
            return np.nan
        return self.epochs - abs(np.log10(self.rate) + 2) + len(X) / 100 + (self.kind == "b")


def searched(grid, search=GridSearchCV, **options):
    options = {"cv": [(np.arange(10), np.arange(n)) for n in (10, 20, 30)], **options}
    return search(Stand(), grid, return_train_score=True, **options).fit(X, Y)


@pytest.mark.parametrize("score", ["test", "both"])
def test_one_parameter_is_a_line_with_a_band(plt, score):
    search = searched({"rate": [0.1, 1e-4, 1e-2, 1e-3]})
    display = SearchDisplay.from_search(search, score=score)
    order = np.argsort(search.cv_results_["param_rate"].astype(float))
    which = ["test", "train"][: 1 + (score == "both")]
    assert len(display.lines_) == len(display.bands_) == len(which)
    for name, line, band in zip(which, display.lines_, display.bands_, strict=True):
        mean = search.cv_results_[f"mean_{name}_score"][order]
        assert_array_equal(line.get_xdata(), [1e-4, 1e-3, 1e-2, 0.1])
        assert_array_equal(line.get_ydata(), mean)
        edges = band.get_paths()[0].vertices[:, 1]
        spread = search.cv_results_[f"std_{name}_score"][order]
        assert_allclose([edges.min(), edges.max()], [(mean - spread).min(), (mean + spread).max()])
    (ax,) = display.axes_
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate", "mean score")
    assert display.colorbar_ is None
    assert display.best == (0, 2)
    assert_allclose(ax.collections[-1].get_offsets()[0], [0.01, search.best_score_])
    assert (ax.get_legend() is not None) == (score == "both")


def test_values_that_are_no_numbers_are_not_joined(plt):
    display = SearchDisplay.from_search(searched({"kind": ["b", "a"]}))
    (ax,), (line,) = display.axes_, display.lines_
    assert line.get_linestyle() == "None"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["b", "a"]
    assert len(display.bands_) == 1
    assert SearchDisplay.from_search(searched({"epochs": [1, 2]})).axes_[0].get_xscale() == "linear"


def test_numbers_drawn_at_random_are_points(plt):
    draw = {"n_iter": 12, "random_state": 1}
    search = searched({"rate": loguniform(1e-5, 1)}, RandomizedSearchCV, **draw)
    display = SearchDisplay.from_search(search)
    (line,) = display.lines_
    assert line.get_linestyle() == "None"
    assert display.axes_[0].get_xscale() == "log"

    search = searched({"rate": loguniform(1e-5, 1), "kind": ["a", "b"]}, RandomizedSearchCV, **draw)
    display = SearchDisplay.from_search(search, x="rate", y="kind")
    (ax,), (points,) = display.axes_, display.images_
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert len(points.get_offsets()) == 12
    by_rate = dict(zip(points.get_offsets()[:, 0], points.get_array(), strict=True))
    results = search.cv_results_
    for params, score in zip(results["params"], results["mean_test_score"], strict=True):
        assert by_rate[params["rate"]] == score
    assert display.colorbar_.ax.get_ylabel() == "mean score"
    again = display.plot(ax)
    assert again.figure_.axes == [ax, display.colorbar_.ax]


@pytest.mark.parametrize("score", slow_but(["test"], ["test", "both"]))
def test_three_parameters_are_pairs_of_the_best_over_the_third(plt, score):
    search = searched({"epochs": [1, 2], "rate": [1e-2, 1e-3], "kind": ["a", "b"]})
    display = SearchDisplay.from_search(search, score=score)
    parts = [display, *display.others]
    assert [(part.y, part.x, part.title) for part in parts] == [
        ("epochs", "kind", "best over rate"),
        ("epochs", "rate", "best over kind"),
        ("kind", "rate", "best over epochs"),
    ]
    for part in parts:
        alone = SearchDisplay.from_search(search, x=part.x, y=part.y, score=score)
        for name, values in alone.scores.items():
            assert_array_equal(part.scores[name], values)
    n = len(display.scores)
    assert len(display.axes_) == len(display.images_) == len(display.texts_) == 3 * n
    assert len({image.get_clim() for image in display.images_}) == 1
    assert [ax.get_xlabel() for ax in display.axes_[::n]] == ["kind", "rate", "rate"]
    _, axes = plt.subplots(1, 3 * n)
    assert_array_equal(display.plot(axes).axes_, axes)


def test_objects_are_labelled_by_their_name(plt):
    adam, sgd = keras.optimizers.Adam(), keras.optimizers.SGD()
    values = {"optimizer": [adam, sgd, keras.optimizers.SGD(0.1), StandardScaler(), len]}
    ax = SearchDisplay.from_search(searched({**values, "epochs": [1, 2]}), x="optimizer").axes_[0]
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["Adam", "SGD (1)", "SGD (2)", "StandardScaler()", "len"]


def test_failed_scores(plt):
    search = RandomizedSearchCV(
        Stand(), {"rate": loguniform(1e-3, 1), "epochs": [1, 2]}, n_iter=4, cv=KFold(2),
        random_state=0,
    ).fit(X, Y)  # fmt: skip
    search.cv_results_["mean_test_score"][0] = np.nan
    display = SearchDisplay.from_search(search, x="rate", y="epochs")
    assert len(display.images_[0].get_offsets()) == 3
    assert np.isfinite(display.images_[0].get_clim()).all()
