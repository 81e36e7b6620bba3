"""What is refused as y before anything is made of it: names, missing targets, what is no number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skdl._common.counts import counted
from skdl._common.mistaken import check_is_row_of_targets

# So many labels are shown whole in an error.
_FEW_LABELS = 20


def shown(labels: Iterable[Any]) -> str:
    """Return labels as a list is written, of very many only the first."""
    values = [getattr(label, "item", lambda label=label: label)() for label in labels]
    if len(values) <= _FEW_LABELS:
        return repr(values)
    return f"{repr(values[: _FEW_LABELS // 2])[:-1]}, ...] ({len(values)} in all)"


def is_missing(label: Any) -> bool:
    """Tell whether a label or value stands for none: None, NaN, NaT or pandas's NA."""
    if label is None or type(label).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(label, Number | np.datetime64 | np.timedelta64) and bool(label != label)


def whole(labels: Any) -> Any:
    """Return integers as such where NumPy or scikit-learn would make floats of them.

    They do so with nullable columns and with lists that reach beyond 2**63; from 2**53 on, several
    integers are one float.

    Raises
    ------
    ValueError
        If there are integers with more than 64 bits, or negative ones beside some above 2**63.
    """
    if hasattr(labels, "dtype") or hasattr(labels, "dtypes"):
        if isinstance(labels, np.ndarray) or issparse(labels) or hasattr(labels, "sparse"):
            return labels
        values = np.asarray(labels)
        return values if values.dtype.kind in "iub" else labels
    if not isinstance(labels, list | tuple) or not len(labels):
        return labels
    if not all(isinstance(label, int | np.integer) for label in labels):
        return labels  # not all whole numbers
    if min(labels) >= -(2**63) and max(labels) < 2**63:
        return labels
    if min(labels) >= 0 and max(labels) < 2**64:
        return np.array(labels, dtype=np.uint64)
    raise ValueError(
        f"The labels from {min(labels)} to {max(labels)} do not fit into one integer dtype. "
        "Convert them to texts, for instance with [str(label) for label in y]."
    )


def check_given(y: Any, name: str, are_numbers: bool) -> None:
    """Refuse what is not one target per row, before scikit-learn converts it.

    That is the name of a column, targets that are missing in some rows and, where they
    `are_numbers`, texts and dates.
    """
    check_is_row_of_targets(y, name)
    _check_none_missing(y, name)
    if are_numbers:
        _check_numbers(y, name)


def _check_none_missing(y, name):
    if isinstance(y, str):
        raise TypeError(
            f"{name} must be an array-like of one target per row, received the text {y!r}. Give "
            f"the column itself, and leave it out of X: fit(X.drop(columns={y!r}), X[{y!r}])."
        )
    if y is None or issparse(y):
        return
    values = np.asarray(y)
    if values.dtype.kind not in "fcOmM" or not values.ndim:
        return  # no others can be missing
    if values.dtype.kind == "O":
        missing = np.array([is_missing(value) for value in values.ravel().tolist()], dtype=bool)
        missing = missing.reshape(values.shape)
    else:
        missing = values != values
    if not missing.any():
        return
    rows = np.flatnonzero(missing.reshape(len(values), -1).any(axis=1))
    first = values[rows[:1]].tolist()[0]
    kept = f"kept = pandas.notna({name}){'.all(axis=1)' if values.ndim > 1 else ''}"
    raise ValueError(
        f"Input {name} contains NaN: of {counted(len(values), 'row')}, {len(rows)} have no "
        "target, the first "
        f"of which is row {rows[0]} ({first!r}). Leave them out of X and {name}, for instance with "
        f"{kept}: fit(X[kept], {name}[kept])."
    )


def _check_numbers(y, name):
    """Refuse texts, even of numbers, and dates, which NumPy would convert."""
    values = np.asarray(y)
    found = values.ravel().tolist() if values.dtype.kind in "OUST" else []
    if values.dtype.kind in "mM" or any(isinstance(v, date | timedelta) for v in found):
        raise ValueError(
            f"{name} must hold numbers, received dates or durations. Convert them to numbers of a "
            f"unit that you choose, for instance days since the first: {name} = pandas.Series("
            f"{name}); ({name} - {name}.min()) / pandas.Timedelta(days=1)."
        )
    texts = [value for value in found if isinstance(value, str | bytes)]
    if texts:
        raise ValueError(
            f"{name} must hold numbers, received the text {texts[0]!r}. Convert it first, for "
            "instance with numpy.asarray(y, dtype=float), or use a classifier."
        )
