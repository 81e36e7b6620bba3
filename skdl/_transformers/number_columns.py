"""Tables for an encoder of numbers: columns that hold none are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from skdl._common.mistaken import check_none_masked

_MOST_NAMED = 5
# What pandas calls values of objects that are, or may become, numbers; "mixed" ones are looked at.
_NUMBERS = {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty", "complex"}
_MIXED = {"mixed", "mixed-integer", "unknown-array"}


def table_of_numbers(X: Any, caller: str) -> Any:
    """Return a table for `validate_data`, which must hold numbers.

    Converted to an array by NumPy, texts of digits and dates would silently become numbers, and
    pandas.NA among objects would be an error.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Anything; it is left as it is.
    caller : str
        Name of the class, for the message.

    Returns
    -------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        The same, with NaN for what is missing among objects.

    Raises
    ------
    ValueError
        If columns hold texts, dates or categories; the message names them and their dtypes, and
        what to do. If X is a masked array with masked values.
    """
    check_none_masked(X, "X")
    if issparse(X):
        return X
    if isinstance(X, pd.DataFrame):
        doubtful = [j for j, dtype in enumerate(X.dtypes) if not _is_of_numbers(dtype)]
        _refuse_others([(X.columns[j], X.iloc[:, j]) for j in doubtful], caller)
        if doubtful:
            X = X.copy(deep=False)
            for j in doubtful:
                X.isetitem(j, X.iloc[:, j].to_numpy(np.float64, na_value=np.nan))
    elif hasattr(X, "columns") and hasattr(X, "__getitem__"):  # of polars, or a table of Arrow
        names = getattr(X, "column_names", X.columns)
        _refuse_others([(name, np.asarray(X[name])) for name in names], caller)
    elif isinstance(X, np.ndarray | list | tuple):
        try:
            array = np.asarray(X)
        except ValueError:  # rows of different lengths, which are refused elsewhere
            return X
        if array.ndim == 2 and not _is_of_numbers(array.dtype):
            _refuse_others(enumerate(array.T), caller)
            return np.where(pd.isna(array), np.nan, array)
    return X


def _refuse_others(columns, caller):
    others = [
        f"{name!r} ({kind})"
        for name, column in columns
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


def _is_of_numbers(dtype: Any) -> bool:
    """Tell whether a dtype, of NumPy or pandas, is one of numbers or booleans and no objects."""
    return dtype.kind in "biufc"


def _kind_of_no_number(column: Any) -> str | None:
    """Return what to call the values of a column, None for numbers."""
    dtype = column.dtype
    if _is_of_numbers(dtype) or pd.api.types.is_numeric_dtype(dtype):  # decimals of Arrow
        return None
    if not pd.api.types.is_object_dtype(dtype):
        return "str" if getattr(dtype, "kind", "") == "U" else str(dtype)
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in _NUMBERS:
        return None
    if kind in _MIXED:  # others than texts raise where they are converted
        return "object, with texts" if any(isinstance(value, str) for value in column) else None
    return str(kind)
