"""What is given in place of rows, targets or an estimator, before anything is made of it."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterator, Mapping, Sized
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skdl._common.counts import counted

_SHAPED = "one array or table of all rows"


def check_none_masked(values: Any, name: str) -> None:
    """Raise a ValueError if values of a masked array are masked: NumPy would read them as others.

    Parameters
    ----------
    values : object
        Anything; only masked arrays are looked at.
    name : str
        What the error calls them.
    """
    if not isinstance(values, np.ma.MaskedArray):
        return
    n_masked = np.ma.count_masked(values)
    if n_masked:
        numbers = values.dtype.kind in "biuf"
        filled = "astype(float).filled(numpy.nan)" if numbers else "filled('')"
        raise ValueError(
            f"{name} is a masked array in which {n_masked} of {counted(values.size, 'value')} "
            "are masked, "
            f"and what lies under the mask would be read. Use {name}.{filled} for values that are "
            "missing, or leave these rows out."
        )


def check_is_table(X: Any, y: Any = None, inputs: str = "") -> None:
    """Raise an error if X is a path, a dict, an iterator, a list of tables or partly masked.

    Parameters
    ----------
    X : object
        What was given as rows.
    y : object, default=None
        The targets, whose number tells a list of tables from a list of rows.
    inputs : str, default=""
        What to do with several inputs, where an estimator knows them.
    """
    check_none_masked(X, "X")
    if issparse(X) or hasattr(X, "dtype") or hasattr(X, "columns"):
        return
    if isinstance(X, str | bytes | os.PathLike):
        raise TypeError(
            f"X must be {_SHAPED}, received {os.fspath(X)!r}. Read the file first, for instance "
            f"with pandas.read_csv({os.fspath(X)!r})."
        )
    if isinstance(X, Mapping):
        remedy = inputs or "Make a table of it: pandas.DataFrame(X)."
        raise TypeError(f"X must be {_SHAPED}, received a {type(X).__name__}. {remedy}")
    if isinstance(X, Iterator):
        raise TypeError(
            f"X must be {_SHAPED}, received an iterator ({type(X).__name__}), which can be read "
            "only once: give list(X)."
        )
    if not isinstance(X, list | tuple) or not len(X):
        return
    if all(isinstance(row, Mapping) for row in X):
        raise TypeError(
            f"X must be {_SHAPED}, received a list of dicts. Make a table of them: "
            "pandas.DataFrame(X)."
        )
    n_targets = len(y) if hasattr(y, "__len__") else None
    if len(X) != n_targets and all(_rows_of(part) == n_targets for part in X):
        remedy = inputs or "Put their columns side by side, for instance with numpy.hstack(X)."
        raise TypeError(
            f"X must be {_SHAPED}, received a {type(X).__name__} of {counted(len(X), 'array')} "
            f"of {n_targets} "
            f"rows. {remedy}"
        )


def _rows_of(part):
    """Return the number of rows of an array or table, -1 for anything else."""
    shape = getattr(part, "shape", ())
    return shape[0] if len(shape) > 1 else -1


def check_is_object(estimator: Any) -> None:
    """Raise a TypeError if a class is given in place of an estimator."""
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be an object, received the class {estimator.__name__}. Call it: "
            f"{estimator.__name__}(...)."
        )


def _is_ragged(y):
    """Tell whether these are sequences that make no array together."""
    if not y or isinstance(y[0], str | bytes) or not isinstance(y[0], Sized):
        return False
    try:
        np.asarray(y)
    except ValueError:
        return True
    return False


def check_is_row_of_targets(y: Any, name: str) -> None:
    """Raise an error if targets are no sequence, are partly masked or have more than two axes."""
    check_none_masked(y, name)
    kind = ""
    if isinstance(y, Mapping | set | frozenset) and not issparse(y):
        kind, remedy = f"a {type(y).__name__}", "Give its values in the order of the rows of X."
    elif isinstance(y, Iterator):
        kind, remedy = f"an iterator ({type(y).__name__})", f"Give list({name})."
    elif isinstance(y, Number) or getattr(y, "ndim", None) == 0:
        kind, remedy = reprlib.repr(y), "A single target is given as a list."
    elif isinstance(y, list | tuple) and _is_ragged(y):
        kind = f"a {type(y).__name__} of {counted(len(y), 'sequence')} of several lengths"
        remedy = (
            "sklearn.preprocessing.MultiLabelBinarizer makes columns of several labels per row."
            if isinstance(y, list)
            else "Of what a function such as pandas.factorize returns, give the one that is meant."
        )
    elif len(getattr(y, "shape", ())) > 2:
        raise ValueError(
            f"{name} must be an array-like of one target per row, or of several in columns, "
            f"received an array of shape {y.shape}."
        )
    if kind:
        raise TypeError(
            f"{name} must be an array-like of one target per row, received {kind}. {remedy}"
        )
