"""Rows on their way through a fit: inputs, targets and weights that stay together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdl._common.memory import kept, taken
from skdl._common.mistaken import check_none_masked
from skdl._sklearn import check_sample_weight


@dataclass(frozen=True)
class Samples:
    """Checked rows.

    Parameters
    ----------
    X : array or CSR matrix of n_samples rows, or None
        What the rows hold, as checked or, later, as the network takes it; None where it stays
        elsewhere, such as a table that is not encoded yet.
    y : array of shape (n_samples,) or (n_samples, n_outputs)
        Labels or values, as the user gave them.
    weight : ndarray of shape (n_samples,), default=None
        Non-negative weights; None where all rows count alike.
    positions : ndarray of shape (n_samples,), default=None
        Where the rows stood in what was given to fit; None where nobody asks.
    name : str, default="y"
        What errors call the targets.
    rows : ndarray of shape (n_samples,), default=None
        Which rows of a CSR matrix X these are; None for all.
    """

    X: Any
    y: Any
    weight: np.ndarray | None = None
    positions: np.ndarray | None = None
    name: str = "y"
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return self.y.shape[0]

    def take(self, rows: np.ndarray) -> Samples:
        """Return some of the rows, by their positions among these."""
        return self._with(None if self.X is None else taken(self.X, rows), rows)

    def keep(self, rows: np.ndarray) -> Samples:
        """Return some of the rows, in order, in the memory of these, which are not used again."""
        return self._with(None if self.X is None else kept(self.X, rows), rows)

    def part(self, rows: np.ndarray) -> Samples:
        """Return some of the rows, of a CSR matrix X that stays whole."""
        return replace(self._with(self.X, rows), rows=rows)

    def _with(self, X, rows):
        def of(values):
            return None if values is None else values[rows]

        return Samples(X, of(self.y), of(self.weight), of(self.positions), name=self.name)

    def without_zeros(self) -> Samples:
        """Return the rows that have a weight, these samples themselves where all have."""
        if self.weight is None:
            return self
        kept = np.flatnonzero(self.weight)
        return self if len(kept) == len(self) else self.take(kept)


def largest_is_one(sample_weight: Any, rows: Any, n_rows: int) -> np.ndarray:
    """Return checked weights of rows, divided by the largest; ones where none are given."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = checked_weight(sample_weight, rows)
    return weight / weight.max()


def checked_weight(sample_weight: Any, rows: Any, **checks: Any) -> np.ndarray:
    """Return weights of rows as float64, ones where none are given.

    Raises
    ------
    ValueError
        If there is not one finite, non-negative number per row, or some are masked.
    TypeError
        If they are given by name or class.
    """
    if isinstance(sample_weight, str | Mapping):
        raise TypeError(
            f"sample_weight must be one number per row, received {sample_weight!r}. Weights of "
            f"classes are a parameter of classifiers: class_weight={sample_weight!r}."
        )
    check_none_masked(sample_weight, "sample_weight")
    return check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True, copy=True, **checks
    )
