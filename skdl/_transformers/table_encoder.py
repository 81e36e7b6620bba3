"""From a table as it comes to the numbers that a network takes: `TableEncoder`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_is_fitted, validate_data

from skdl._transformers.piecewise import PiecewiseLinearEncoder
from skdl._transformers.table_columns import (
    DATE_NUMBERS,
    are_numbers,
    as_table,
    categories_of,
    columns_of,
    dates_of,
    kind_of,
    numbers_of,
)


class TableEncoder(TransformerMixin, BaseEstimator):
    """Numbers, dates and categories of a table as float32 columns, each in a useful range.

    It does what a `ColumnTransformer` of the same parts does, and takes columns of any type: which
    kind each one is, is learned in `fit`. Numbers and what dates are made of go through a
    `PiecewiseLinearEncoder`, categories through scikit-learn's `OneHotEncoder`.

    Parameters
    ----------
    categorical_features : str or array-like, default="from_dtype"
        Columns that hold categories though they look like numbers or dates, as booleans,
        positions or names. "from_dtype": those alone whose type says it.
    n_bins : int or str, default="auto"
        Of the `PiecewiseLinearEncoder`.
    max_categories : int, default=None
        Largest number of columns that a column of categories becomes: the rarer ones share one.

    Attributes
    ----------
    kinds_ : list of str
        "number", "date" or "category", for each column.
    numbers_ : PiecewiseLinearEncoder or None
        Of numbers and dates.
    categories_ : OneHotEncoder or None
        Of categories.
    """

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        n_bins: int | str = "auto",
        max_categories: int | None = None,
    ):
        self.categorical_features = categorical_features
        self.n_bins = n_bins
        self.max_categories = max_categories

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn kinds, knots and categories of the columns of X."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: None = None) -> NDArray:
        """Learn from X and return its numbers."""
        table = self.checked(X, reset=True)
        columns = list(columns_of(table))
        categorical = self._are_categorical(table)
        self.kinds_ = [
            "category" if asked else kind_of(column)
            for column, asked in zip(columns, categorical, strict=True)
        ]
        self.as_numbers_ = [
            kind == "category" and are_numbers(column)
            for kind, column in zip(self.kinds_, columns, strict=True)
        ]
        self.names_ = [str(column.name) for column in columns]
        if isinstance(table, np.ndarray):
            self.names_ = [f"x{position}" for position in range(len(columns))]
        self.numbers_ = self.categories_ = None
        encoded: list[NDArray] = []
        if (numbers := self._numbers(table)) is not None:
            self.numbers_ = PiecewiseLinearEncoder(n_bins=self.n_bins)
            encoded.append(self.numbers_.fit_transform(numbers))
        if (categories := self._categories(table)) is not None:
            self.categories_ = OneHotEncoder(
                max_categories=self.max_categories,
                handle_unknown="ignore" if self.max_categories is None else "infrequent_if_exist",
                sparse_output=False,
                dtype=np.float32,
            )
            encoded.append(self.categories_.fit_transform(categories))
        result = np.concatenate(encoded, axis=1)
        if not result.shape[1]:
            raise ValueError(
                "No column of X has two different values, so that there is nothing to learn "
                f"from: X has shape {table.shape}."
            )
        return result

    def transform(self, X: Any) -> NDArray:
        """Return the numbers of X, float32 of shape (n_samples, n_features_out)."""
        check_is_fitted(self)
        table = self.checked(X, reset=False)
        encoded = []
        if self.numbers_ is not None:
            encoded.append(self.numbers_.transform(self._numbers(table)))
        if self.categories_ is not None:
            encoded.append(self.categories_.transform(self._categories(table)))
        return encoded[0] if len(encoded) == 1 else np.concatenate(encoded, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return a name for each column that `transform` returns."""
        check_is_fitted(self)
        names = []
        if self.numbers_ is not None:
            names.append(self.numbers_.get_feature_names_out(self._number_names()))
        if self.categories_ is not None:
            of = [n for n, kind in zip(self.names_, self.kinds_, strict=True) if kind == "category"]
            names.append(self.categories_.get_feature_names_out(of))
        return np.concatenate(names)

    def checked(self, X: Any, reset: bool) -> pd.DataFrame | NDArray:
        """Return X as a table; its columns are those of the fit, or become them."""
        table = as_table(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return table

    def _are_categorical(self, table):
        """Return for each column whether the caller says that it holds categories."""
        given, n_columns = self.categorical_features, table.shape[1]
        found = np.zeros(n_columns, dtype=bool)
        if isinstance(given, str) and given == "from_dtype":
            return found
        given = np.asarray(given)
        problem = None
        if given.ndim != 1:
            problem = "it has no shape (n,)"
        elif given.dtype == bool:
            if len(given) != n_columns:
                problem = f"X has {n_columns} columns"
            else:
                found = given
        elif given.dtype.kind in "iu":
            outside = given[(given < 0) | (given >= n_columns)]
            if len(outside):
                problem = f"X has {n_columns} columns, none at {outside[0]}"
            else:
                found[given] = True
        elif given.dtype.kind in "UO" and isinstance(table, pd.DataFrame):
            unknown = [name for name in given.tolist() if name not in table.columns]
            if unknown:
                problem = f"X has no column {unknown[0]!r}"
            else:
                found = table.columns.isin(given)
        elif len(given):
            problem = "names need a DataFrame"
        if problem:
            raise ValueError(
                "categorical_features must be 'from_dtype', or booleans, positions or names of "
                f"columns, received {self.categorical_features!r}: {problem}."
            )
        return found

    def _numbers(self, table):
        """Return numbers and dates as float64 columns, None where there are none."""
        kinds = self.kinds_
        if isinstance(table, np.ndarray) and "date" not in kinds:
            chosen = [position for position, kind in enumerate(kinds) if kind == "number"]
            found = table if len(chosen) == len(kinds) else table[:, chosen]
            return found if chosen else None
        found = [
            numbers_of(column) if kind == "number" else dates_of(column)
            for column, kind in zip(columns_of(table), kinds, strict=True)
            if kind != "category"
        ]
        return np.column_stack(found) if found else None

    def _number_names(self):
        names = []
        for name, kind in zip(self.names_, self.kinds_, strict=True):
            if kind == "number":
                names.append(name)
            elif kind == "date":
                names += [f"{name}_{part}" for part in DATE_NUMBERS]
        return names

    def _categories(self, table):
        """Return categories as a matrix of objects, None where there are none."""
        if "category" not in self.kinds_:
            return None
        columns = zip(columns_of(table), self.kinds_, self.as_numbers_, strict=True)
        found = [categories_of(c, numbers) for c, kind, numbers in columns if kind == "category"]
        categories = np.empty((len(table), len(found)), dtype=object)
        for position, values in enumerate(found):
            categories[:, position] = values
        return categories

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags
