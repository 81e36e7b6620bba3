"""A traced function of TensorFlow that any network of one template can call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


class Program:
    """A traced function whose captured variables are handed in at each call."""

    was_called = False  # so that XLA has compiled what it compiles of it

    def __init__(
        self,
        function: Callable,
        signature: list[tf.TensorSpec],
        variables: list[keras.Variable],
    ):
        traced = tf.function(function, autograph=False)
        self._concrete = traced.get_concrete_function(*signature)
        position = {id(v.value.handle): i for i, v in enumerate(variables)}
        self._captures = [
            position.get(id(capture), capture) for capture in self._concrete.captured_inputs
        ]

    def __call__(self, state: list[tf.Variable], *inputs: tf.Tensor) -> Any:
        captured = [state[c].handle if isinstance(c, int) else c for c in self._captures]
        with tf.init_scope():  # unseen by a user's gradient tape
            return self._concrete._call_flat(list(inputs), captured)
