"""What no window reaches is not computed, and nothing else changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from convolutions import train_as_keras_does
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skdl import build_convnet
from skdl._engine.compiled.receptive_field import only_seen_pixels, sizes_seen

COUNTS = st.integers(1, 3)
NETWORKS = st.lists(st.tuples(COUNTS, st.booleans(), COUNTS, COUNTS), min_size=1, max_size=3)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(NETWORKS, st.integers(4, 17), st.integers(4, 17))
def test_what_is_seen_is_what_has_a_gradient(network, height, width):
    kernels, dilated, steps, pools = zip(*network, strict=True)
    try:
        model = build_convnet(
            (height, width, 1), 4, filters=[3] * len(network), kernel_size=kernels,
            strides=[1 if d else s for d, s in zip(dilated, steps, strict=True)],
            dilation_rate=[2 if d else 1 for d in dilated], pool_size=pools,
            hidden_layer_sizes=(), activation="linear", seed=0,
        )  # fmt: skip
    except ValueError as error:
        if "vanish" not in str(error) and "single pixel" not in str(error):
            raise
        reject()
    images = tf.random.stateless_normal((50, height, width, 1), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = model(images)
    gradients = np.abs(tape.gradient(outputs, images)).sum((0, 3))
    reached = [int(np.flatnonzero(gradients.sum(1 - axis))[-1]) + 1 for axis in (0, 1)]
    assert list(sizes_seen(model).get(model.layers[0], (height, width))) == reached
    with only_seen_pixels(model):
        assert_allclose(model(images), outputs, rtol=1e-5, atol=1e-5)
    assert model.layers[0](images).shape[1:] == model.layers[0].output.shape[1:]


def centred(maps):
    """Return maps less their mean, which sees every pixel."""
    return maps - keras.ops.mean(maps, axis=(1, 2), keepdims=True)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("network", "seen"),
    [
        ({}, {"conv_1": (7, 7), "conv_1_pooling": (6, 6)}),
        slow({"conv_dropout": 0.5}, {"conv_1": (7, 7), "conv_1_pooling": (6, 6)}),
        slow({"batch_normalization": True}, {"conv_1_pooling": (6, 6)}),
        ({"padding": "same", "kernel_size": (3, 2), "pool_size": 3}, {"conv_1_pooling": (6, 6)}),
        slow({"activation": keras.layers.PReLU()}, {"conv_1_pooling": (6, 6)}),
        ({"activation": centred}, {"conv_1_pooling": (6, 6)}),
        slow({"activation": "softmax"}, {"conv_1": (7, 7), "conv_1_pooling": (6, 6)}),
        slow({"augmentation": {"translation": 0.2}}, {"conv_1": (7, 7), "conv_1_pooling": (6, 6)}),
    ],
    ids=[
        "default",
        "dropout",
        "normalization",
        "same",
        "layer",
        "function",
        "softmax",
        "augmentation",
    ],
)
def test_trains_and_predicts_as_keras_does(network, seen, digits):
    net, model, X = train_as_keras_does({"kernel_size": 2, **network}, digits)
    found = {layer.name: size for layer, size in sizes_seen(model).items()}
    assert {name: size for name, size in found.items() if "conv_1" in name} == seen
    assert_allclose(net.predict_proba(X), net.model_.predict(X, verbose=0), rtol=1e-4, atol=1e-6)
    maps = net.feature_maps(X[:2], 0)  # whole, though not all of them is computed to predict
    assert maps.shape[1:] == model.get_layer("conv_1").output.shape[1:]
