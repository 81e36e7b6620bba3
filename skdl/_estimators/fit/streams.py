"""Data that come batch by batch: a `tf.data.Dataset` or `keras.utils.PyDataset` given as X."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_array

from skdl._common.sparse_rows import SparseRows
from skdl._estimators.fit.fitting import Fitting
from skdl._estimators.fit.hold_out import stops_early
from skdl._estimators.fit.samples import Samples, checked_weight
from skdl._estimators.fit.tasks import FitTasks

if TYPE_CHECKING:
    from skdl._engine.rows import Rows

_ENDLESS = -1  # tf.data.INFINITE_CARDINALITY


def is_stream(X: Any) -> bool:
    """Tell whether X is a data set of batches."""
    kind = type(X)  # a DataFrame has its columns as attributes
    return _is_tensorflow(X) or (hasattr(kind, "num_batches") and hasattr(kind, "__getitem__"))


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
    _check_possible(estimator, y, sample_weight, X_val, y_val)
    tasks = FitTasks(estimator, None, None, None, estimator.epochs)
    fitting = Fitting(estimator, going_on=estimator.warm_start and hasattr(estimator, "_network"))
    with estimator._as_before_if_it_fails():
        first, samples, n_batches = _read(estimator, X, "X", reset=not fitting.going_on)
        fitting.learn_targets(samples.y)
        weighed = fitting.weigh_classes(samples)
        fitting.learn_scale(weighed)
        fitting.begin()
        network = fitting.make_network(fitting.learn_inputs(first))
        fitting.check_weights(weighed.weight)
        factors = None if weighed is samples else _by_label(samples, weighed.weight)
        rows = StreamRows(fitting, X, n_batches, weighed.weight, factors)
        held_out: StreamRows | Rows | None = None
        if is_stream(X_val):
            _, held, n_batches = _read(estimator, X_val, "X_val", reset=False)
            fitting.targets.check_validation(samples.y, held.y)
            held_out = StreamRows(fitting, X_val, n_batches, held.weight, trained=False)
        elif X_val is not None:
            _, held = fitting.hold_out(samples, X_val, y_val)
            held_out = fitting.encode_validation(held, sparse=False)
        stopping, epochs = stops_early(estimator, len(rows), validated=True), estimator.epochs
        estimator._train(network, fitting.targets, rows, held_out, epochs, stopping, tasks)
    tasks.end()
    return estimator


class StreamRows:
    """Rows that are read batch by batch, in the data set's own order and batch size.

    They are `trained` on, or else validated on.
    """

    def __init__(
        self,
        fitting: Fitting,
        source: Any,
        n_batches: int,
        weights: Any,
        factors: dict | None = None,
        trained: bool = True,
    ):
        self.x = self
        self.lazy, self._trained = True, trained
        self._estimator, self._targets, self._source = fitting.estimator, fitting.targets, source
        self._network = fitting.network
        self._n_batches, self._n_rows = n_batches, len(weights)
        self._scale, self._factors = len(weights) / weights.sum(), factors

    def __len__(self) -> int:
        return self._n_rows

    def batches(self, seed: int, batch_size: int, shuffle: bool) -> Any:
        """Return the batches as the network takes them, for `Model.fit`."""
        from skdl._engine.batches import BatchSource

        rows, source, n_batches = self, self._source, self._n_batches
        indexed = not _is_tensorflow(source)

        class Batches(BatchSource):
            """Reads a `tf.data.Dataset` on from batch to batch, from the start for the first."""

            def __len__(self):
                return n_batches

            def begin_epoch(self, epoch):
                """Do nothing: reading batch 0 begins the epoch."""

            def on_epoch_begin(self):
                if indexed:
                    source.on_epoch_begin()

            def on_epoch_end(self):
                if indexed:
                    source.on_epoch_end()

            def read(self, i):
                return rows._as_network_takes(*_parts(source[i] if indexed else self._next(i)))

            def _next(self, i):
                if i == 0:
                    self._iterator = source.as_numpy_iterator()
                for batch in self._iterator:
                    return batch
                raise ValueError(
                    f"A data set must have as many batches in every pass: {n_batches} in the "
                    f"first, {i} now."
                )

        return Batches()

    def _as_network_takes(self, x, y, weight):
        estimator = self._estimator
        x = estimator._inputs(estimator._validated(x, reset=False, trained=self._trained))
        x, dtype = estimator._for_network(SparseRows.of(x), self._network)
        weight = checked_weight(weight, y, allow_all_zero_weights=True) * self._scale
        if self._factors is not None:
            weight *= [self._factors.get(label, 1.0) for label in _hashable(y)]
        x = x.toarray() if isinstance(x, SparseRows) else x[:]  # of images, those in files are read
        x = getattr(x, "arrays", x)  # of several inputs
        return x, self._targets.encode(y, dtype)[:], weight.astype(dtype)


def _check_possible(estimator, y, sample_weight, X_val, y_val):
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
    if (X_val is None or is_stream(X_val)) == (y_val is not None):
        raise ValueError(
            "y_val belongs to an X_val of arrays: a data set of batches holds its own targets."
        )
    for callback in getattr(estimator, "_skl_callbacks", ()):
        hooks = callback.on_fit_task_begin, callback.on_fit_task_end
        if any({"X", "y"} & signature(hook).parameters.keys() for hook in hooks):
            raise ValueError(
                f"set_callbacks was given a {type(callback).__name__}, which asks for the training "
                "rows: those of a data set of batches are not held. Give X_val, whose loss and "
                "metrics come into history_."
            )
    stopping = stops_early(estimator, 0)  # "auto" cannot be meant here
    if X_val is None and (estimator.validation_split or stopping):
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


def _by_label(samples, weights):
    """Return by which factor the weights of each class grew, the same in every batch."""
    known = samples.weight > 0
    grown = weights[known] / samples.weight[known]
    return dict(zip(_hashable(samples.y[known]), grown.tolist(), strict=True))


def _hashable(y):
    """Return labels, or for several a row their tuples."""
    y = np.asarray(y)
    return y.tolist() if y.ndim == 1 else list(map(tuple, y.tolist()))


def _read(estimator, X, name, reset):
    """Return the first inputs, checked, all targets and weights, and the number of batches.

    The samples hold no X.
    """
    x, y, weights = None, [], []
    for batch in _elements(X, name):
        inputs, targets, weight = _parts(batch, name)
        if np.ndim(targets) == 0:
            raise ValueError(
                f"{name} must be a data set of batches, but its elements are single rows: their "
                f"targets have no axis. Give {name}.batch(32)."
            )
        if x is None:
            suffix = name.removeprefix("X")
            x, targets = estimator._check_rows(inputs, targets, reset=reset, name=suffix)
        y.append(targets)
        weights.append(checked_weight(weight, targets, allow_all_zero_weights=True))
        if reset and weights[-1].any():
            estimator._see_batch(inputs, weights[-1] > 0)
    y = check_array(
        np.concatenate(y), ensure_2d=False, input_name=f"y{name.removeprefix('X')}",
        dtype=None if is_classifier(estimator) else "numeric",
    )  # fmt: skip
    return x, Samples(None, y, checked_weight(np.concatenate(weights), y)), len(weights)


def _parts(batch, name="X"):
    """Return inputs, targets, and weights or None."""
    if isinstance(batch, tuple | list) and len(batch) in (2, 3):
        return (*batch, None)[:3]
    raise ValueError(
        f"{name} must hold batches (inputs, targets) or (inputs, targets, weights), received "
        f"{type(batch).__name__}."
    )


def _elements(X, name="X"):
    """Yield the batches of one pass, of which there must be one."""
    found = False
    for batch in _batches(X, name):
        found = True
        yield batch
    if not found:
        raise ValueError(f"{name} has no batches. Give a data set with one batch at least.")


def _batches(X, name):
    """Yield the batches of one pass, an epoch to a PyDataset."""
    if _is_tensorflow(X):
        if X.cardinality() == _ENDLESS:
            raise ValueError(f"{name} must have an end: leave out repeat(), or call take().")
        yield from X.as_numpy_iterator()
        return
    if X.num_batches is None:
        raise ValueError(f"{name} must have an end: its __len__ must return the number of batches.")
    X.on_epoch_begin()
    for i in range(X.num_batches):
        yield X[i]
    X.on_epoch_end()


def _is_tensorflow(X):
    return hasattr(type(X), "element_spec")
