"""Whether a loss and metrics over rows depend on the batches in which they are computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from skdl._networks.code_keys import root_package
from skdl._networks.keras import keras
from skdl._networks.variables import flat_layers, with_parts

# These reductions weigh each row alike, in batches of any size.
_MEANS = {"sum_over_batch_size", "mean"}


def is_mean_of_rows(model: keras.Model, target_shape: tuple[int, ...]) -> bool:
    """Tell whether a compiled network's loss and metrics are known to be the same in any batches.

    That is, the loss is a mean of one value per row and metrics count row by row. Keras's own are
    known, users' functions are not, nor are sums, nor losses that compare the rows of a batch.
    """
    batches = [
        (_zeros(n_rows, target_shape), _zeros(n_rows, model.output_shape[1:])) for n_rows in (2, 3)
    ]
    layers = [part for layer in flat_layers(model) for part in with_parts(layer)]
    layers += [each for each in model._flatten_layers() if isinstance(each, keras.Model)]
    return (
        _is_mean(model.loss, batches)
        and all(_counts_by_row(metric, batches) for metric in measures(model))
        # A layer may add to the loss what it makes of a whole batch.
        and all(_is_of_keras(type(layer)) for layer in layers)
        and all(getattr(layer, "activity_regularizer", None) is None for layer in layers)
    )


def measures(model: keras.Model) -> list[keras.metrics.Metric]:
    """Return the metrics of a compiled network that look at outputs."""
    return [each for holder in model.metrics for each in getattr(holder, "metrics", ())]


def _is_mean(loss: Any, batches: list[tuple[Any, Any]]) -> bool:
    """Tell whether a loss is the mean of one value per row."""
    if not isinstance(loss, keras.losses.Loss):
        return _is_by_row(loss, loss, batches)  # of which Keras takes the mean
    known = _is_of_keras(type(loss)) and loss.reduction in _MEANS
    return known and _is_by_row(getattr(loss, "fn", loss.call), loss.call, batches)


def _counts_by_row(metric: keras.metrics.Metric, batches: list[tuple[Any, Any]]) -> bool:
    """Tell whether a metric adds up what it makes of each row."""
    if not _is_of_keras(type(metric)):
        return False
    if not isinstance(metric, keras.metrics.MeanMetricWrapper):
        return True
    function = partial(metric._fn, **metric._fn_kwargs)
    return _is_by_row(metric._fn, function, batches)


def _is_by_row(function: Callable, call: Callable, batches: list[tuple[Any, Any]]) -> bool:
    """Tell whether a function is of Keras and gives each row a value that is its own."""
    if not _is_of_keras(function) or function.__name__ == "circle":  # which compares rows
        return False
    found = [(len(y), call(y, outputs)) for y, outputs in batches]
    return all(
        # Of values with a mask, as of a class to ignore, the mean is over those that count.
        tuple(values.shape)[:1] == (n_rows,) and getattr(values, "_keras_mask", None) is None
        for n_rows, values in found
    )


def _zeros(n_rows: int, shape: tuple[int, ...]) -> Any:
    return keras.ops.zeros((n_rows, *shape), "float32")


def _is_of_keras(thing: Any) -> bool:
    return root_package(thing) == "keras"
