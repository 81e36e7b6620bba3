"""A last, smaller batch as a full one: the rows that fill it up have no weight in anything.

XLA compiles a step for one number of rows, so that a smaller batch would have to be compiled for
itself, or run as a graph, which takes ten times as long where a network is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import isfunction
from typing import Any

import numpy as np

from skdl._engine.compiled.evaluation import measures
from skdl._networks.code_keys import root_package
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

_Layers = keras.layers
# What each of these makes of a row depends on no other row of the batch, in training as well.
_ROW_BY_ROW = {
    _Layers.InputLayer, _Layers.Dense, _Layers.Dropout, _Layers.Embedding, _Layers.Flatten,
    _Layers.Rescaling, _Layers.Activation, _Layers.ReLU, _Layers.LeakyReLU, _Layers.PReLU,
    _Layers.ELU, _Layers.LayerNormalization, _Layers.Concatenate, _Layers.Add, _Layers.Multiply,
    _Layers.Average, _Layers.Maximum,
}  # fmt: skip


def is_row_by_row(model: keras.Model) -> bool:
    """Tell whether Keras trains a network as a mean over the rows of a batch, as far as is known.

    It is known of networks that consist of some of Keras's layers, with one output. Whether the
    loss is a mean of one value per row is told by `is_mean_of_rows`.
    """
    operations = _operations(model)
    return (
        model not in operations
        and [len(each.shape) for each in model.outputs] == [2]
        and all(map(_takes_rows_alone, operations))
        and all(isinstance(each, keras.metrics.MeanMetricWrapper) for each in measures(model))
    )


def _operations(model: keras.Model) -> list[Any]:
    """Return the layers and other operations of a network, those of networks within it in place.

    A network that does not compute what these do is one of them itself.
    """
    functional = getattr(model, "_functional", None) or model
    known = root_package(type(model)) == "keras" and "call" not in vars(model)
    if not known or not hasattr(functional, "operations"):
        return [model]
    found = []
    for each in functional.operations:
        found += _operations(each) if isinstance(each, keras.Model) else [each]
    return found


def _takes_rows_alone(layer: Any) -> bool:
    """Tell whether a layer is known to make each row of a batch what it would make of it alone."""
    axes, function = np.ravel(getattr(layer, "axis", -1)), getattr(layer, "activation", None)
    return (
        type(layer) in _ROW_BY_ROW
        and "call" not in vars(layer)
        and not getattr(layer, "mask_zero", False)  # which weighs rows as well
        and all(axis == -1 for axis in axes)
        and (function is None or (isfunction(function) and root_package(function) == "keras"))
    )


def filled_step(model: keras.Model, train_step: Callable) -> Callable:
    """Return a training step of which the rows from a given number on have no weight.

    The loss divides by all rows, so the weights of those that count are the larger. The means of
    loss and metrics count these rows alone.
    """

    def step(batch, n_real):
        x, y, weight = batch
        n_rows = tf.shape(weight)[0]
        counts = tf.cast(tf.range(n_rows) < n_real, weight.dtype)
        share = tf.cast(n_rows, weight.dtype) / tf.cast(n_real, weight.dtype)
        with _measuring(model, n_real, counts, share):
            train_step((x, y, weight * counts * share))

    return step


@contextmanager
def _measuring(model: keras.Model, n_real: Any, counts: Any, share: Any) -> Iterator[None]:
    """Have the loss of a step count as so many rows, and metrics measure those that count.

    Weighted metrics do so by the weights that the rows had.
    """
    measured, tracker = measures(model), model._loss_tracker
    before = [(each, vars(each).get("update_state")) for each in (tracker, *measured)]
    update = tracker.update_state
    tracker.update_state = lambda loss, sample_weight=None: update(loss, sample_weight=n_real)
    for metric in measured:
        metric.update_state = _of_rows(metric.update_state, counts, share)
    try:
        yield
    finally:
        for each, own in before:
            if own is None:
                del each.update_state
            else:
                each.update_state = own


def _of_rows(update: Callable, counts: Any, share: Any) -> Callable:
    def update_state(y, outputs, sample_weight=None):
        weights = counts if sample_weight is None else sample_weight / share
        return update(y, outputs, sample_weight=weights)

    return update_state
