"""Where the bins of columns begin and end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def chosen_knots(values: NDArray, n_bins: int, spacing: str, fewest: int) -> NDArray:
    """Return increasing knots for the values of a column.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Sorted, finite, at least two of them different.
    n_bins : int
        Largest number of bins.
    spacing : str
        "quantile" or "uniform".
    fewest : int
        With fewer distinct values there are no bins.

    Returns
    -------
    knots : ndarray of shape (n_knots,)
        At most `n_bins` + 1; none without bins.
    """
    if n_bins < 1:
        return np.empty(0)
    distinct = values[np.append(True, values[1:] != values[:-1])]
    if len(distinct) < fewest:
        return np.empty(0)
    if len(distinct) <= n_bins + 1:
        return distinct
    steps = np.arange(n_bins + 1)
    if spacing == "uniform":
        return np.unique(np.linspace(values[0], values[-1], n_bins + 1))
    # As numpy.quantile, from positions that are exact: of equal values no two knots are made.
    below, part = np.divmod(steps * (len(values) - 1), n_bins)
    above = np.minimum(below + 1, len(values) - 1)
    return np.unique(values[below] + (values[above] - values[below]) * (part / n_bins))


def own_knots(
    knots: str | Mapping[Any, ArrayLike], n_features: int, names: NDArray | None
) -> dict[int, NDArray]:
    """Return the knots that a user gives, by the positions of the columns.

    Raises
    ------
    ValueError
        If there is no such column, or knots are not increasing finite numbers.
    """
    found: dict[int, NDArray] = {}
    for key, given in knots.items() if isinstance(knots, Mapping) else ():
        if isinstance(key, str):
            position = list(names).index(key) if names is not None and key in names else None
        else:
            position = key if key in range(n_features) else None
        if position is None or position in found:
            columns = f"0 to {n_features - 1}" if names is None else f"names such as {names[0]!r}"
            raise ValueError(
                f"knots has {key!r}, which is no column of X, or one that is there twice. The "
                f"columns are {columns}."
            )
        try:
            array = np.array(given, np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        fits = array.ndim == 1 and len(array) >= 2 and np.isfinite(array[[0, -1]]).all()
        with np.errstate(over="ignore", invalid="ignore"):
            widths = np.diff(array) if fits else array
        if not (fits and np.isfinite(widths).all() and (widths > 0).all()):
            raise ValueError(
                "knots must be at least two increasing finite numbers for each column, received "
                f"knots[{key!r}]={given!r}."
            )
        found[int(position)] = array
    return found
