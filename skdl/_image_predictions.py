"""What predictions say of images: their labels, the probabilities and the names of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from skdl._images import pixel_maximum


def labels_of(y: ArrayLike, name: str) -> NDArray:
    """Return labels as an array of one dimension."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"{name} must be one label a row, received an array of shape {y.shape}.")
    return y


def probabilities_of(
    y_proba: ArrayLike | None, classes: NDArray, y_true: NDArray, y_pred: NDArray
) -> Sequence[NDArray | None]:
    """Return the probabilities of the true and of the predicted labels, None if not known."""
    if y_proba is None:
        return None, None
    y_proba = np.asarray(y_proba)
    if y_proba.ndim != 2 or y_proba.shape[1] != len(classes):
        raise ValueError(
            f"y_proba must have one column for each of the {len(classes)} classes "
            f"{classes.tolist()!r}, received an array of shape {y_proba.shape}. Give the labels "
            "of its columns as classes."
        )
    order = np.argsort(classes)
    rows, found = np.arange(len(y_proba)), []
    for y in (y_true, y_pred):
        place = order[np.searchsorted(classes, y, sorter=order) % len(classes)]
        # A label that the network was not trained on has no probability.
        found.append(np.where(classes[place] == y, y_proba[rows, place], np.nan))
    return found


def naming(classes: NDArray, display_labels: Sequence[str] | None) -> Callable[[NDArray], NDArray]:
    """Return a function from labels to what is shown for them."""
    if display_labels is None:
        return lambda y: y
    if len(display_labels) != len(classes):
        raise ValueError(
            f"display_labels has {len(display_labels)} names for the {len(classes)} classes "
            f"{classes.tolist()!r}."
        )
    names = dict(zip(classes.tolist(), display_labels, strict=True))
    return lambda y: np.array([names.get(label, label) for label in y.tolist()], dtype=object)


def scaled_pixels(rows: Any, shown: NDArray) -> NDArray:
    """Return some of the rows of pixels as values in 0..1."""
    maximum = pixel_maximum(rows)
    rows = rows[shown]
    rows = np.asarray(rows.toarray() if issparse(rows) else rows, dtype=np.float32)
    low, high = (min(rows.min(), 0), rows.max()) if rows.size else (0, 1)
    if low == 0 and high <= maximum:
        return rows / maximum
    return (rows - low) / (high - low or 1)
