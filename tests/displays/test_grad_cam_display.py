"""Grad-CAM against NumPy, where a dense layer follows the maps, and against plain Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from matplotlib.colors import Normalize
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    GradCAMDisplay,
    ImageReshaper,
    KerasClassifier,
    KerasRegressor,
    PretrainedFeatureClassifier,
)


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:60], digits[1][:60]


def reference(model, X, units, signs=1.0, layer="conv_1"):
    """Return the maps where `layer`, Flatten and a last dense layer follow each other."""
    maps = keras.Model(model.inputs, model.get_layer(layer).output).predict(X, verbose=0)
    kernel = model.layers[-1].get_weights()[0].reshape(*maps.shape[1:], -1)
    gradients = np.moveaxis(kernel[..., units], -1, 0)  # the same for every image
    weights = gradients.mean(axis=(1, 2), keepdims=True) * np.reshape(signs, (-1, 1, 1, 1))
    return np.maximum((weights * maps).sum(axis=-1), 0)


def shallow(X, y, **parameters):
    return ConvNetClassifier(
        filters=6, pool_size=None, hidden_layer_sizes=(), rescale=None, epochs=2, random_state=0,
        **parameters,
    ).fit(X, y)  # fmt: skip


def build(n_outputs, output_activation, head="units"):
    inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D(5, 3, activation="relu", name="conv_1")(inputs))
    if head == "logits":
        output_activation = "linear"
    if head != "layer":
        return keras.Model(inputs, layers.Dense(n_outputs, activation=output_activation)(x))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(n_outputs)(x)))


def test_classes_of_a_network_and_of_a_search(plt, data):
    X, y = data
    net = shallow(X, y)
    images = X[:5].reshape(-1, 8, 8, 1)
    display = GradCAMDisplay.from_estimator(net, X[:5])
    probabilities = net.predict_proba(X[:5])
    expected = reference(net.model_, images, probabilities.argmax(axis=1))
    assert expected.max() > 0
    assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)
    assert display.captions == [f"{p.argmax()} ({p.max():.0%})" for p in probabilities]
    seven = GradCAMDisplay.from_estimator(net, X[:5], target=7)
    assert_allclose(seven.maps, reference(net.model_, images, [7] * 5), rtol=1e-4, atol=1e-6)
    assert seven.captions[0] == f"7 ({probabilities[0, 7]:.0%})"
    by_name = GradCAMDisplay.from_estimator(net, X[:5], target=7, layer="conv_1")
    assert_array_equal(by_name.maps, seven.maps)
    pipeline = make_pipeline(ImageReshaper(rescale=None), net)
    search = GridSearchCV(pipeline, {"convnetclassifier__epochs": [2]}, cv=2).fit(X, y)
    display = GradCAMDisplay.from_estimator(search, X[:5], target=7)
    inner = search.best_estimator_[-1].model_
    assert_allclose(display.maps, reference(inner, images, [7] * 5), rtol=1e-4, atol=1e-6)
    # Nothing of it stays in the network.
    assert_array_equal(net.predict_proba(X[:5]), probabilities)
    assert_array_equal(GradCAMDisplay.from_estimator(net, X[:5], target=7).maps, seven.maps)


@pytest.mark.slow
def test_through_hidden_layers_as_keras_has_it(plt, data):
    X, y = data
    net = ConvNetClassifier(
        (4, 6), hidden_layer_sizes=(8,), activation="tanh", batch_normalization=True, dropout=0.5,
        epochs=2, random_state=0,
    ).fit(X, y)  # fmt: skip
    model = net.model_
    until = keras.Model(model.inputs, model.get_layer("conv_1").output)
    maps = tf.constant(until.predict(X[:4].reshape(-1, 8, 8, 1), verbose=0))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        x, behind = maps, False
        for layer in model.layers[:-1]:
            x = layer(x, training=False) if behind else x
            behind = behind or layer.name == "conv_1"
        last = model.layers[-1]
        score = (x @ last.kernel + last.bias)[:, 3]
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
    expected = np.maximum((weights * maps).numpy().sum(axis=-1), 0)
    display = GradCAMDisplay.from_estimator(net, X[:4], target=3, layer=0)
    assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-7)


def test_one_unit_speaks_for_one_class_and_against_the_other(plt, data):
    X, y = data[0], np.where(data[1] < 5, "few", "many")
    net = shallow(X, y)
    assert net.n_outputs_ == 1
    images, units = X[:6].reshape(-1, 8, 8, 1), [0] * 6
    for target, sign in (("many", 1), ("few", -1)):
        display = GradCAMDisplay.from_estimator(net, X[:6], target=target)
        expected = reference(net.model_, images, units, sign)
        assert expected.max() > 0
        assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)
    display = GradCAMDisplay.from_estimator(net, X[:6])
    signs = np.where(net.predict(X[:6]) == "many", 1, -1)
    expected = reference(net.model_, images, units, signs)
    assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)
    multilabel = shallow(X, np.c_[data[1] % 2, data[1] < 5])
    display = GradCAMDisplay.from_estimator(multilabel, X[:6], target=1)
    expected = reference(multilabel.model_, images, [1] * 6)
    assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("head", ["units", "logits", "layer"])
def test_networks_of_users(plt, data, head):
    X, y = data[0].reshape(-1, 8, 8, 1), data[1]
    net = KerasClassifier(build, model_params={"head": head}, epochs=1, random_state=0).fit(X, y)
    display = GradCAMDisplay.from_estimator(net, X[:3], target=2)
    model = net.model_
    if head == "layer":
        model = keras.Model(model.inputs, model.layers[-2].output)
    assert_allclose(display.maps, reference(model, X[:3], [2] * 3), rtol=1e-4, atol=1e-6)


def test_values(plt, data):
    X, y = data[0].reshape(-1, 8, 8, 1), np.c_[data[1], -data[1]].astype(float)
    net = KerasRegressor(build, epochs=1, random_state=0).fit(X, y)
    display = GradCAMDisplay.from_estimator(net, X[:3], target=1)
    assert_allclose(display.maps, reference(net.model_, X[:3], [1] * 3), rtol=1e-4, atol=1e-6)
    assert display.captions == [f"{value:.3g}" for value in net.predict(X[:3])[:, 1]]
    with pytest.raises(ValueError, match="number of one output, from 0 to 1, received None"):
        GradCAMDisplay.from_estimator(net, X[:3])


@pytest.mark.parametrize("training", ["features", "augmented"])
def test_within_a_frozen_backbone(plt, data, training):
    base = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, name="first"),
            layers.Conv2D(5, 3, name="second"),
        ]
    )
    X, y = data[0].reshape(-1, 8, 8, 1), data[1]
    net = PretrainedFeatureClassifier(
        base, preprocess=None, hidden_layer_sizes=(), training=training, epochs=1,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    display = GradCAMDisplay.from_estimator(net, X[:3], target=4)
    maps = base.predict(X[:3], verbose=0)
    kernel = net.model_.layers[-1].get_weights()[0].reshape(*maps.shape[1:], -1)[..., 4]
    expected = np.maximum((kernel.mean(axis=(0, 1)) * maps).sum(axis=-1), 0)
    assert expected.max() > 0
    assert_allclose(display.maps, expected, rtol=1e-4, atol=1e-6)


def test_the_drawing(plt, data):
    images = data[0][:5].reshape(-1, 8, 8, 1) / 16
    maps = np.arange(5 * 9.0).reshape(5, 3, 3)
    maps[1] = 0
    figure, ax = plt.subplots()
    display = GradCAMDisplay(maps, images, captions=list("abcde")).plot(ax, alpha=0.5)
    assert (display.figure_, display.ax_) == (figure, ax)
    assert [cell.get_title() for cell in display.axes_] == list("abcde")
    for i, (image, overlay) in enumerate(zip(display.images_, display.overlays_, strict=True)):
        assert_allclose(image.get_array(), images[i, :, :, 0])
        scaled = maps[i] / (maps[i].max() or 1)
        assert_allclose(overlay.get_array(), scaled, rtol=1e-6)
        assert_allclose(overlay.get_alpha(), scaled / 2, rtol=1e-6)
        assert overlay.get_extent() == image.get_extent()
        assert isinstance(overlay.norm, Normalize)
        assert (overlay.norm.vmin, overlay.norm.vmax) == (0, 1)
    figure.canvas.draw()
    boxes = [cell.get_window_extent() for cell in display.axes_]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])
    assert display.plot(max_images=2).overlays_.shape == (2,)


def test_errors(plt, data):
    X, y = data
    net = shallow(X, y)
    draw = GradCAMDisplay.from_estimator
    with pytest.raises(NotFittedError):
        draw(ConvNetClassifier(), X)
    with pytest.raises(TypeError, match=r"LogisticRegression\(\) is not a network"):
        draw(LogisticRegression().fit(X, y), X)
    dense = DenseClassifier(8, epochs=1).fit(X, y)
    with pytest.raises(
        ValueError, match=r"no convolution of images\. Its layers are: hidden_1, out"
    ):
        draw(dense, X)
    with pytest.raises(ValueError, match="target=11 is not one of the classes"):
        draw(net, X, target=11)
    with pytest.raises(ValueError, match="layer='conv_9' is neither the number"):
        draw(net, X, layer="conv_9")
    with pytest.raises(
        ValueError, match=r"outputs of shape \(216,\) per image, which are not feature maps"
    ):
        draw(net, X, layer="flatten")
    with pytest.raises(ValueError, match="max_images must be a positive integer, received 0"):
        draw(net, X, max_images=0)
    with pytest.raises(ValueError, match=r"alpha must be a number in \[0, 1\], received 2"):
        draw(net, X, alpha=2)
    with pytest.raises(ValueError, match="at least one, received 0 maps"):
        GradCAMDisplay(np.zeros((0, 3, 3)), np.zeros((0, 8, 8, 1))).plot()

    def twice(n_outputs):
        inputs = keras.Input((8, 8, 1))
        conv = layers.Conv2D(1, 3, padding="same", name="twice")
        x = layers.Flatten()(conv(conv(inputs)))
        return keras.Model(inputs, layers.Dense(n_outputs, activation="softmax")(x))

    shared = KerasClassifier(twice, epochs=1).fit(X.reshape(-1, 8, 8, 1), y)
    with pytest.raises(ValueError, match="layer='twice' is called 2 times"):
        draw(shared, X.reshape(-1, 8, 8, 1))
