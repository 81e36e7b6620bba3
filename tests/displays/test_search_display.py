"""Scores of searches as heat maps, tested by the data and the artists of the picture."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdl import DenseClassifier, SearchDisplay


class Stand(ClassifierMixin, BaseEstimator):
    """Stands for a network; its scores follow from its parameters and the number of rows."""

    def __init__(self, epochs=1, sizes=(8,), rate=0.1, flag=False):
        self.epochs = epochs
        self.sizes = sizes
        self.rate = rate
        self.flag = flag

    def fit(self, X, y):
        if self.rate == "bad":
            raise ValueError("a fit that fails")
        self.classes_, self.n_rows_ = np.unique(y), len(X)
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def score(self, X, y):
        sizes = self.sizes if isinstance(self.sizes, int) else sum(self.sizes)
        return (
            self.epochs + sizes / 100 - abs(np.log10(self.rate)) / 1000 + len(X) / 1e5 + self.flag
        )


X, Y = np.zeros((30, 2)), np.arange(30) % 2
GRID = {"epochs": [10, 1, 5], "sizes": [32, (64,), (64, 64)]}


def searched(grid, search=GridSearchCV, estimator=None, **options):
    options = {"cv": KFold(3), "return_train_score": True, **options}
    return search(Stand() if estimator is None else estimator, grid, **options).fit(X, Y)


def labels_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("which", ["test", "train"])
def test_a_grid_of_two_parameters(plt, which):
    search = searched(GRID)
    display = SearchDisplay.from_search(search, x="sizes", y="epochs", score=which)
    table = pd.DataFrame(search.cv_results_)
    table["sizes"] = table["param_sizes"].astype(str)
    table = table.pivot_table(index="param_epochs", columns="sizes", values=f"mean_{which}_score")
    expected = table[["32", "(64,)", "(64, 64)"]].to_numpy()
    assert_allclose(display.scores[which], expected)
    assert list(display.scores) == [which]
    assert display.y_values == [1, 5, 10]
    assert display.x_values == GRID["sizes"]
    (ax,), (image,) = display.axes_, display.images_
    assert_allclose(image.get_array(), expected)
    assert image.get_clim() == (expected.min(), expected.max())
    assert labels_of(ax.xaxis) == ["32", "(64,)", "(64, 64)"]
    assert labels_of(ax.yaxis) == ["1", "5", "10"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("sizes", "epochs", "")
    assert display.texts_.shape == (1, 3, 3)
    for (row, column), text in np.ndenumerate(display.texts_[0]):
        value = expected[row, column]
        assert text.get_text() == (f"{value:.3f}" if value < 10 else f"{value:.4g}")
        assert text.get_position() == (column, row)
    assert display.colorbar_.ax.get_ylabel() == "mean score"
    assert display.figure_ is ax.figure


def test_the_best_combination_has_a_frame(plt):
    display = SearchDisplay.from_search(searched(GRID), x="sizes", y="epochs")
    assert display.best == (2, 2)
    (frame,) = display.axes_[0].patches
    assert frame.contains_point(display.axes_[0].transData.transform((2, 2)))
    assert frame.get_width() < 1


def test_test_and_training_side_by_side_on_one_scale(plt):
    display = SearchDisplay.from_search(searched(GRID), x="epochs", y="sizes", score="both")
    assert [ax.get_title() for ax in display.axes_] == ["test", "train"]
    assert display.images_[0].get_clim() == display.images_[1].get_clim()
    everything = np.concatenate([*display.scores.values()])
    assert display.images_[0].get_clim() == (everything.min(), everything.max())
    assert display.texts_.shape == (2, 3, 3)
    assert display.axes_[0].get_ylabel() == "sizes"
    assert display.axes_[1].get_ylabel() == ""
    _, axes = plt.subplots(1, 2)
    assert_array_equal(display.plot(axes).axes_, axes)
    with pytest.raises(ValueError, match="ax must be 2 axes"):
        display.plot(axes[0])


def test_parameters_may_be_left_out_and_shortened(plt):
    pipeline = make_pipeline(StandardScaler(), Stand())
    grid = {f"stand__{name}": values for name, values in GRID.items()}
    search = searched(grid, estimator=pipeline)
    left_out = SearchDisplay.from_search(search)
    assert (left_out.x, left_out.y) == ("stand__sizes", "stand__epochs")
    for x, y in (("sizes", None), (None, "epochs"), ("stand__sizes", "epochs")):
        display = SearchDisplay.from_search(search, x=x, y=y)
        assert (display.x, display.y) == (left_out.x, left_out.y)
        assert display.axes_[0].get_xlabel() == "sizes"
    with pytest.raises(ValueError, match=r"'units' is the name of no parameter.*'stand__epochs'"):
        SearchDisplay.from_search(search, x="units")


def test_the_best_over_other_parameters_is_shown(plt):
    grid = {**GRID, "rate": [0.1, 1.0, 0.01], "flag": [True, False]}
    search = searched(grid)
    message = r"x=None and y=None leave open .* \['epochs', 'flag', 'rate', 'sizes'\]"
    with pytest.raises(ValueError, match=message):
        SearchDisplay.from_search(search)
    display = SearchDisplay.from_search(search, x="sizes", y="epochs", score="both")
    table = pd.DataFrame(search.cv_results_)
    table["sizes"] = table["param_sizes"].astype(str)
    best = table.loc[table.groupby(["param_epochs", "sizes"])["mean_test_score"].idxmax()]
    for which, values in display.scores.items():
        pivot = best.pivot_table(
            index="param_epochs", columns="sizes", values=f"mean_{which}_score"
        )
        assert_allclose(values, pivot[["32", "(64,)", "(64, 64)"]])
    assert display.title == "best over flag, rate"
    assert display.axes_[0].get_title() == "test\nbest over flag, rate"
    assert "best over" in SearchDisplay.from_search(search, "flag", "rate").axes_[0].get_title()


def test_halving_shows_the_last_iteration(plt):
    search = searched(GRID, HalvingGridSearchCV, factor=3, min_resources=10, random_state=0)
    results = search.cv_results_
    assert max(results["iter"]) == 1
    display = SearchDisplay.from_search(search, score="both")
    for i, params in enumerate(results["params"]):
        last = max(j for j, other in enumerate(results["params"]) if other == params)
        cell = display.y_values.index(params["epochs"]), display.x_values.index(params["sizes"])
        assert display.scores["test"][cell] == results["mean_test_score"][last], i
        assert display.scores["train"][cell] == results["mean_train_score"][last]
    by_epochs = searched(
        {"rate": [0.1, 1.0, 0.01], "sizes": [(8,), (4, 4), 2]},
        HalvingGridSearchCV,
        factor=3,
        resource="epochs",
        max_resources=9,
        min_resources=3,
    )
    display = SearchDisplay.from_search(by_epochs)
    assert (display.x, display.y, display.title) == ("sizes", "rate", "")
    assert SearchDisplay.from_search(by_epochs, x="epochs", y="rate").x_values == [3, 9]


def test_scores_that_failed(plt):
    with pytest.warns((FitFailedWarning, UserWarning)):
        search = searched({"rate": [0.1, "bad", 1.0], "epochs": [1, 2]}, cv=2)
    display = SearchDisplay.from_search(search, x="rate", y="epochs", score="both")
    assert display.x_values == [0.1, "bad", 1.0]
    assert np.isnan(display.scores["test"][:, 1]).all()
    assert display.tried.all()
    assert {text.get_text() for text in display.texts_[0][:, 1]} == {"nan"}
    assert np.isfinite(display.images_[0].get_clim()).all()
    with pytest.warns((FitFailedWarning, UserWarning)):
        search = searched({"rate": ["bad", 0.1], "epochs": [1]}, cv=2, error_score=np.nan)
    SearchDisplay.from_search(search).figure_.canvas.draw()


def test_values_of_all_kinds(plt):
    shown = {
        "rate": ([1, 0.5, np.float64(0.25)], ["0.25", "0.5", "1"]),
        "flag": ([True, False], ["True", "False"]),
        "sizes": ([[64, 32], np.array([2, 2]), 8], ["[64, 32]", "array([2, 2])", "8"]),
    }
    for name, (values, labels) in shown.items():
        other = {"epochs": [1, 2]} if name != "epochs" else {"flag": [True, False]}
        display = SearchDisplay.from_search(searched({name: values, **other}), x=name)
        assert labels_of(display.axes_[0].xaxis) == labels
    scaler = searched(
        {"scale": [None, StandardScaler(), "passthrough"]},
        estimator=make_pipeline(StandardScaler(), Stand()).set_params(
            steps=[("scale", StandardScaler()), ("net", Stand())]
        ),
    )
    display = SearchDisplay.from_search(scaler)
    assert labels_of(display.axes_[0].xaxis) == ["None", "StandardScaler()", "passthrough"]


def test_values_that_are_nearly_equal_have_different_labels(plt):
    shown = {
        "rate": ([1.0001, 3.0, 1.0002], ["1.0001", "1.0002", "3"]),
        "epochs": ([1, 1.0], ["1", "1.0"]),
        "sizes": ([(1,) * 7, (1,) * 8], ["(1, 1, 1, 1, 1, 1, 1)", "(1, 1, 1, 1, 1, 1, 1, 1)"]),
    }
    for name, (values, labels) in shown.items():
        ax = SearchDisplay.from_search(searched({name: values, "flag": [True, False]}), y=name)
        assert labels_of(ax.axes_[0].yaxis) == labels
        ax = SearchDisplay.from_search(searched({name: values, "flag": [True, False]}), x=name)
        assert labels_of(ax.axes_[0].xaxis) == labels


def test_subfigures(plt):
    left, right = plt.figure().subfigures(1, 2)
    inner = right.subfigures(2, 1)[0]
    search = searched(GRID)
    for part in (left, inner):
        display = SearchDisplay.from_search(search, ax=part.subplots())
        assert display.figure_ is part
        assert display.texts_.all()


def test_plot_draws_again_on_the_same_axes(plt):
    figure, ax = plt.subplots()
    SearchDisplay.from_search(searched(GRID), ax=ax)
    display = SearchDisplay.from_search(searched({"epochs": [1, 2], "rate": [0.1, 1.0]}), ax=ax)
    assert figure.axes == [ax, display.colorbar_.ax]
    assert [*ax.texts] == [*display.texts_.ravel()]
    assert ax.get_xlabel() == "rate"


def test_tight_layout(plt):
    display = SearchDisplay.from_search(searched(GRID), ax=plt.subplots()[1])
    plt.tight_layout()  # which warns of axes that it cannot move
    assert display.axes_[0].get_tightbbox().x0 >= 0


def test_lists_of_grids(plt):
    search = searched([{"epochs": [1, 2]}, {"sizes": [4, 2]}])
    display = SearchDisplay.from_search(search)
    assert display.y_values == ["default", 1, 2]
    assert display.x_values == ["default", 2, 4]
    assert_array_equal(display.tried, [[0, 1, 1], [1, 0, 0], [1, 0, 0]])


def test_several_metrics(plt, iris):
    grid = {"max_depth": [1, 2], "splitter": ["random", "best"]}
    scoring = ["accuracy", "neg_log_loss"]
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0), grid, scoring=scoring, refit="neg_log_loss", cv=2
    ).fit(*iris)
    display = SearchDisplay.from_search(search)
    assert display.score_name == "mean neg_log_loss"
    assert (display.scores["test"] < 0).all()
    display = SearchDisplay.from_search(search, metric="accuracy")
    assert_array_equal(display.scores["test"].ravel(), search.cv_results_["mean_test_accuracy"])
    with pytest.raises(ValueError, match=r"metric='f1' .* \['accuracy', 'neg_log_loss'\]"):
        SearchDisplay.from_search(search, metric="f1")
    search = GridSearchCV(search.estimator, grid, scoring=scoring, refit=False, cv=2).fit(*iris)
    with pytest.raises(ValueError, match=r"refit=False names none.*'accuracy', 'neg_log_loss'"):
        SearchDisplay.from_search(search)
    assert SearchDisplay.from_search(search, metric="accuracy").best is None


def test_large_grids_leave_the_numbers_out(plt):
    _, ax = plt.subplots(figsize=(4, 3))
    display = SearchDisplay(
        {"test": np.zeros((30, 30))}, np.ones((30, 30)), x="a", x_values=[*range(30)], y="b",
        y_values=[*range(30)],
    )  # fmt: skip
    assert not display.plot(ax).texts_.any()
    assert display.plot().texts_.all()


@pytest.mark.parametrize("score", ["test", "both"])
def test_texts_fit_their_cells_and_labels_do_not_overlap(plt, score):
    grid = {"epochs": [1, 50, 100], "sizes": [(64,) * k for k in range(1, 6)]}
    display = SearchDisplay.from_search(searched(grid), x="sizes", y="epochs", score=score)
    display.figure_.canvas.draw()
    for ax, texts in zip(display.axes_, display.texts_, strict=True):
        box = ax.get_window_extent()
        for text in texts.ravel():
            assert text.get_window_extent().width < box.width / 5
            assert text.get_window_extent().height < box.height / 3
    page = display.figure_.bbox
    for ax in [*display.axes_, display.colorbar_.ax]:
        box = ax.get_tightbbox()
        assert 0 <= box.x0 < box.x1 <= page.width
        assert 0 <= box.y0 < box.y1 <= page.height


def test_networks(plt, iris):
    grid = {"epochs": [1, 2], "hidden_layer_sizes": [(4, 4), 3]}
    search = GridSearchCV(DenseClassifier(random_state=0), grid, cv=2).fit(*iris)
    display = SearchDisplay.from_search(make_pipeline(StandardScaler(), search).fit(*iris))
    assert display.x_values == [(4, 4), 3]


def test_errors(plt):
    search = searched(GRID, return_train_score=False)
    for score in ("train", "both"):
        with pytest.raises(ValueError, match=rf"score='{score}' .* return_train_score=True"):
            SearchDisplay.from_search(search, score=score)
    with pytest.raises(ValueError, match=r"score must be one of .* received score='mean'"):
        SearchDisplay.from_search(search, score="mean")
    with pytest.raises(NotFittedError):
        SearchDisplay.from_search(GridSearchCV(Stand(), GRID))
    with pytest.raises(TypeError, match=r"search=LogisticRegression\(\) has no results"):
        SearchDisplay.from_search(LogisticRegression().fit([[0], [1]], [0, 1]))
    pipeline = searched({"stand__rate": [0.1, 1.0]}, estimator=make_pipeline(Stand()))
    with pytest.raises(ValueError, match=r"x and y are both 'stand__rate'"):
        SearchDisplay.from_search(pipeline, x="rate", y="stand__rate")
    with pytest.raises(ValueError, match="varies no parameter"):
        SearchDisplay.from_search(searched({}))


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"SearchDisplay.from_search needs .*skdl\[plots\]"):
        SearchDisplay.from_search(None)
    with pytest.raises(ImportError, match=r"SearchDisplay.plot needs"):
        SearchDisplay({"test": np.zeros((1, 1))}, np.ones((1, 1)), x="a", x_values=[1]).plot()
