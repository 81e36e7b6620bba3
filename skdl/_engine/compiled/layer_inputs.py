"""Layers that compute with numbers as inputs where Keras's own ask for numbers of Python."""

from __future__ import annotations

from collections.abc import Callable

from skdl._networks.keras import keras
from skdl._networks.layer_inputs import SELU_ALPHA, SELU_SCALE

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


def _gaussian_dropout(layer):
    def call(inputs, training=False):
        if not training:
            return inputs
        return inputs * keras.random.normal(
            keras.ops.shape(inputs), 1.0, layer.stddev_input, inputs.dtype, layer.seed_generator
        )

    return call


def _alpha_dropout(layer):
    def call(inputs, training=False):
        if not training:
            return inputs
        shape = layer._get_concrete_noise_shape(inputs, layer.noise_shape)
        uniform = keras.random.uniform(shape, seed=layer.seed_generator)
        kept = tf.cast(uniform >= layer.rate_input, inputs.dtype)
        outputs = inputs * kept + -SELU_ALPHA * SELU_SCALE * (1 - kept)
        return layer.factor_input * outputs + layer.shift_input

    return call


def _leaky_relu(layer):
    def call(inputs):
        slope = tf.convert_to_tensor(layer.slope_input, inputs.dtype)

        @tf.custom_gradient
        def leaky(inputs):
            # Positive inputs are their own product with 1.
            factor = tf.where(inputs > 0, tf.ones([], inputs.dtype), slope)
            return inputs * factor, lambda upstream: upstream * factor

        return leaky(inputs)

    return call


# For layers that have the attribute by which they compute.
_CALLS: dict[type, tuple[str, Callable]] = {
    keras.layers.GaussianDropout: ("stddev_input", _gaussian_dropout),
    keras.layers.AlphaDropout: ("factor_input", _alpha_dropout),
    keras.layers.LeakyReLU: ("slope_input", _leaky_relu),
}


def call_by_inputs(layer: keras.Layer) -> Callable | None:
    """Return a `call` for a layer that has been given inputs by which Keras's cannot compute."""
    attribute, call_of = _CALLS.get(type(layer), ("", None))
    return call_of(layer) if call_of is not None and hasattr(layer, attribute) else None
