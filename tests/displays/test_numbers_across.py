"""Numbers along a logarithmic axis of a SearchDisplay do not stand over one another."""

import itertools

import numpy as np
import pytest

from skdl import SearchDisplay

plt = pytest.importorskip("matplotlib.pyplot")

RANGES = [(1e-4, 5e-2), (1e-4, 3e-3), (1e-3, 1e-1), (16, 512), (1e-5, 9e-3), (1e-7, 3e-5)]


def display(low, high, points, ax=None):
    values = np.geomspace(low, high, 9)
    scores = np.full((3, 9), np.nan)
    scores[np.arange(9) % 3, np.arange(9)] = np.arange(9)
    look = {"x": "rate", "x_values": [*values]}
    if points:
        shown = SearchDisplay(
            {"test": scores},
            ~np.isnan(scores),
            y="units",
            y_values=[8, 16, 32],
            points=True,
            **look,
        )
    else:
        means = np.arange(9.0)[None]
        shown = SearchDisplay({"test": means}, ~np.isnan(means), **look)
    return shown.plot(ax)


@pytest.mark.parametrize("points", [True, False], ids=["points", "line"])
@pytest.mark.parametrize(("low", "high"), RANGES)
def test_numbers_are_apart(low, high, points):
    for ax in (None, plt.subplots(figsize=(3.5, 3), layout="constrained")[1]):
        (ax,) = display(low, high, points, ax).axes_
        ax.figure.draw_without_rendering()
        inside = [
            label.get_window_extent()
            for label in ax.get_xticklabels()
            if low * 0.99 <= label.get_position()[0] <= high * 1.01
        ]
        assert inside
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(inside))
    plt.close("all")


def test_names_stand_before_the_styles_that_they_share():
    from skdl import LossCurveDisplay

    ax = plt.subplots()[1]
    for name in ("first", "second"):
        curves = {"labels": [name], "best_epochs": [2]}
        LossCurveDisplay([[2.0, 1.0]], [[2.0, 1.5]], **curves).plot(ax)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[:2] == ["first", "second"]
    assert {*texts[2:]} == {"training", "validation", "best epoch"}
    plt.close("all")
