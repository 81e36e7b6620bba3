"""What TensorFlow computes on: its devices, its strategies, this machine's memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines
from skdl._common.processes import lock

import tensorflow as tf  # isort: skip
from tensorflow.python.eager import context  # isort: skip
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable  # isort: skip


def n_replicas() -> int:
    """Return how many devices the `tf.distribute` strategy in whose scope we are trains on."""
    if not tf.distribute.has_strategy():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


@contextmanager
def numbered_variables() -> Iterator[None]:
    """Name the variables that are made within by their order, for TensorFlow alone.

    Keras gives each a name that no other had before, and TensorFlow keeps an operation of some
    30 KB for every name that it ever created a variable under. What Keras calls a variable is not
    changed.
    """
    numbers = itertools.count()

    def create(next_creator: Callable, **arguments: Any) -> Any:
        # The slash makes it the whole name, whatever scope Keras has entered.
        return next_creator(**arguments | {"name": f"variable_{next(numbers)}/"})

    if tf.distribute.has_strategy():  # which names the copies of a variable itself
        yield
        return
    with tf.variable_creator_scope(create):
        yield


def outside_strategies(function: Callable) -> Any:
    """Call a function outside the scope of any strategy, so that its variables are plain.

    Scopes belong to a thread and cannot be left inside it.
    """

    def call():
        with numbered_variables():
            return function()

    def call_in_thread():
        with lock.borrowed():
            return call()

    if not tf.distribute.has_strategy():
        return call()
    with lock, ThreadPoolExecutor(1) as thread:  # the caller may have it, too
        return thread.submit(call_in_thread).result()


def new_variables(values: list[np.ndarray]) -> list[tf.Variable]:
    """Return device variables with the given values."""
    return outside_strategies(lambda: [_new_variable(value) for value in values])


def _new_variable(value: np.ndarray) -> tf.Variable:
    """Return a variable as `tf.Variable` makes it, in a third of the time.

    The rest goes into scopes, names and checks, and was a quarter of the fit of a small table.
    """
    tensor = tf.constant(value)
    shape, dtype = tensor.shape, tensor.dtype
    anonymous = context.anonymous_name()
    handle = tf.raw_ops.VarHandleOp(shape=shape, dtype=dtype, shared_name=anonymous)
    tf.raw_ops.AssignVariableOp(resource=handle, value=tensor)
    return BaseResourceVariable(
        shape=shape, dtype=dtype, handle=handle, trainable=True, in_graph_mode=False,
        name="variable:0", handle_name="variable", unique_id="variable",
    )  # fmt: skip


def on_gpu() -> bool:
    """Tell whether TensorFlow computes on a GPU in this process."""
    return bool(tf.config.list_logical_devices("GPU"))


def memory_bytes() -> int:
    """Return the size of this machine's memory, a guess of 8 GiB where it is not told."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # no such question on Windows
        return 8 * 2**30
