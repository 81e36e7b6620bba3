"""Columns of a table as several inputs of a network: `inputs={"numbers": [...], "city": [...]}`."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._common.counts import counted


def resolve_columns(inputs: Any, n_columns: int, names: Any) -> dict[str, np.ndarray]:
    """Return the positions of each group of columns.

    Raises
    ------
    ValueError
        If a column does not exist, or a group is empty.
    """
    if not isinstance(inputs, dict) or not inputs:
        raise ValueError(
            "inputs must be a dict from names of the network's inputs to columns, received "
            f"inputs={inputs!r}."
        )
    positions = {}
    for name, columns in inputs.items():
        if not isinstance(name, str):
            raise ValueError(f"inputs must have names as keys, received the key {name!r}.")
        found = _positions(columns, n_columns, names, name)
        if not len(found):
            raise ValueError(f"inputs: {name!r} has no columns, received {columns!r}.")
        repeated = [int(c) for c in np.unique(found) if (found == c).sum() > 1]
        if repeated:
            twice = repeated[0] if names is None else names[repeated[0]]
            raise ValueError(
                f"inputs: {name!r} has the column {twice!r} twice, received {columns!r}. Name each "
                "column once; two inputs may share columns."
            )
        positions[name] = found
    return positions


def _positions(columns, n_columns, names, group):
    if isinstance(columns, str | int | np.integer) and not isinstance(columns, bool):
        columns = [columns]
    if isinstance(columns, slice) and not isinstance(columns.start or columns.stop, str):
        return np.arange(n_columns)[columns]
    known = [] if names is None else list(names)
    if isinstance(columns, slice):  # of names, the last included, as in pandas
        start = _position(columns.start, n_columns, known, group, 0)
        stop = _position(columns.stop, n_columns, known, group, n_columns - 1)
        return np.arange(start, stop + 1)[:: columns.step]
    columns = _listed(columns, group)
    if columns and all(isinstance(column, bool) for column in columns):
        if len(columns) != n_columns:
            raise ValueError(
                f"inputs: {group!r} has {counted(len(columns), 'boolean')} for "
                f"{counted(n_columns, 'column')}."
            )
        return np.flatnonzero(columns)
    return np.array([_position(c, n_columns, known, group) for c in columns], dtype=int)


def _listed(columns, group):
    """Return what a list, an array or an index holds."""
    known = (str, bool, np.bool, int, np.integer)
    listed = columns.tolist() if hasattr(columns, "tolist") else columns
    if not isinstance(listed, list | tuple) or not all(isinstance(c, known) for c in listed):
        raise TypeError(
            f"inputs: {group!r} must be names, positions, booleans or a slice of columns, such as "
            f"['age', 'bmi'], received {columns!r}."
        )
    return list(listed)


def _position(column, n_columns, known, group, default=None):
    if column is None:
        return default
    if isinstance(column, str):
        if column not in known:
            where = f"the columns are {known}" if known else "X has no column names"
            raise ValueError(f"inputs: {group!r} asks for the column {column!r}, but {where}.")
        return known.index(column)
    if not -n_columns <= column < n_columns:
        raise ValueError(
            f"inputs: {group!r} asks for column {column}, but X has {counted(n_columns, 'column')}."
        )
    return column % n_columns
