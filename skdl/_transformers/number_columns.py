"""Columns of a table that are no numbers, which an encoder of numbers refuses by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

_MOST_NAMED = 5
# What pandas calls values of objects that are, or may become, numbers; "mixed" ones are looked at.
_NUMBERS = {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty", "complex"}
_MIXED = {"mixed", "mixed-integer", "unknown-array"}


def check_number_columns(X: Any, caller: str) -> None:
    """Raise if columns hold texts, dates or categories.

    Converted to an array by NumPy, texts of digits and dates would silently become numbers.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        A table. What has no columns passes.
    caller : str
        Name of the class, for the message.

    Raises
    ------
    ValueError
        If there are such columns; the message names them and their dtypes, and what to do.
    """
    others = [
        f"{name!r} ({kind})"
        for name, column in _columns(X)
        if (kind := _kind_of_no_number(column)) is not None
    ]
    if others:
        named = ", ".join(others[:_MOST_NAMED])
        more = len(others) - _MOST_NAMED
        raise ValueError(
            f"{caller} takes columns of numbers, but X has others: {named}"
            f"{f' and {more} more' if more > 0 else ''}. Choose the columns of numbers by a "
            "ColumnTransformer, with make_column_selector(dtype_include=['number', 'bool']), and "
            "give categories to a OneHotEncoder; turn dates into numbers, such as days, and texts "
            "that are numbers by pandas.to_numeric."
        )


def _columns(X: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the name and the values of each column; of arrays only where not all are numbers."""
    if issparse(X):
        return
    if isinstance(X, pd.DataFrame):
        yield from X.items()
    elif hasattr(X, "columns") and hasattr(X, "__getitem__"):  # of polars, or a table of Arrow
        for name in getattr(X, "column_names", X.columns):
            yield name, np.asarray(X[name])
    elif isinstance(X, np.ndarray | list | tuple):
        try:
            array = np.asarray(X)
        except ValueError:  # rows of different lengths, which are refused elsewhere
            return
        if array.ndim == 2 and array.dtype.kind not in "biufc":
            yield from enumerate(array.T)


def _kind_of_no_number(column: Any) -> str | None:
    """Return what to call the values of a column, None for numbers."""
    dtype = column.dtype
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return None
    if not pd.api.types.is_object_dtype(dtype):
        return "str" if getattr(dtype, "kind", "") == "U" else str(dtype)
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in _NUMBERS:
        return None
    if kind in _MIXED:  # others than texts raise where they are converted
        return "object, with texts" if any(isinstance(value, str) for value in column) else None
    return str(kind)
