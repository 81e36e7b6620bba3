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
    dtype = np.dtype([tuple(f) for f in names] if isinstance(described, list) else described)
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
