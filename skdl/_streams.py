"""Data that come batch by batch: a `tf.data.Dataset` or `keras.utils.PyDataset` given as X."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_array

from skdl._networks import input_dtype
from skdl._seeds import fit_seed


def is_stream(X: Any) -> bool:
    """Tell whether X is a data set of batches."""
    return hasattr(X, "element_spec") or (hasattr(X, "num_batches") and hasattr(X, "__getitem__"))


def inputs_of(X: Any) -> Iterator[Any]:
    """Yield the inputs of every batch, whether targets come with them or not."""
    for batch in _elements(X):
        yield batch[0] if isinstance(batch, tuple | list) else batch


def fit_stream(
    estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any
) -> BaseEstimator:
    """Fit an estimator on a data set of batches, by `Model.fit`.

    A first pass reads the targets and weights, which are held; the inputs never are.
    """
    _check_possible(estimator, y, sample_weight, X_val)
    going_on = estimator.warm_start and hasattr(estimator, "_network")
    with estimator._as_before_if_it_fails():
        batches = iter(_batches(X))
        x, first, weight = next(batches, (None, None, None))
        if x is None:
            raise ValueError("X has no batches. Give a data set with one batch at least.")
        x, first = estimator._check_rows(x, first, reset=not going_on)
        y, weights = [first], [weight]
        for _, each, weight in batches:
            y.append(each)
            weights.append(weight)
        weights = np.concatenate([_known(*pair) for pair in zip(weights, y, strict=True)])
        y = check_array(
            np.concatenate(y), ensure_2d=False, input_name="y",
            dtype=None if is_classifier(estimator) else "numeric",
        )  # fmt: skip
        targets = estimator._make_targets(y)
        if going_on:
            estimator._check_same_targets(targets)
        class_weight = getattr(estimator, "class_weight", None)
        if class_weight is not None:
            given, weights = weights, targets.weights(class_weight, y, weights)
            class_weight = _by_label(y, weights, given)
        seed = estimator._network.seed if going_on else fit_seed(estimator.random_state)
        x = estimator._inputs(x) if going_on else estimator._learn_inputs(x)
        network = estimator._make_network(x, targets, seed, going_on)
        rows = StreamRows(estimator, X, targets, len(y), class_weight, len(y) / weights.sum())
        held_out = None
        if is_stream(X_val):
            n_val = sum(len(labels) for _, labels, _ in _batches(X_val))
            held_out = StreamRows(estimator, X_val, targets, n_val)
        elif X_val is not None:
            X_val, y_val = estimator._check_rows(X_val, y_val, reset=False, name="_val")
            held_out = estimator._rows(estimator._inputs(X_val), y_val, None, targets, "y_val")
        estimator._train(network, targets, rows, held_out, estimator.epochs)
    return estimator


class StreamRows:
    """Rows that are read batch by batch, in the data set's own order and batch size."""

    def __init__(
        self,
        estimator: BaseEstimator,
        source: Any,
        targets: Any,
        n_rows: int,
        class_weight: dict | None = None,
        scale: float = 1.0,
    ):
        self.x = self
        self.lazy = True
        self._estimator, self._source, self._targets = estimator, source, targets
        self._n_rows, self._class_weight, self._scale = n_rows, class_weight, scale

    def __len__(self) -> int:
        return self._n_rows

    def batches(self, seed: int, batch_size: int, shuffle: bool) -> Any:
        """Return the batches as the network takes them, for `Model.fit`."""
        from skdl._keras import keras

        rows = self

        class Batches(keras.utils.PyDataset):
            """Reads on from batch to batch, and from the start for the first."""

            def __len__(self):
                return n_batches

            def begin_epoch(self, epoch):
                self._iterator = iter(_batches(rows._source))

            def __getitem__(self, i):
                if i == 0:
                    self.begin_epoch(0)
                return rows._as_network_takes(*next(self._iterator))

        n_batches = sum(1 for _ in _batches(self._source, read=False))
        return Batches()

    def _as_network_takes(self, x, y, weight):
        estimator, dtype = self._estimator, input_dtype(self._estimator.dtype)
        x = estimator._inputs(estimator._validated(x, reset=False))
        weight = _known(weight, y)
        if self._class_weight is not None:
            weight = self._targets.weights(self._class_weight, y, weight)
        x = x.toarray() if issparse(x) else x
        return x, self._targets.encode(y, dtype), (weight * self._scale).astype(dtype)


def _check_possible(estimator, y, sample_weight, X_val):
    name = type(estimator).__name__
    if not estimator._takes_streams:
        raise TypeError(
            f"{name} cannot learn from a data set of batches, since it has to see all rows first. "
            "Give arrays, or call partial_fit for one part of the data after the other."
        )
    for parameter, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"{parameter} must be None where X is a data set of batches, which holds (inputs, "
                "targets) or (inputs, targets, weights)."
            )
    if X_val is None and (estimator.validation_split or estimator.early_stopping):
        raise ValueError(
            "No rows can be held out of a data set of batches "
            f"(validation_split={estimator.validation_split!r}, "
            f"early_stopping={estimator.early_stopping!r}). Give X_val: arrays, with y_val, or a "
            "data set."
        )
    if estimator.checkpoint is not None:
        raise ValueError(
            f"checkpoint={estimator.checkpoint!r} cannot be used where X is a data set of batches, "
            "whose order is not known. Use partial_fit and pickle between its calls."
        )


def _by_label(y, weights, given):
    """Return by which factor the weights of each class grew, the same in every batch."""
    known = given > 0
    labels, first = np.unique(y[known], return_index=True)
    factors = weights[known][first] / given[known][first]
    return dict(zip(labels.tolist(), factors.tolist(), strict=True))


def _known(weight, y):
    return np.ones(len(y)) if weight is None else np.asarray(weight, np.float64)


def _batches(X, read=True):
    """Yield (inputs, targets, weights or None) for every batch."""
    for batch in _elements(X, read):
        if not read:
            yield batch
        elif isinstance(batch, tuple | list) and len(batch) in (2, 3):
            yield (*batch, None)[:3]
        else:
            raise ValueError(
                "X must hold batches (inputs, targets) or (inputs, targets, weights), received "
                f"{type(batch).__name__}."
            )


def _elements(X, read=True):
    """Yield the batches as NumPy arrays; unread, as many of whatever is cheapest."""
    if hasattr(X, "element_spec"):
        yield from X.as_numpy_iterator()
        return
    if X.num_batches is None:
        raise ValueError("X must have an end: its __len__ is to tell the number of batches.")
    for i in range(X.num_batches):
        yield X[i] if read else i
    if read:
        X.on_epoch_end()
