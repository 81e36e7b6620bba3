"""Long values and names of parameters in a SearchDisplay do not stand over one another."""

import itertools

import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier

from skdl import SearchDisplay

pytest.importorskip("matplotlib")

X, Y = load_iris(return_X_y=True)
SIZES = [(128, 64, 32), (256, 256, 256, 256), (8,), (16, 16, 16), (32,), (64,)]


class Constant(MLPClassifier):
    """Takes the parameters of a network, and learns nothing."""

    def fit(self, X, y):
        self.classes_ = [0, 1, 2]
        return self

    def score(self, X, y):
        return 0.5


def n_overlaps(ax):
    """Return how many labels across begin before the one to the left has ended."""
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    turned = all(label.get_rotation() for label in ax.get_xticklabels())
    # Turned labels end at their ticks, one beside the other.
    spaces = [b.x1 - a.x1 if turned else b.x0 - a.x1 for a, b in itertools.pairwise(boxes)]
    return sum(space <= 0 for space in spaces)


def test_values_along_a_line():
    search = GridSearchCV(Constant(), {"hidden_layer_sizes": SIZES}, cv=2).fit(X, Y)
    (ax,) = SearchDisplay.from_search(search).axes_
    assert n_overlaps(ax) == 0
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {45}
    search = GridSearchCV(Constant(), {"activation": ["relu", "tanh"]}, cv=2).fit(X, Y)
    (ax,) = SearchDisplay.from_search(search).axes_
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {0}


def test_values_beside_numbers_drawn_at_random():
    drawn = {"hidden_layer_sizes": SIZES, "alpha": loguniform(1e-5, 1)}
    search = RandomizedSearchCV(Constant(), drawn, n_iter=12, cv=2, random_state=0).fit(X, Y)
    display = SearchDisplay.from_search(search, x="hidden_layer_sizes", y="alpha")
    assert n_overlaps(display.axes_[0]) == 0


def test_titles_break_between_words_only():
    grid = {"hidden_layer_sizes": [(4,), (8,)], "learning_rate_init": [0.1, 0.2]}
    grid["activation"] = ["relu", "tanh"]
    search = GridSearchCV(Constant(), grid, cv=2).fit(X, Y)
    titles = [ax.get_title() for ax in SearchDisplay.from_search(search).axes_]
    words = {word for title in titles for word in title.split()}
    assert words == {"best", "over", *grid}
