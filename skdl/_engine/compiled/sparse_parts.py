"""Sparse rows in the order of each epoch, of which a few batches are on the device at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from skdl._common.sparse_rows import SparseRows
from skdl._engine.device_rows import DeviceRows
from skdl._engine.rows import OneHot

# Stored values that are on the device at a time, of 12 bytes each in float32.
_VALUES = 2**21


def rows_of_a_part(x: SparseRows) -> int:
    """Return how many rows have as many values together, as a mean."""
    return max(int(_VALUES * len(x) / max(x.nnz, 1)), 1)


class SparseParts:
    """The epochs before `stop`, each in parts of whole batches.

    Rows are put in order on the host, where that is cheap: those of the next part by a thread,
    while the program trains on one. What is computed does not depend on the parts. An epoch has
    `n_steps` steps, in all of its parts together.
    """

    def __init__(
        self,
        arrays: tuple[SparseRows, np.ndarray | OneHot, np.ndarray],
        batch_size: int,
        orders: Callable[[int], np.ndarray],
        stop: int,
    ):
        self._arrays, self._batch_size, self._orders, self._stop = arrays, batch_size, orders, stop
        self.n_steps = -(-len(arrays[1]) // batch_size)
        self._size = max(rows_of_a_part(arrays[0]) // batch_size, 1)
        self._thread = ThreadPoolExecutor(1)
        self._coming: Any = None, None  # a part, and what will be its rows
        self._order: Any = None, None

    @classmethod
    def in_order(
        cls, x: SparseRows, y: np.ndarray | OneHot, weight: np.ndarray, batch_size: int
    ) -> SparseParts:
        """Return the parts of rows that stay in order, of which every epoch is that of number 0."""
        order = np.arange(len(y))
        return cls((x, y, weight), batch_size, lambda _: order, 1)

    def of_epoch(self, epoch: int) -> Iterator[tuple[DeviceRows, int, int]]:
        """Yield rows, with the number of their first step in the epoch and of the one after."""
        for first in range(0, self.n_steps, self._size):
            last = min(first + self._size, self.n_steps)
            part, future = self._coming
            if part != (epoch, first):
                future = self._submit(epoch, first)
            rows = future.result()
            coming = (epoch, last) if last < self.n_steps else (epoch + 1, 0)
            self._coming = None, None
            if coming[0] < self._stop:
                self._coming = coming, self._submit(*coming)
            del future
            yield rows, first, last

    def _submit(self, epoch, first):
        return self._thread.submit(self._prepare, epoch, first)

    def _prepare(self, epoch, first):
        if first == 0 or self._order[0] != epoch:
            self._order = epoch, self._orders(epoch)
        _, order = self._order
        rows = slice(first * self._batch_size, (first + self._size) * self._batch_size)
        return DeviceRows(*self._arrays, batch=self._batch_size, order=order[rows])

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)
