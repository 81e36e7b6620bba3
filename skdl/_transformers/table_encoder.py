"""From a table as it comes to the numbers that a network takes: `TableEncoder`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_is_fitted, validate_data

from skdl._common.counts import counted
from skdl._transformers.piecewise import PiecewiseLinearEncoder
from skdl._transformers.table_columns import (
    DATE_PARTS,
    are_numbers,
    as_table,
    categories_of,
    columns_of,
    dates_of,
    kind_of,
    numbers_of,
)
from skdl._transformers.text_numbers import warn_of_text_numbers

# Columns that a column of categories becomes; the others, and those of fewer rows, share one.
_MOST_CATEGORIES, _ROWS_A_CATEGORY = 64, 2


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

    Attributes
    ----------
    kinds_ : list of str
        "number", "date" or "category", for each column.
    numbers_ : PiecewiseLinearEncoder or None
        Of numbers, and of dates as days.
    date_parts_ : PiecewiseLinearEncoder or None
        Of years, months, days, weekdays and hours of dates.
    categories_ : OneHotEncoder or None
        Of categories.
    """

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        n_bins: int | str = "auto",
    ):
        self.categorical_features = categorical_features
        self.n_bins = n_bins

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn kinds, knots and categories of the columns of X."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: None = None) -> NDArray:
        """Learn from X and return its numbers."""
        return self.learn(self.checked(X, reset=True))

    def learn(self, table: pd.DataFrame | NDArray) -> NDArray:
        """Learn from a table that was checked, or some rows of it, and return its numbers."""
        columns = list(columns_of(table))
        categorical = self._are_categorical(table)
        self.kinds_ = [
            "category" if asked else kind_of(column)
            for column, asked in zip(columns, categorical, strict=True)
        ]
        for column, kind, asked in zip(columns, self.kinds_, categorical, strict=True):
            if kind == "category" and not asked:
                warn_of_text_numbers(column)
        self.as_numbers_ = [
            kind == "category" and are_numbers(column)
            for kind, column in zip(self.kinds_, columns, strict=True)
        ]
        self.names_ = [str(column.name) for column in columns]
        if isinstance(table, np.ndarray):
            self.names_ = [f"x{position}" for position in range(len(columns))]
        self.numbers_ = self.date_parts_ = self.categories_ = None
        # All return arrays, whatever scikit-learn is set to make transformers return.
        if "number" in self.kinds_ or "date" in self.kinds_:
            self.numbers_ = PiecewiseLinearEncoder(n_bins=self.n_bins)
            self.numbers_.set_output(transform="default")
        if "date" in self.kinds_:  # whether a date is missing is told beside its days, once
            self.date_parts_ = PiecewiseLinearEncoder(n_bins=self.n_bins, add_indicator=False)
            self.date_parts_.set_output(transform="default")
        if "category" in self.kinds_:
            self.categories_ = OneHotEncoder(
                max_categories=_MOST_CATEGORIES,
                min_frequency=_ROWS_A_CATEGORY,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
                dtype=np.float32,
            )
            self.categories_.set_output(transform="default")
        encoded = [encoder.fit_transform(part) for encoder, part in self._parts(table)]
        result = np.concatenate(encoded, axis=1)
        if not result.shape[1]:
            raise ValueError(
                "No column of X has two different values, so that there is nothing to learn "
                f"from: X has n_samples={table.shape[0]} and n_features={table.shape[1]}."
            )
        return result

    def transform(self, X: Any) -> NDArray:
        """Return the numbers of X, float32 of shape (n_samples, n_features_out)."""
        check_is_fitted(self)
        return self.encode(self.checked(X, reset=False))

    def encode(self, table: pd.DataFrame | NDArray) -> NDArray:
        """Return the numbers of a table that was checked."""
        encoded = [encoder.transform(part) for encoder, part in self._parts(table)]
        return encoded[0] if len(encoded) == 1 else np.concatenate(encoded, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return a name for each column that `transform` returns."""
        check_is_fitted(self)
        by_kind: dict[str, list[str]] = {"number": [], "date": [], "category": []}
        for name, kind in zip(self.names_, self.kinds_, strict=True):
            by_kind[kind].append(name)
        numbers = [
            name if kind == "number" else f"{name}_days"
            for name, kind in zip(self.names_, self.kinds_, strict=True)
            if kind != "category"
        ]
        parts = [f"{name}_{part}" for name in by_kind["date"] for part in DATE_PARTS]
        of = (
            (self.numbers_, numbers),
            (self.date_parts_, parts),
            (self.categories_, by_kind["category"]),
        )
        return np.concatenate(
            [encoder.get_feature_names_out(names) for encoder, names in of if encoder is not None]
        )

    def checked(self, X: Any, reset: bool) -> pd.DataFrame | NDArray:
        """Return X as a table; its columns are those of the fit, or become them."""
        return checked_table(self, X, reset)

    def _are_categorical(self, table):
        """Return for each column whether the caller says that it holds categories."""
        given, n_columns = self.categorical_features, table.shape[1]
        found = np.zeros(n_columns, dtype=bool)
        if isinstance(given, str) and given == "from_dtype":
            return found
        try:
            given = np.asarray(given)
        except ValueError:  # sequences of several lengths
            given = np.array(None)
        problem = None
        if given.ndim != 1:
            problem = "it has no shape (n,)"
        elif given.dtype == bool:
            if len(given) != n_columns:
                problem = f"X has {counted(n_columns, 'column')}"
            else:
                found = given
        elif given.dtype.kind in "iu":
            outside = given[(given < 0) | (given >= n_columns)]
            if len(outside):
                problem = f"X has {counted(n_columns, 'column')}, none at {outside[0]}"
            else:
                found[given] = True
        elif given.dtype.kind in "UO" and isinstance(table, pd.DataFrame):
            unknown = [name for name in given.tolist() if name not in table.columns]
            if unknown:
                problem = f"X has no column {unknown[0]!r}"
            else:
                found = table.columns.isin(given)
        elif len(given):
            problem = "X has no column names" if given.dtype.kind in "UO" else "they are floats"
        if problem:
            raise ValueError(
                "categorical_features must be 'from_dtype', or booleans, positions or names of "
                f"columns, received {self.categorical_features!r}: {problem}."
            )
        return found

    def _parts(self, table):
        """Yield each encoder with the columns that go through it."""
        kinds = self.kinds_
        numbers, parts, categories = [], [], []
        columns = zip(columns_of(table), kinds, self.as_numbers_, strict=True)
        if isinstance(table, np.ndarray) and "date" not in kinds:
            chosen = [position for position, kind in enumerate(kinds) if kind == "number"]
            if chosen:
                yield self.numbers_, table if len(chosen) == len(kinds) else table[:, chosen]
            columns = (each for each in columns if each[1] == "category")
            if len(chosen) == len(kinds):
                return
        # Of a column in which fit saw no value nothing was learned: it may hold anything.
        unseen = np.isnan(getattr(self.numbers_, "mean_", ()))
        for column, kind, as_numbers in columns:
            if kind != "category" and unseen[len(numbers) : len(numbers) + 1].any():
                numbers.append(np.full(len(column), np.nan))
                if kind == "date":
                    parts.append(np.full((len(column), len(DATE_PARTS)), np.nan))
            elif kind == "number":
                numbers.append(numbers_of(column))
            elif kind == "date":
                dates = dates_of(column)
                numbers.append(dates[:, 0])
                parts.append(dates[:, 1:])
            else:
                categories.append(categories_of(column, as_numbers))
        if numbers:
            yield self.numbers_, np.column_stack(numbers)
        if parts:
            yield self.date_parts_, np.concatenate(parts, axis=1)
        if categories:
            yield self.categories_, _matrix_of_objects(categories)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def checked_table(estimator: BaseEstimator, X: Any, reset: bool) -> pd.DataFrame | NDArray:
    """Return X as a table with the columns of an estimator's fit, or that become them."""
    table = as_table(X)
    validate_data(estimator, table, reset=reset, skip_check_array=True)
    return table


def _matrix_of_objects(columns):
    """Return columns of objects side by side."""
    matrix = np.empty((len(columns[0]), len(columns)), dtype=object)
    for position, values in enumerate(columns):
        matrix[:, position] = values
    return matrix
