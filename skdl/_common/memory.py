"""Rows in memory of our own, which TensorFlow takes as it is: aligned, with room for padding."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

# Where tensors have to begin, in bytes.
_ALIGNED = 64
# Below so many bytes a copy more does not matter.
_SMALL = 2**20
# Bytes of rows that are copied at a time.
_CHUNK = 2**18
# How many bytes of rows lie in each memory of our own, by its id.
_used: dict[int, int] = {}


def bucket(n_rows: int) -> int:
    """Round up a number of rows so that similar numbers share a program (12.5 % at most)."""
    step = 1 << max(n_rows.bit_length() - 4, 3)
    return -(-n_rows // step) * step


def own_rows(n_rows: int, shape: tuple[int, ...], dtype: Any, size: int | None = None) -> Any:
    """Return rows with any values, in memory that has room for `size`, by default a bucket."""
    dtype = np.dtype(dtype)
    n_bytes = (size or bucket(n_rows)) * math.prod(shape) * dtype.itemsize
    memory = np.empty(n_bytes + _ALIGNED, np.uint8)
    begin = _first_address(memory) - memory.ctypes.data
    n_used = n_rows * math.prod(shape) * dtype.itemsize
    _used[id(memory)] = n_used
    weakref.finalize(memory, _used.pop, id(memory), None)
    return memory[begin : begin + n_used].view(dtype).reshape(n_rows, *shape)


def _first_address(memory: Any) -> int:
    return -(-memory.ctypes.data // _ALIGNED) * _ALIGNED


def is_own(rows: Any) -> bool:
    """Tell whether rows are all that lie in memory of our own, one behind the other."""
    memory = rows.base if isinstance(rows, np.ndarray) else None
    if memory is None or _used.get(id(memory)) != rows.nbytes:
        return False
    begins = rows.size > 0 and rows.ctypes.data == _first_address(memory)
    return begins and rows.flags.c_contiguous


def with_padding(rows: np.ndarray, size: int) -> np.ndarray | None:
    """Return rows of our own with rows of zeros behind them, None where there is no room."""
    if not is_own(rows):
        return None
    memory: Any = rows.base
    begin = _first_address(memory) - memory.ctypes.data
    n_bytes = size * rows.itemsize * math.prod(rows.shape[1:])
    if begin + n_bytes > memory.nbytes:
        return None
    memory[begin + rows.nbytes : begin + n_bytes] = 0
    return memory[begin : begin + n_bytes].view(rows.dtype).reshape(size, *rows.shape[1:])


def converted(X: Any, dtype: Any) -> Any:
    """Return large rows of numbers in memory of our own if they have to be converted.

    That is done here, once, so that there is no second copy. A table stays a table of the same
    columns. What is small, or no array or table of numbers, is returned as it is, and so is
    everything where `dtype` is a name that scikit-learn alone knows, such as "numeric".
    """
    if not (isinstance(dtype, str) and dtype in {"float32", "float64"}):
        return X
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and type(X) is pandas.DataFrame:
        dtypes = list(X.dtypes)
        part = X.iloc
    elif type(X) in (np.ndarray, np.memmap) and X.ndim > 1 and X.dtype != dtype:
        dtypes, part = [X.dtype], X
    else:
        return X
    known = all(isinstance(each, np.dtype) and each.kind in "biuf" for each in dtypes)
    if not known or math.prod(X.shape) * np.dtype(dtype).itemsize < _SMALL:
        return X
    rows = own_rows(X.shape[0], X.shape[1:], dtype)
    for some in _chunks(rows):
        rows[some] = np.asarray(part[some], dtype=dtype)
    return rows if part is X else pandas.DataFrame(rows, X.index, X.columns, copy=False)


def taken(X: Any, positions: np.ndarray) -> Any:
    """Return some of the rows, large ones in memory of our own; None where there are none."""
    if X is None:  # where targets alone are weighed
        return None
    known = type(X) is np.ndarray and X.ndim > 1 and X.dtype.isnative and X.dtype.kind in "biuf"
    if not known or len(positions) * math.prod(X.shape[1:]) * X.itemsize < _SMALL:
        return X[positions]
    rows = own_rows(len(positions), X.shape[1:], X.dtype)
    for some in _chunks(rows):
        rows[some] = X[positions[some]]
    return rows


def kept(X: Any, positions: np.ndarray) -> Any:
    """Return some of the rows, in their order; those of our own are moved to where X begins."""
    rows = with_padding(X, len(X)) if is_own(X) else None  # which can be written to
    if rows is None or (np.diff(positions) <= 0).any():
        return taken(X, positions)
    rows = rows[: len(positions)]
    for some in _chunks(rows):  # none of which is read after it was written to
        rows[some] = X[positions[some]]
    _used[id(rows.base)] = rows.nbytes
    return rows


def _chunks(rows: np.ndarray) -> Iterator[slice]:
    step = max(_CHUNK // max(rows[:1].nbytes, 1), 1)
    return (slice(start, start + step) for start in range(0, len(rows), step))
