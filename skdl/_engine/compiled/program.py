"""A traced function of TensorFlow that any network of one template can call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from skdl._engine.device import on_gpu
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.core.protobuf.config_pb2 import ConfigProto  # isort: skip
from tensorflow.python.eager import context  # isort: skip


@cache
def _options() -> context.FunctionCallOptions:
    """Return what TensorFlow is to make of a graph before it first runs.

    All that its graph optimizer does takes a third of the first fit of a small network. Two parts
    of it are worth their time: fewer control dependencies, without which recurrent networks are a
    fifth slower, and fused operations.
    """
    config = ConfigProto(allow_soft_placement=True)  # which is TensorFlow's default for functions
    config.graph_options.rewrite_options.optimizers.extend(["dependency", "remap"])
    config.graph_options.rewrite_options.meta_optimizer_iterations = 1
    return context.FunctionCallOptions(config_proto=config)


@contextlib.contextmanager
def _optimized() -> Iterator[None]:
    """Have programs that this thread calls within optimized as we want it."""
    if on_gpu():  # where the optimizer also changes the layout of images
        yield
        return
    eager = context.context()
    theirs, eager.function_call_options = eager.function_call_options, _options()
    try:
        yield
    finally:
        eager.function_call_options = theirs


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
        with tf.init_scope(), _optimized():  # unseen by a user's gradient tape
            return self._concrete._call_flat(list(inputs), captured)
