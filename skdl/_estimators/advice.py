"""What to do about inputs that scikit-learn's checks refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

_DATES = ("datetime", "timedelta", "date", "duration", "period")  # in pandas, polars and NumPy


def with_advice(error: ValueError, X: Any) -> ValueError:
    """Return scikit-learn's error about X, with what to do; other errors as they are."""
    text = str(error)
    if text.startswith("could not convert string"):
        advice = _about_columns(X)
    elif "Found array with dim" in text and np.ndim(X) > 2:
        advice = (
            f"X has the shape {np.shape(X)}. Reshape it to one row per sample, for instance with "
            "X.reshape(len(X), -1), or use ConvNetClassifier for images"
        )
    elif "setting an array element with a sequence" in text:
        advice = (
            "X must have one number per cell, and rows of the same length. Sequences of words or "
            "of word indices, which differ in length, are for TextBoWClassifier"
        )
    elif text.startswith("Input X contains NaN"):
        # scikit-learn goes on with other estimators, none of which is a network.
        text = "Input X contains NaN"
        advice = _about_missing(X)
    else:
        return error
    return ValueError(f"{text.rstrip('.')}. {advice}.")


def check_no_dates(X: Any) -> None:
    """Raise a ValueError if X has columns of dates or durations, which NumPy makes numbers of."""
    if hasattr(X, "columns"):
        dtypes = zip(X.columns, getattr(X, "dtypes", ()), strict=False)
        dates = [name for name, dtype in dtypes if str(dtype).lower().startswith(_DATES)]
        where = f"in {_listed(dates)}"
    else:
        dates = [0] if str(getattr(X, "dtype", "")).startswith(_DATES) else []
        where = "in all its columns"
    if dates:
        raise ValueError(
            f"X must hold numbers, but there are dates or durations {where}. TabularClassifier and "
            "TabularRegressor take them as they are. For this estimator make numbers of a unit "
            "that you choose, for instance days: (X['day'] - X['day'].min()).dt.days."
        )


def _about_columns(X):
    """Return what to do about columns of text, and about missing values beside them."""
    if np.ndim(X) == 1:
        return "Texts are for TextBoWClassifier, or must be turned into numbers first"
    texts, missing = _columns(X)
    advice = "TabularClassifier and TabularRegressor take such columns as they are. For this "
    advice += "estimator, columns of text or categories must be encoded first, for instance by a "
    advice += "ColumnTransformer with OneHotEncoder"
    if missing:
        advice += ", and missing values filled, for instance by SimpleImputer"
    if texts:
        advice += f" (text is in {_listed(texts)}"
        advice += f"; values are missing in {_listed(missing)})" if missing else ")"
    return advice


def _about_missing(X):
    advice = "TabularClassifier and TabularRegressor take tables with missing values as they are. "
    advice += "For this estimator fill them first, for instance with make_pipeline("
    advice += "SimpleImputer(), StandardScaler(), ...)"
    missing = _columns(X)[1] if np.ndim(X) == 2 and not issparse(X) else []
    return advice + (f" (values are missing in {_listed(missing)})" if missing else "")


def _columns(X):
    """Return the names or numbers of columns with texts, and of those with missing values."""
    if hasattr(X, "columns") and hasattr(X, "isna"):
        cells = [(name, np.asarray(X.iloc[:, i], object)) for i, name in enumerate(X.columns)]
    else:
        try:
            table = np.array(X, dtype=object)
        except ValueError:  # rows of several lengths
            return [], []
        cells = list(enumerate(table.T)) if table.ndim == 2 else []
    found = [], []
    for name, column in cells:
        is_text = [isinstance(cell, str | bytes) for cell in column]
        # NaN and NaT differ from themselves, and pandas's NA from everything.
        is_missing = [
            cell is None or type(cell).__name__ == "NAType" or not np.array_equal(cell, cell)
            for cell in column
        ]
        for names, told in zip(found, (is_text, is_missing), strict=True):
            if any(told):
                names.append(name)
    return found


def _listed(names):
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
