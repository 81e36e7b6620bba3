"""A traced function of TensorFlow that any network of one template can call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from skdl._engine.compiled.functions import DefinedFunction, Function, definitions_of
from skdl._engine.device import on_gpu
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.core.framework.function_pb2 import FunctionDefLibrary  # isort: skip
from tensorflow.core.protobuf.config_pb2 import ConfigProto  # isort: skip
from tensorflow.python.eager import context  # isort: skip
from tensorflow.python.eager.polymorphic_function.atomic_function import (  # isort: skip
    InterpolateRuntimeError,
)


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


class Traced(NamedTuple):
    """A traced function, and how it is called.

    One that was traced in this process has a `function`, which keeps what its tensors and Python
    functions need. One that is named by its content has `definitions`.
    """

    captures: list[Any]  # after its inputs: positions in the state, or tensors as they are
    outputs: Any  # positions of its outputs, in the form in which it returns them
    function: Any = None
    definitions: FunctionDefLibrary | None = None
    names: dict[str, str] | None = None  # that functions had when they were traced, by their own

    def named_by_content(self) -> Traced:
        """Return a traced function under names by which it may be stored."""
        definitions, names = definitions_of(self.function)
        return self._replace(definitions=definitions, names=names)


def trace(
    function: Callable,
    signature: list[tf.TensorSpec],
    variables: list[keras.Variable],
) -> Traced:
    """Trace a function that reads and assigns these variables."""
    traced = tf.function(function, autograph=False).get_concrete_function(*signature)
    position = {id(v.value.handle): i for i, v in enumerate(variables)}
    captures = [position.get(id(capture), capture) for capture in traced.captured_inputs]
    kind = traced.function_type
    outputs = kind.pack_output(list(range(len(kind.flat_outputs))))
    return Traced(captures, outputs, traced)


class Program:
    """A traced function whose captured variables are handed in at each call."""

    was_called = False  # in the first call, XLA compiles its part

    def __init__(self, traced: Traced):
        self._captures, self._outputs = traced.captures, traced.outputs
        self._traced, self._names = traced.function, traced.names or {}
        if traced.definitions is not None:
            self._function: Function = DefinedFunction(traced.definitions)
        else:
            self._function = Function(traced.function.function_def.signature)

    def __call__(self, state: list[tf.Variable], *inputs: tf.Tensor) -> Any:
        captured = [state[c].handle if isinstance(c, int) else c for c in self._captures]
        with tf.init_scope(), _optimized():  # unseen by a user's gradient tape
            try:
                found = self._function([*inputs, *captured])
            except tf.errors.OpError as error:
                self._explain(error)
                raise
        if isinstance(self._outputs, dict):
            return {name: found[i] for name, i in self._outputs.items()}
        return tf.nest.map_structure(found.__getitem__, self._outputs)

    def _explain(self, error: tf.errors.OpError) -> None:
        """Have an error say which lines of Python its operation is from, where that is known."""
        for name, before in self._names.items():
            error._message = error._message.replace(name, before)
        if self._traced is not None:
            atomic = self._traced._inference_function
            InterpolateRuntimeError(atomic).__exit__(type(error), error, None)
