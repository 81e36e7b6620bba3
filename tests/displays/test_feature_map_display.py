"""Feature maps as images, against what the Keras layers compute."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdl import ConvNetClassifier, FeatureMapDisplay, ImageReshaper


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:60], digits[1][:60]


@pytest.fixture(scope="module")
def net(data):
    return ConvNetClassifier(filters=(4, 6), pool_size=None, epochs=1, random_state=0).fit(*data)


def test_rows_are_an_image_and_its_maps(plt, net, data):
    display = FeatureMapDisplay.from_estimator(net, data[0][:3], max_maps=3)
    model = net.model_
    until = keras.Model(model.inputs, model.get_layer("conv_1").output)
    maps = until.predict(data[0][:3].reshape(3, 8, 8, 1), verbose=0)
    assert display.maps.shape == (*maps.shape[:3], 4)
    assert_allclose(display.maps, np.maximum(maps, 0), rtol=1e-5, atol=1e-5)
    assert display.images_.shape == display.axes_.shape == (3, 4)
    for i in range(3):
        assert_allclose(display.images_[i, 0].get_array(), data[0][i].reshape(8, 8), rtol=1e-6)
        for j in range(3):
            expected = display.maps[i, :, :, j] / display.maps.max()
            assert_allclose(display.images_[i, 1 + j].get_array(), expected, atol=1e-6)
    assert display.ax_.get_title() == "conv_1 (3 of 4 maps)"
    display.figure_.canvas.draw()
    boxes = [axes.get_window_extent() for axes in display.axes_.ravel()]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])


def test_layers_axes_and_plots_anew(plt, net, data):
    figure, ax = plt.subplots()
    display = FeatureMapDisplay.from_estimator(net, data[0], "conv_2", ax=ax, max_images=2)
    assert (display.figure_, display.maps.shape[3]) == (figure, 6)
    assert display.images_.shape == (2, 7)
    assert display.plot(ax, max_images=1).images_.shape == (1, 7)
    assert ax.child_axes == list(display.axes_.ravel())
    alone = FeatureMapDisplay(np.zeros((1, 4, 4, 2))).plot()
    assert alone.images_.shape == (1, 2)


def test_pipelines_and_searches(plt, net, data):
    pipeline = make_pipeline(ImageReshaper(), ConvNetClassifier(filters=4, epochs=1))
    search = GridSearchCV(pipeline, {"convnetclassifier__random_state": [0]}, cv=2).fit(*data)
    display = FeatureMapDisplay.from_estimator(search, data[0][:2])
    inner = search.best_estimator_[-1]
    assert_array_equal(display.maps, inner.feature_maps(data[0][:2].reshape(2, 8, 8)))


def test_errors(plt, net, data):
    with pytest.raises(NotFittedError):
        FeatureMapDisplay.from_estimator(ConvNetClassifier(), data[0])
    with pytest.raises(TypeError, match=r"estimator=LogisticRegression\(\) has no feature_maps"):
        FeatureMapDisplay.from_estimator(LogisticRegression().fit(*data), data[0])
    with pytest.raises(ValueError, match=r"which are not feature maps\. Give the number"):
        FeatureMapDisplay.from_estimator(net, data[0], "output")
    with pytest.raises(ValueError, match="conv_1"):
        FeatureMapDisplay.from_estimator(net, data[0], "conv_9")
    with pytest.raises(ValueError, match="max_maps must be a positive integer, received 0"):
        FeatureMapDisplay.from_estimator(net, data[0], max_maps=0)
    with pytest.raises(ValueError, match="no maps to draw"):
        FeatureMapDisplay(np.zeros((0, 3, 3, 2))).plot()
