"""Labels of axes and legends that are short and apart."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.model_selection import RandomizedSearchCV

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    GradCAMDisplay,
    LossCurveDisplay,
    SearchDisplay,
)


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:40] / 16, digits[1][:40]


def texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_numbers_in_a_legend_are_as_short_as_tells_them_apart(plt, data):
    rates = np.geomspace(0.001, 0.1, 4)
    nets = [
        DenseClassifier(2, learning_rate=rate, epochs=1, random_state=0).fit(*data)
        for rate in rates
    ]
    display = LossCurveDisplay.from_estimators(nets)
    assert texts(display)[:4] == [f"learning_rate={rate:.3g}" for rate in rates]
    close = [DenseClassifier(2, l2=l2, epochs=1, random_state=0).fit(*data) for l2 in (1.0, 1.0001)]
    assert texts(LossCurveDisplay.from_estimators(close))[:2] == ["l2=1", "l2=1.0001"]


@pytest.mark.parametrize(("low", "high"), [(2e-3, 6e-2), (1e-6, 1e-1)])
def test_labels_of_a_logarithmic_axis_lie_apart(plt, data, low, high):
    drawn = {"learning_rate": loguniform(low, high)}
    search = RandomizedSearchCV(
        DenseClassifier(2, epochs=1, random_state=0), drawn, n_iter=6, cv=2, random_state=0
    )
    display = SearchDisplay.from_search(search.fit(*data))
    axis = display.axes_[0].xaxis
    display.figure_.canvas.draw()
    left, right = display.axes_[0].get_xlim()
    shown = [
        tick.label1.get_window_extent()
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        if tick.label1.get_text() and left <= tick.get_loc() <= right
    ]
    assert len(shown) >= 3
    shown.sort(key=lambda box: box.x0)
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(shown))


def test_a_class_is_seen_in_maps_of_several_places(plt, data):
    X, y = data
    net = ConvNetClassifier((4, 5), kernel_size=3, pool_size=2, epochs=1, random_state=0)
    net.fit(X, y)  # 8 x 8 pixels, 6 x 6, 3 x 3, and 1 x 1 in the second convolution
    display = GradCAMDisplay.from_estimator(net, X[:3])
    assert display.maps.shape == (3, 6, 6)
    first, second = (GradCAMDisplay.from_estimator(net, X[:3], layer=layer) for layer in (0, 1))
    assert_array_equal(display.maps, first.maps)
    assert second.maps.shape == (3, 1, 1)
    single = ConvNetClassifier(4, kernel_size=8, pool_size=None, epochs=1, random_state=0)
    assert GradCAMDisplay.from_estimator(single.fit(X, y), X[:3]).maps.shape == (3, 1, 1)
