"""Which rows are held out for validation, and whether they stop training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import train_test_split

from skdl._common.counts import counted
from skdl._common.seeds import hold_out_seed

if TYPE_CHECKING:
    from skdl._estimators.base import BaseNetwork

# Fraction held out where early stopping is asked for, and neither X_val nor validation_split.
_STOPPING_SPLIT = 0.1
# The largest fraction that is held out for a row of each class; of more classes, any tenth is.
_LARGEST_SPLIT = 1 / 3
# Below, a tenth of the rows costs more than stopping gains; benchmarks/stopping.py measures it.
_STOPPING_ROWS = 1000


def stops_early(estimator: BaseNetwork, n_rows: int, validated: bool = False) -> bool:
    """Tell whether training is stopped by validation rows.

    `early_stopping="auto"` takes a tenth of many rows for it, unless the caller has `validated`
    otherwise, by rows to be watched, or training is too short for early stopping to end it.
    """
    asked = estimator.early_stopping
    if not isinstance(asked, str):
        return bool(asked)
    long = estimator.epochs > estimator.patience
    return n_rows >= _STOPPING_ROWS and long and not validated


def split(
    labels: Any, n_rows: int, validation_split: float, early_stopping: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the rows to train on and of those to hold out, each in order.

    Parameters
    ----------
    labels : array of shape (n_rows,) or None
        What the split is stratified by; None, or too few rows of a label, for a plain one.
    n_rows : int
        Number of rows.
    validation_split : float
        Fraction to hold out; 0 for the default of early stopping.
    early_stopping : bool
        For the error message.
    seed : int
        Of the fit.

    Raises
    ------
    ValueError
        If no row is left to train on.
    """
    n_held = max(int(np.ceil((validation_split or _STOPPING_SPLIT) * n_rows)), 1)
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        if not validation_split and len(counts) <= _LARGEST_SPLIT * n_rows:
            n_held = max(n_held, len(counts))
        if min(n_held, n_rows - n_held) < len(counts) or counts.min() < 2:
            labels = None
    if n_held >= n_rows:
        raise ValueError(
            f"Holding out {n_held} of n_samples = {counted(n_rows, 'row')} leaves none to train on "
            f"(validation_split={validation_split!r}, early_stopping={early_stopping!r}). Give "
            "more rows, or X_val and y_val."
        )
    kept, held = train_test_split(
        np.arange(n_rows), test_size=n_held, stratify=labels, random_state=hold_out_seed(seed)
    )
    if labels is not None:  # rounding may have left a rare class out
        present, first = np.unique(labels[kept], return_index=True)
        moved = kept[first[np.isin(present, labels[held], invert=True)]]
        kept, held = np.setdiff1d(kept, moved), np.union1d(held, moved).astype(int)
    return np.sort(kept), np.sort(held)
