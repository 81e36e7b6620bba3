"""Gradients of convolutions over images so large that a few are worked on at a time."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from skdl import ConvNetClassifier, build_convnet
from skdl._engine.compiled.convolutions import same_gradient_in_any_number_of_threads
from skdl._engine.compiled.training_step import tracing_training_step


@pytest.mark.parametrize(
    ("shape", "filters", "kernel_size", "settings"),
    [
        ((7, 60, 50, 3), 32, 3, {}),
        ((5, 70, 71, 1), 16, (2, 5), {"padding": "same"}),
        ((5, 64, 64, 2), 64, 2, {"strides": 2}),
        ((3, 90, 80, 4), 48, 3, {"strides": (2, 1), "padding": "same", "use_bias": False}),
        ((4, 44, 47, 32), 40, 3, {"dilation_rate": 2, "padding": "same"}),
        ((5, 50, 50, 33), 32, 1, {}),
        ((2, 120, 240, 3), 32, 1, {"strides": 2}),
        ((3, 260, 270, 3), 1, 3, {}),
    ],
)
def test_gradients_are_those_of_tensorflow(shape, filters, kernel_size, settings):
    rng = np.random.default_rng(0)
    layer = tf.keras.layers.Conv2D(filters, kernel_size, bias_initializer="normal", **settings)
    layer.build(shape)
    call = same_gradient_in_any_number_of_threads(layer)
    images = tf.constant(rng.normal(size=shape).astype("f"))
    upstream = tf.constant(rng.normal(size=layer.compute_output_shape(shape)).astype("f"))

    @tf.function(input_signature=[tf.TensorSpec((None, *shape[1:]))])
    def gradients(images, layer_call=call):
        sources = [images, *(weight.value for weight in layer.weights)]
        with tf.GradientTape() as tape, tracing_training_step():
            tape.watch(images)
            outputs = layer_call(images)
        return tape.gradient(outputs, sources, upstream)

    ours = gradients(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        if kernel_size == 1:  # TensorFlow's gradient of one with strides was seen to crash
            step = settings.get("strides", 1)
            outputs = tf.tensordot(images[:, ::step, ::step], layer.kernel.value[0, 0], 1)
            outputs += layer.bias.value
        else:
            outputs = layer(images)
    theirs = tape.gradient(outputs, [images, *(w.value for w in layer.weights)], upstream)
    for our, their in zip(ours, theirs, strict=True):
        assert_allclose(our, their, rtol=1e-3, atol=2e-5 * max(np.abs(their).max(initial=0), 1))


@pytest.mark.parametrize("batch_normalization", [False, True])
def test_a_network_on_large_images_trains_as_keras_trains_it(batch_normalization):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(7, 65, 66, 3)).astype("f"), np.arange(7) % 3
    network = {"filters": (32, 8), "pool_size": (4, 2), "hidden_layer_sizes": (5,)}
    network["batch_normalization"] = batch_normalization
    model = build_convnet(X.shape[1:], 3, "softmax", **network, seed=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, y, 4, 2, shuffle=False, verbose=0)
    net = ConvNetClassifier(
        **network, optimizer="sgd", epochs=2, batch_size=4, shuffle=False, random_state=3,
        rescale=None,
    ).fit(X, y)  # fmt: skip
    assert net.training_program_ == "graph"
    for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
