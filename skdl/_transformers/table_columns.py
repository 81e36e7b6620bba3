"""Columns of a table as they come, from any kind of frame: which kind each is, and its values."""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from skdl._common.mistaken import check_is_table

# What a date becomes, beside the days since 1970: names of attributes of `Series.dt`.
DATE_PARTS = ("year", "month", "day", "day_of_week", "hour")
_ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ].*)?"
_INFERRED_NUMBERS = {
    *("boolean", "integer", "floating", "mixed-integer-float", "decimal", "timedelta", "empty")
}
_NUMBER = (numbers.Real, Decimal, np.bool_)


def as_table(X: Any) -> pd.DataFrame | NDArray:
    """Return X as a pandas frame or, where it is an array of numbers, as that array.

    Parameters
    ----------
    X : array-like, pandas or polars DataFrame of shape (n_samples, n_features)
        The table.

    Raises
    ------
    TypeError
        If X is a sparse matrix, a path, a dict or an iterator.
    ValueError
        If X is not a table, or has no rows or columns.
    """
    check_is_table(X)
    if issparse(X):
        raise TypeError(
            "Sparse data was passed, but the columns of a table are wanted. Use X.toarray() to "
            "convert it to a dense array, or DenseClassifier or DenseRegressor, which take it."
        )
    if isinstance(X, pd.DataFrame):
        if X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()][0]
            raise ValueError(f"X has more than one column called {twice!r}. Rename one of them.")
    elif hasattr(X, "columns") and hasattr(X, "get_column"):  # polars
        X = pd.DataFrame({name: _values_of(X.get_column(name)) for name in X.columns})
    else:
        X = check_array(X, dtype=None, ensure_all_finite="allow-nan")
        if X.dtype.kind in "biuf":
            return X
        X = pd.DataFrame(X)
    for axis, what in enumerate(("sample", "feature")):
        if not X.shape[axis]:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required."
            )
    return X


def _values_of(series):
    """Return a column of a polars frame as values that pandas understands without Arrow."""
    if series.dtype.is_numeric() and not series.dtype.is_decimal():
        return series.to_numpy()  # missing integers become NaN
    if series.dtype.is_temporal() and str(series.dtype).startswith("Datetime"):
        return pd.to_datetime(series.dt.replace_time_zone(None).to_numpy())
    return pd.Series(series.to_list(), dtype=object)


def columns_of(table: pd.DataFrame | NDArray) -> Iterator[pd.Series]:
    """Yield the columns of what `as_table` returns."""
    if isinstance(table, np.ndarray):
        table = pd.DataFrame(table)
    # Several times as fast as `iloc`, which counts where one row is predicted.
    yield from (pair[1] for pair in table.items())


def rows_of(table: pd.DataFrame | NDArray, positions: NDArray) -> pd.DataFrame | NDArray:
    """Return some rows of what `as_table` returns."""
    return table[positions] if isinstance(table, np.ndarray) else table.iloc[positions]


