"""How a training step is traced into a program: what layers learn of it, and what is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from skdl._networks.keras import keras  # noqa: F401 - loads TensorFlow without its log lines

import tensorflow as tf  # isort: skip - after Keras
from tensorflow.python.framework.ops import gradient_registry  # isort: skip

# The attribute in which TensorFlow names the registered gradient of an operation.
_GRADIENT = "_gradient_op_type"

# The graph in which a training step is traced, for what looks at its tape.
_training: ContextVar[tf.Graph | None] = ContextVar("graph of a training step", default=None)


@contextmanager
def tracing_training_step() -> Iterator[None]:
    """Let layers that are traced within know that the tape of the step is at hand."""
    token = _training.set(tf.compat.v1.get_default_graph())
    try:
        yield
    finally:
        _training.reset(token)


def graph_of_step() -> tf.Graph | None:
    """Return the graph in which a training step is being traced, None where none is."""
    return _training.get()


def forgetting_gradients(step: Callable) -> Callable:
    """Return a step of a program without the memory that TensorFlow would keep of it for ever.

    Each use of `tf.custom_gradient` in a graph, here as in Keras's optimizers, is registered for
    gradients through the whole graph, which so is never freed (tensorflow/tensorflow issue 97697).
    The tape of a training step is done with it at the end of the step.
    """

    def forgetting(*inputs):
        outputs = step(*inputs)
        for operation in tf.compat.v1.get_default_graph().get_operations():
            if operation.type == "IdentityN" and _GRADIENT in operation.node_def.attr:
                name = operation.get_attr(_GRADIENT).decode()
                gradient_registry._registry.pop(name, None)
        return outputs

    return forgetting
