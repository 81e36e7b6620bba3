"""What a network is trained on: rows in memory, and their batches for `Model.fit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._common.seeds import row_order
from skdl._common.sparse_rows import SparseRows
from skdl._engine.batches import BatchSource


@dataclass(frozen=True)
class ColumnGroups:
    """The rows of several inputs of one network, by the names of the inputs."""

    arrays: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int]:
        """Number of rows alone."""
        return (len(self),)

    @property
    def nbytes(self) -> int:
        """Of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, rows: Any) -> ColumnGroups:
        return ColumnGroups({name: array[rows] for name, array in self.arrays.items()})


@dataclass(frozen=True)
class OneHot:
    """Classes by their numbers, for losses and metrics that want columns of zeros and ones.

    The columns are made for the rows of a batch at a time: those of all rows would be larger than
    X, and for thousands of classes larger than the memory.
    """

    codes: np.ndarray
    n_classes: int

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> np.ndarray:
        codes = self.codes[rows]
        columns = np.zeros((len(codes), self.n_classes), codes.dtype)
        columns[np.arange(len(codes)), codes.astype(np.intp)] = 1
        return columns


@dataclass
class Rows:
    """Inputs, targets as the network sees them, and weights."""

    x: Any
    y: np.ndarray | OneHot
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, seed: int, batch_size: int, shuffle: bool) -> BatchDataset:
        """Return the batches of an epoch, for `Model.fit`."""
        return BatchDataset(self, seed, batch_size, shuffle)


class BatchDataset(BatchSource):
    """The batches that the compiled epochs would see, for `Model.fit`."""

    def __init__(self, rows: Rows, seed: int, batch_size: int, shuffle: bool):
        super().__init__()
        self._rows, self._seed, self._batch_size = rows, seed, batch_size
        self._shuffle = shuffle
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order of an epoch."""
        self._order = row_order(self._seed, epoch, len(self._rows), self._shuffle)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def read(self, i: int) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the i-th batch of the epoch."""
        index = self._order[i * self._batch_size : (i + 1) * self._batch_size]
        x = self._rows.x[index]
        x = x.toarray() if isinstance(self._rows.x, SparseRows) else x
        x = x.arrays if isinstance(x, ColumnGroups) else x
        return x, self._rows.y[index], self._rows.weight[index]
