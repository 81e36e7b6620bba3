"""Filters of convolutions as images, tested by the data and the artists of the picture."""

import sys

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdl import DenseClassifier, FilterDisplay, build_convnet


class ConvNet(BaseEstimator):
    """Stands for any estimator that keeps a Keras network in `model_`."""

    def __init__(self, filters=(4, 6), n_channels=1):
        self.filters = filters
        self.n_channels = n_channels

    def fit(self, X, y=None):
        self.model_ = build_convnet(
            (12, 12, self.n_channels),
            2,
            filters=self.filters,
            kernel_size=[(3, 2)] * len(self.filters),
            seed=0,
        )
        return self

    def score(self, X, y=None):
        return 0.0


def kernels_of(net, name="conv_1"):
    return net.model_.get_layer(name).kernel.numpy()


@pytest.mark.parametrize("n_channels", [1, 3])
def test_each_filter_is_an_image(plt, n_channels):
    net = ConvNet(filters=(5, 6), n_channels=n_channels).fit(None)
    display = FilterDisplay.from_estimator(net)
    kernels = kernels_of(net)
    assert_array_equal(display.kernels, kernels)
    assert len(display.axes_) == len(display.images_) == 5
    scaled = 0.5 + kernels / (2 * np.abs(kernels).max())
    for i, image in enumerate(display.images_):
        expected = scaled[:, :, 0, i] if n_channels == 1 else scaled[..., i]
        assert_allclose(image.get_array(), expected, atol=1e-7)
        assert image.axes is display.axes_[i]
        assert image.get_clim() == (0, 1)
        assert image.get_cmap().name == "gray"
        assert list(display.axes_[i].get_xticks()) == []
    assert 0 in (scaled.min(), 1 - scaled.max())
    assert display.ax_.get_title() == "conv_1"
    assert display.figure_ is display.ax_.figure
    display.figure_.canvas.draw()


def test_channels_of_a_deeper_convolution_are_a_mosaic(plt):
    net = ConvNet().fit(None)
    display = FilterDisplay.from_estimator(net, layer=1)
    kernels = kernels_of(net, "conv_2")
    assert len(display.images_) == 6
    picture = np.ma.filled(display.images_[2].get_array(), np.nan)
    assert picture.shape == (7, 5)  # four channels of 3 x 2, with a line between them
    for channel, (rows, columns) in enumerate(
        [(slice(0, 3), slice(0, 2)), (slice(0, 3), slice(3, 5)), (slice(4, 7), slice(0, 2))]
    ):
        expected = 0.5 + kernels[:, :, channel, 2] / (2 * np.abs(kernels).max())
        assert_allclose(picture[rows, columns], expected, atol=1e-7)
    assert np.isnan(picture[:, 2]).all()
    assert np.isnan(picture[3]).all()


