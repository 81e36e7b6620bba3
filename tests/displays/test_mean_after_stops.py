"""The mean of networks of which some have stopped does not jump."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skdl import LossCurveDisplay


def test_a_network_that_has_stopped_counts_with_its_last_value(plt):
    long, short, shortest = [4.0, 3.0, 2.0, 1.0], [8.0, 6.0, 5.0], [9.0, 9.0]
    display = LossCurveDisplay([long, long, short, shortest]).plot()
    (mean,), (band,) = display.mean_lines_, display.bands_
    padded = np.array([long, long, [*short, 5.0], [*shortest, 9.0, 9.0]])
    assert_array_equal(mean.get_xdata(), [1, 2, 3, 4])
    assert_allclose(mean.get_ydata(), padded.mean(axis=0))
    edges = band.get_paths()[0].vertices
    at_end = edges[edges[:, 0] == 4, 1]
    expected = padded[:, 3].mean() + padded[:, 3].std() * np.array([-1, 1])
    assert_allclose([at_end.min(), at_end.max()], expected)


def test_curves_that_fall_have_a_mean_that_falls(plt):
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 30, size=7)
    curves = [level + np.exp(-np.arange(n) / 5) for level, n in zip(range(7), lengths, strict=True)]
    (mean,) = LossCurveDisplay(curves).plot().mean_lines_
    assert (np.diff(mean.get_ydata()) <= 0).all()


def test_the_last_value_that_is_known_is_carried_on(plt):
    display = LossCurveDisplay(
        [[5.0, 4.0, 3.0], [5.0, 4.0, 3.0], [3.0, 1.0, np.nan], [2.0, np.nan]]
    )
    assert_allclose(display.plot().mean_lines_[0].get_ydata(), [3.75, 3.0, 8 / 3])
