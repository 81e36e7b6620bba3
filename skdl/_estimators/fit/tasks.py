"""A fit as scikit-learn's callbacks see it: one task, with one subtask an epoch."""

from __future__ import annotations

import copy
from numbers import Number
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import indexable

from skdl._sklearn import rows_of


class FitTasks:
    """Tells the callbacks of an estimator, set by `set_callbacks`, of its fit and its epochs.

    They are given the training rows as `fit` received them, less those held out, so that a
    scorer sees what a user would pass; never the validation rows.
    """

    def __init__(
        self, estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, max_epochs: int | None
    ):
        self._estimator = estimator
        self.context = estimator._init_callback_context(max_subtasks=max_epochs)
        self._heard = bool(getattr(estimator, "_skl_callbacks", ()))
        self._data = {"X": X, "y": y}
        if isinstance(sample_weight, Number):  # of every row
            sample_weight = np.full(np.shape(y)[:1], sample_weight)
        self._set_weight(sample_weight)
        self.context.call_on_fit_task_begin(estimator=estimator, **self._data)
        self._epoch: Any = None
        self._network = self._targets = None

    def _set_weight(self, sample_weight):
        self._data["metadata"] = None if sample_weight is None else {"sample_weight": sample_weight}

    def keep(self, rows: Any) -> None:
        """Leave only these rows to the callbacks."""
        if not self._heard:
            return
        weight = (self._data["metadata"] or {}).get("sample_weight")
        for name in ("X", "y"):
            self._data[name] = _rows_of(self._data[name], rows)
        self._set_weight(None if weight is None else _rows_of(weight, rows))

    def listening_to(self, network: Any, targets: Any) -> FitTasks | None:
        """Return what is to be told of the epochs of a network, None if no callback is set."""
        self._network, self._targets = network, targets
        return self if self._heard else None

    def begin_epoch(self) -> None:
        """Begin the task of an epoch."""
        self._epoch = self.context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self) -> bool:
        """End the task of an epoch; tell whether a callback asks to stop."""
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=self._as_if_fitted,
            **self._data,
        )

    def _as_if_fitted(self):
        """Return the attributes of an estimator fitted so far; training goes on without them."""
        return self._estimator._fitted_attributes(copy.copy(self._network), self._targets)

    def end(self) -> None:
        """End the task of the fit."""
        self.context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes={}, **self._data
        )


def _rows_of(values, rows):
    try:
        return rows_of(*indexable(values), rows)
    except TypeError:  # a tensor of TensorFlow takes no list of rows
        return np.asarray(values)[rows]