def test_filters_do_not_overlap_and_lie_within_the_axes(plt):
    display = FilterDisplay.from_estimator(ConvNet(filters=(7,)).fit(None))
    display.figure_.canvas.draw()
    boxes = [axes.get_window_extent() for axes in display.axes_]
    bound = display.ax_.get_window_extent()
    for i, box in enumerate(boxes):
        assert bound.x0 <= box.x0 < box.x1 <= bound.x1
        assert bound.y0 <= box.y0 < box.y1 <= bound.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_axes_may_be_given(plt):
    figure, axes = plt.subplots(1, 2)
    display = FilterDisplay.from_estimator(ConvNet().fit(None), ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert len(plt.get_fignums()) == 1
    assert axes[1].child_axes == list(display.axes_)
    assert axes[0].child_axes == []


def test_plot_draws_again(plt):
    display = FilterDisplay.from_estimator(ConvNet().fit(None))
    first = display.figure_
    assert display.plot(max_filters=3) is display
    assert display.figure_ is not first
    assert len(display.images_) == 3
    assert display.ax_.get_title() == "conv_1 (3 of 4 filters)"
    assert FilterDisplay(display.kernels).plot().ax_.get_title() == ""
    for max_filters in (0, -1, 2.5):
        with pytest.raises(ValueError, match="max_filters must be a positive integer"):
            display.plot(max_filters=max_filters)


def test_plot_draws_again_on_the_same_axes(plt):
    _, ax = plt.subplots()
    display = FilterDisplay(np.zeros((3, 3, 1, 9))).plot(ax).plot(ax, max_filters=2)
    assert ax.child_axes == list(display.axes_)


def test_weights_of_zero_are_medium_grey(plt):
    display = FilterDisplay(np.zeros((3, 3, 1, 2))).plot()
    assert (display.images_[0].get_array() == 0.5).all()


def test_the_display_keeps_the_weights_of_its_time(plt):
    net = ConvNet().fit(None)
    display = FilterDisplay.from_estimator(net)
    before = display.kernels.copy()
    net.model_.set_weights([w + 1 for w in net.model_.get_weights()])
    assert_array_equal(display.kernels, before)


def test_pipelines_and_searches(plt, iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), ConvNet()).fit(X, y)
    expected = kernels_of(pipeline[-1])
    assert_array_equal(FilterDisplay.from_estimator(pipeline).kernels, expected)
    nested = make_pipeline(FunctionTransformer(), make_pipeline(StandardScaler(), ConvNet()))
    search = GridSearchCV(nested, {"pipeline__convnet__n_channels": [3, 1]}, cv=2).fit(X, y)
    assert FilterDisplay.from_estimator(search).kernels.shape == (3, 2, 3, 4)


def test_layers_by_number_and_name(plt):
    model = ConvNet().fit(None).model_
    by_name = FilterDisplay.from_model(model, "conv_2")
    for layer in (1, -1, np.int64(1)):
        assert_array_equal(FilterDisplay.from_model(model, layer).kernels, by_name.kernels)
    for layer in (2, -3, "conv_3", 0.5, None):
        with pytest.raises(ValueError, match=r"is neither the number .*: conv_1, .*conv_2"):
            FilterDisplay.from_model(model, layer)


def test_convolutions_of_models_inside_a_model(plt):
    inner = ConvNet().fit(None).model_
    outer = keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            keras.layers.Conv2D(2, 3),
            keras.layers.Conv2D(1, 1),
            inner,
        ]
    )
    assert FilterDisplay.from_model(outer, 0).kernels.shape == (3, 3, 1, 2)
    assert FilterDisplay.from_model(outer, 3).layer_name == "conv_2"
    with pytest.raises(ValueError, match=r"from 0 to 3, or from -4 to -1"):
        FilterDisplay.from_model(outer, 4)


def test_low_precision(plt):
    model = build_convnet((8, 8, 1), 2, dtype="bfloat16", seed=0)
    assert FilterDisplay.from_model(model).kernels.dtype == np.float32


def test_networks_that_are_not_built(plt):
    model = keras.Sequential([keras.layers.Conv2D(4, 3, name="first")], name="mine")
    with pytest.raises(ValueError, match=r"'mine' is not built: its layer 'first' .*model\.build"):
        FilterDisplay.from_model(model)
    model.build((None, 8, 8, 1))
    assert FilterDisplay.from_model(model).kernels.shape == (3, 3, 1, 4)


def test_what_has_no_convolutions_or_is_not_fitted(plt, iris):
    with pytest.raises(NotFittedError):
        FilterDisplay.from_estimator(ConvNet())
    with pytest.raises(TypeError, match=r"estimator=StandardScaler\(\) has no Keras network"):
        FilterDisplay.from_estimator(StandardScaler().fit(iris[0]))
    dense = DenseClassifier(epochs=1).fit(*iris)
    with pytest.raises(ValueError, match="has no Conv2D layer"):
        FilterDisplay.from_estimator(dense)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"FilterDisplay.plot needs matplotlib.*skdl\[plots\]"):
        FilterDisplay(np.zeros((3, 3, 1, 2))).plot()
    with pytest.raises(ImportError, match=r"FilterDisplay.from_model needs matplotlib"):
        FilterDisplay.from_estimator(ConvNet().fit(None))
