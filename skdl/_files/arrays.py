"""Dtypes, shapes and bytes of arrays in a file, each checked before NumPy believes it."""

from __future__ import annotations

import re
from math import prod
from typing import Any

import numpy as np

from skdl.exceptions import InvalidFileError

_BFLOAT16 = "bfloat16"  # which NumPy itself does not have
# As NumPy writes the dtypes of numbers, texts, dates and bytes: not their aliases and shorthands,
# of which some warn, some hold shapes, and some are many fields.
_DTYPE = re.compile(r"[<>|](b1|[iufc]\d{1,2}|[SUV][1-9]\d{0,9}|[mM]8(\[\d{0,9}[A-Za-z]{1,2}\])?)")
_LAST_CHARACTER = 0x10FFFF
# An array without items takes no bytes of the file, whatever its other dimensions are; who
# allocates by them must not be misled.
_MAX_SIZE_WITHOUT_ITEMS = 2**24
# The largest number of rows or columns of a sparse matrix, of which one takes no bytes.
_MAX_SPARSE = 2**27


def description_of(dtype: np.dtype) -> Any:
    """Return a dtype as JSON."""
    return dtype.name if dtype.name == _BFLOAT16 else np.lib.format.dtype_to_descr(dtype)


def dtype_of(described: Any) -> np.dtype:
    """Return a dtype of numbers, texts, dates, or records of these; never of objects."""
    if described == _BFLOAT16:
        from ml_dtypes import bfloat16

        return np.dtype(bfloat16)
    names = described if isinstance(described, list) else [("", described)]
    for field in names:
        plain = len(field) == 2 and all(isinstance(text, str) for text in field)
        if not plain or not _DTYPE.fullmatch(field[1]):
            raise InvalidFileError(f"it has an array of dtype {described!r}")
    if isinstance(described, list):
        described = [tuple(field) for field in described]
    dtype = np.lib.format.descr_to_dtype(described)
    if dtype.hasobject or dtype.itemsize == 0:
        raise InvalidFileError(f"it has an array of dtype {described!r}")
    return dtype


def n_items(shape: Any) -> int:
    """Return the number of items in an array of a shape, in whole numbers without a limit."""
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        raise InvalidFileError(f"it has an array of shape {shape!r}")
    found = prod(shape)
    if not found and max(shape) > _MAX_SIZE_WITHOUT_ITEMS:
        raise InvalidFileError(f"it has an array without items of shape {shape!r}")
    return found


def check_contents(array: np.ndarray) -> None:
    """Raise an error for bytes that no array of this dtype has.

    NumPy counts the trues of a mask by adding up its bytes, and allocates by that; and Python
    knows no characters beyond the last of Unicode.
    """
    for name in array.dtype.names or ():
        check_contents(np.ascontiguousarray(array[name]))
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise InvalidFileError("it has an array of booleans that are neither true nor false")
    if array.dtype.kind == "U" and array.size:
        flat = array.reshape(-1, order="A").view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if flat.max() > _LAST_CHARACTER:
            raise InvalidFileError("it has an array of texts with characters that do not exist")


def check_sparse(format: str, shape: Any, data: np.ndarray, places: list[np.ndarray]) -> None:
    """Raise an error for what is no sparse matrix, whose places compiled code would follow.

    SciPy's own full check subtracts neighbours in 32 bits, where a jump back may look like one
    ahead; here they are compared.
    """
    if len(shape) != 2 or any(type(n) is not int or not 0 <= n <= _MAX_SPARSE for n in shape):
        raise InvalidFileError(f"it has a sparse matrix of shape {shape!r}")
    arrays = data.dtype.kind in "biufc" and all(place.dtype.kind == "i" for place in places)
    if not arrays or any(array.ndim != 1 for array in (data, *places)):
        raise InvalidFileError("it has a sparse matrix that is not of numbers")
    if format == "coo":
        fits = all(_within(where, size) for where, size in zip(places, shape, strict=True))
        fits = fits and all(len(where) == len(data) for where in places)
    else:
        where, starts = places
        n_starts, n_places = shape if format == "csr" else shape[::-1]
        fits = len(where) == len(data) and len(starts) == n_starts + 1
        fits = fits and int(starts[0]) == 0 and int(starts[-1]) == len(data)
        fits = fits and bool((starts[1:] >= starts[:-1]).all()) and _within(where, n_places)
    if not fits:
        raise InvalidFileError(f"it has a sparse matrix with entries outside of its {shape}")


def _within(where: np.ndarray, size: int) -> bool:
    return not len(where) or bool(where.min() >= 0 and where.max() < size)
