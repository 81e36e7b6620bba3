"""Rows on the device: dense arrays, and sparse matrices as slices that TensorFlow shares."""

from __future__ import annotations

from typing import Any

import numpy as np

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines
from skdl._common.memory import own_rows, with_padding
from skdl._common.sparse_rows import SparseRows
from skdl._engine.device import on_gpu
from skdl._engine.rows import ColumnGroups, OneHot

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

# Values in a slice that TensorFlow shares rather than copies (64 bytes of float32).
_ALIGNED = 16


class DeviceRows:
    """Rows of inputs, targets and weights on the device, padded to `size` rows.

    A dense array is one tensor. Sparse rows are three: row (in its batch of `batch` rows) and
    column of each stored value, the values, and where each batch begins; they alone are given
    an `order`, which may be that of some of them. Of classes whose columns are made batch by
    batch, there are the numbers.
    """

    def __init__(
        self,
        x: Any,
        y: np.ndarray | OneHot,
        weight: np.ndarray,
        size: int | None = None,
        batch: int | None = None,
        order: np.ndarray | None = None,
    ):
        targets = y.codes if isinstance(y, OneHot) else y
        if order is not None:
            targets, weight = targets[order], weight[order]
        self.n_rows, self.size = len(targets), size or len(targets)
        self.x = sparse_tensors(x, batch, order) if batch else dense_tensors(x, self.size)
        self.y, self.weight = (padded(a, self.size) for a in (targets, weight))

    @property
    def tensors(self) -> list[tf.Tensor]:
        """All tensors, in the order of the programs' inputs."""
        return [*self.x, self.y, self.weight]

    @property
    def signature(self) -> tuple:
        """What of inputs and targets the programs are traced for: of both, classes or columns."""
        return signature_of([*self.x, self.y])

    def specs(self, size: int | None) -> list[tf.TensorSpec]:
        """Return what a program knows of the tensors."""
        return [spec_of(size, tensor) for tensor in self.tensors]


def sparse_tensors(x: SparseRows, batch: int, order: np.ndarray | None = None) -> list[tf.Tensor]:
    """Return sparse rows as tensors of which every batch is a slice that TensorFlow shares.

    It copies slices that are not aligned, which took longer than the products themselves: so
    batches are filled up with zeros to a multiple of 16 values, and positions are kept flat.
    """
    rows = np.arange(len(x)) if order is None else order
    n_values = x.n_values(rows)
    starts = np.arange(0, len(n_values), batch)
    sums = np.add.reduceat(n_values, starts)
    begins = np.append(0, np.cumsum(-(-sums.astype(np.int64) // _ALIGNED) * _ALIGNED))
    n = int(begins[-1])
    positions, values = own_rows(2 * n, (), np.int32, 2 * n), own_rows(n, (), x.dtype, n)
    table = positions.reshape(-1, 2)
    for start, begin, end in zip(starts, begins, begins[1:], strict=False):
        part = x.stored(rows[start : start + batch])
        here, rest = slice(begin, begin + part.nnz), slice(begin + part.nnz, end)
        table[here, 0] = np.repeat(np.arange(part.shape[0], dtype=np.int32), np.diff(part.indptr))
        table[here, 1], values[here] = part.indices, part.data
        table[rest], values[rest] = (part.shape[0] - 1, 0), 0  # rows stay in order
    return [*(padded(each, len(each)) for each in (positions, values)), tf.constant(begins)]


def sparse_batch(i, x, start, stop, n_columns):
    """Return rows `start` to `stop`, the i-th batch of a CSR matrix, in a graph."""
    positions, values, begins = x
    first, last = begins[i], begins[i + 1]
    shape = tf.stack([tf.cast(stop - start, tf.int64), tf.cast(n_columns, tf.int64)])
    positions = tf.cast(tf.reshape(positions[2 * first : 2 * last], [-1, 2]), tf.int64)
    return tf.SparseTensor(positions, values[first:last], shape)


def dense_tensors(x: Any, size: int) -> list[tf.Tensor]:
    """Return an array, or each of a network's several, on the device, padded to `size` rows."""
    arrays = x.arrays.values() if isinstance(x, ColumnGroups) else [x]
    return [padded(array, size) for array in arrays]


def signature_of(tensors: list[tf.Tensor]) -> tuple:
    """Return dtypes and shapes of rows, which programs are traced for."""
    return tuple((tensor.dtype, *tensor.shape[1:]) for tensor in tensors)


def spec_of(rows: int | None, tensor: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec([rows, *tensor.shape[1:]], tensor.dtype)


def padded(array: np.ndarray, size: int) -> tf.Tensor:
    """Return an array on the device with rows of zeros added up to `size`.

    It is copied once, into memory that TensorFlow takes as it is, unless it lies in such memory.
    """
    dtype = array.dtype.newbyteorder("=")
    if dtype.kind not in "biuf" or array.size == 0 or on_gpu():
        tensor = tf.constant(array)
        return tf.pad(tensor, [[0, size - len(array)], *[[0, 0]] * (array.ndim - 1)])
    memory = with_padding(array, size)
    if memory is None:
        own = own_rows(len(array), array.shape[1:], dtype, size)
        own[:] = array
        memory = with_padding(own, size)
        assert memory is not None  # it has just so much room
    return tf.experimental.dlpack.from_dlpack(memory.__dlpack__())
