"""Rows of a CSR matrix that are copied, and converted, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

# Values that are converted at a time to see whether they can be.
_CHUNK = 2**16


@dataclass(frozen=True)
class SparseRows:
    """Some rows of a CSR matrix, in the dtype of a network.

    A matrix that is as large as the memory has no room for a copy beside it. Here nothing is copied
    before some of the rows are asked for.

    Parameters
    ----------
    matrix : csr_matrix or csr_array of shape (n_samples, n_features)
        Values in any real dtype.
    dtype : numpy.dtype
        In which rows are returned.
    positions : ndarray of int of shape (n_rows,), default=None
        Which rows of the matrix these are, in order; None for all.
    """

    matrix: Any
    dtype: np.dtype
    positions: np.ndarray | None = None

    @classmethod
    def of(cls, x: Any, positions: np.ndarray | None = None) -> Any:
        """Return the rows of a CSR matrix, or those at some positions; what is dense as it is."""
        return cls(x, x.dtype, positions) if scipy.sparse.issparse(x) else x

    def to(self, dtype: Any) -> SparseRows:
        """Return the same rows in another dtype."""
        return SparseRows(self.matrix, np.dtype(dtype), self.positions)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, and of columns."""
        return len(self), self.matrix.shape[1]

    @property
    def nnz(self) -> int:
        """Number of stored values."""
        if self.positions is None:
            return int(self.matrix.nnz)
        return int(self.n_values(np.arange(len(self))).sum())

    def __len__(self) -> int:
        return self.matrix.shape[0] if self.positions is None else len(self.positions)

    def n_values(self, rows: np.ndarray) -> np.ndarray:
        """Return how many values each of some rows has stored."""
        at = self._at(rows)
        return self.matrix.indptr[at + 1] - self.matrix.indptr[at]

    def stored(self, rows: Any) -> Any:
        """Return some rows as a CSR matrix whose values are not converted yet."""
        return self.matrix[self._at(rows)]

    def __getitem__(self, rows: Any) -> Any:
        """Return some rows as a CSR matrix."""
        return self.stored(rows).astype(self.dtype, copy=False)

    def toarray(self) -> np.ndarray:
        """Return all rows with their zeros."""
        return self[:].toarray()

    def _at(self, rows: Any) -> Any:
        return rows if self.positions is None else self.positions[rows]


def converts(X: Any, dtype: Any) -> bool:
    """Tell whether X is a CSR matrix of which all values are finite in another float dtype.

    One that has several values in a place, which SciPy would add up, is not looked at.
    """
    if type(X) not in (scipy.sparse.csr_matrix, scipy.sparse.csr_array) or X.ndim != 2:
        return False
    known = X.dtype.kind in "biuf" and dtype in ("float32", "float64") and X.dtype != dtype
    if not known or not X.has_canonical_format:
        return False
    with np.errstate(over="ignore"):
        return all(np.isfinite(each.astype(dtype)).all() for each in _chunks(X.data))


def _chunks(values: np.ndarray) -> Iterator[np.ndarray]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