def kind_of(column: pd.Series) -> str:
    """Return what a column holds: "number", "date" or "category".

    Numbers are booleans too, and objects that are all numbers. Dates are also objects that are
    all dates, and texts that are all dates as ISO 8601 writes them. All else is categories.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(f"Complex data not supported: column {column.name!r}.")
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return "date"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "number"
    observed = column.dropna()
    inferred = pd.api.types.infer_dtype(observed, skipna=True)
    if inferred in _INFERRED_NUMBERS:
        return "number"
    if inferred in ("date", "datetime", "datetime64"):
        return "date"
    if inferred in ("string", "str") and observed.astype(str).str.fullmatch(_ISO_DATE).all():
        dates = pd.to_datetime(observed, errors="coerce", utc=True, format="ISO8601")
        return "date" if dates.notna().all() else "category"
    return "category"


def numbers_of(column: pd.Series) -> NDArray:
    """Return a column of numbers as float64; what is missing is NaN.

    Raises
    ------
    ValueError
        If there is something else than numbers, or infinity.
    """
    if pd.api.types.is_complex_dtype(column.dtype):  # NumPy would drop the imaginary parts
        raise ValueError(f"Complex data not supported: column {column.name!r}.")
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column = column / pd.Timedelta(days=1)
    try:
        if column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype):
            values = np.array([_number(value) for value in column], dtype=np.float64)
        else:
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError as error:
        raise ValueError(
            f"Column {column.name!r} holds integers beyond all floats: {error}. Divide them first."
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.name!r} held numbers in fit, received something else: {error}"
        ) from None
    if np.isinf(values).any():
        raise ValueError(
            f"Input X contains infinity in column {column.name!r}. Replace it by a large number, "
            "or by NaN where the value is missing."
        )
    return values


def _number(value):
    if value is None or value is pd.NA or value is pd.NaT:
        return np.nan
    if isinstance(value, timedelta):
        return value / timedelta(days=1)
    if not isinstance(value, _NUMBER):
        raise ValueError(f"{value!r}.")
    return float(value)


def dates_of(column: pd.Series) -> NDArray:
    """Return a column of dates as float64 of shape (n_samples, 6): days since 1970, DATE_PARTS.

    Dates with a time zone are converted to UTC.

    Raises
    ------
    ValueError
        If there is something else than dates.
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    try:
        dates = pd.to_datetime(column, utc=True, format="ISO8601")
    except (TypeError, ValueError) as error:
        first = str(error).partition(". ")[0]
        raise ValueError(
            f"Column {column.name!r} held dates in fit, received something else: {first}."
        ) from None
    days = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    parts = [days, *(getattr(dates.dt, part) for part in DATE_PARTS)]
    return np.column_stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts])


def categories_of(column: pd.Series, as_numbers: bool) -> NDArray:
    """Return a column of categories as objects: texts or, `as_numbers`, floats; missing is NaN.

    An integer that is no float stays an integer.

    A number among texts is its text, so that 3 is "3" whatever else is in the column; with a
    gap beside it, where pandas makes it 3.0, as well.

    Raises
    ------
    ValueError
        If a number among them is infinite, or a value is a list or another container.
    """
    try:
        if isinstance(column.dtype, pd.CategoricalDtype):
            labels = _as_labels(column.cat.categories, as_numbers)
            labels = np.append(labels, np.array([np.nan], dtype=object))
            return labels[column.cat.codes.to_numpy()]  # the code of a missing value is -1
        return _as_labels(column, as_numbers)
    except ValueError as error:
        raise ValueError(f"Column {column.name!r}: {error}") from None


def _as_labels(values, as_numbers):
    missing = pd.isna(values)
    found = np.asarray(values, dtype=object)
    labels = np.empty(len(found), dtype=object)
    labels[:] = [
        np.nan if gone else _label(value, as_numbers)
        for value, gone in zip(found, np.asarray(missing), strict=True)
    ]
    return labels


def _label(value, as_numbers):
    if as_numbers:
        # What is no number is none of the categories of the fit, of which none is infinite.
        return _finite(value) if isinstance(value, _NUMBER) else np.inf
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    if not isinstance(value, Hashable):
        raise ValueError(
            f"{value!r} is a {type(value).__name__}, which is no category. Make a column of each "
            "of its parts, or a text of it, before."
        )
    return value if type(value) is str else str(value)


def _finite(value):
    small = isinstance(value, numbers.Integral) and abs(int(value)) < 2**64
    if small and int(value) != int(float(value)):
        return int(value)  # such as an id, which would be the same float as the next one
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if np.isinf(number):
        raise ValueError(f"{value!r} is no category: categories that are numbers must be finite.")
    return number


def are_numbers(column: pd.Series) -> bool:
    """Tell whether all categories of a column, but missing ones, are numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(column.cat.categories)
    return kind_of(column) == "number" and not pd.api.types.is_timedelta64_dtype(column.dtype)
