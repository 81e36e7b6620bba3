"""What a fitted search has recorded: its scores, its parameters, their values in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np

_ABSENT = "default"  # a parameter that only another grid of the search sets


def best_by_cell(
    results: Mapping[str, Any], metric: str, cells: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """Return the best candidate of each cell; of a search by halving, of its last iteration."""
    scores = results[f"mean_test_{metric}"]
    known = np.where(np.isnan(scores), -np.inf, scores)
    iterations = results.get("iter", np.zeros(len(scores)))
    best: dict[tuple[int, int], int] = {}
    for i, cell in enumerate(cells):
        old = best.setdefault(cell, i)
        if (iterations[i], known[i]) > (iterations[old], known[old]):
            best[cell] = i
    return best


def metric_of(search: Any, metric: str | None) -> str:
    """Return the name that the search's results have for its score, or for one of several."""
    start = "mean_test_"
    names = [name.removeprefix(start) for name in search.cv_results_ if name.startswith(start)]
    refit = names[0] if len(names) == 1 else getattr(search, "refit", None)
    if metric is None and not isinstance(refit, str):
        raise ValueError(
            f"metric=None takes the score that refit names, but refit={refit!r} names none. "
            f"Choose from {names!r}."
        )
    metric = str(refit) if metric is None else metric
    if metric not in names:
        raise ValueError(f"metric={metric!r} is not a score of this search. Choose from {names!r}.")
    return metric


def parameters_of(
    search: Any, x: str | None, y: str | None
) -> list[tuple[str, str | None, list[str]]]:
    """Return what is drawn: the parameters across and down, and the others that vary.

    It is one entry, or one for each pair of three parameters.
    """
    candidates = search.cv_results_["params"]
    names = list(dict.fromkeys(name for params in candidates for name in params))
    x = None if x is None else _resolved(x, names)
    y = None if y is None else _resolved(y, names)
    if x is not None and x == y:
        raise ValueError(f"x and y are both {x!r}. Give different parameters, of {names!r}.")
    varied = [
        name
        for name in names
        if len({_key(params.get(name, _ABSENT)) for params in candidates}) > 1
        # halving raises this one from iteration to iteration
        and name != getattr(search, "resource", None)
    ]
    others = [name for name in varied if name not in (x, y)]
    n_open = (x, y).count(None)
    if n_open == 2 and len(varied) == 3:
        first, second, third = varied
        pairs = (second, first, third), (third, first, second), (third, second, first)
        return [(across, down, [other]) for across, down, other in pairs]
    if n_open and len(others) > n_open:
        raise ValueError(
            f"x={x!r} and y={y!r} leave open which parameters to draw. Choose from {varied!r}; "
            "of those that are not chosen, the best is shown."
        )
    if n_open:
        chosen = [name for name in (y, *others, x) if name is not None] or names[:1]
        if not chosen:
            raise ValueError("The search varies no parameter.")
        return [(chosen[-1], chosen[0] if len(chosen) > 1 else None, [])]
    assert x is not None  # both were given
    return [(x, y, others)]


def are_drawn(search: Any, name: str) -> bool:
    """Tell whether the numbers of a parameter were drawn from a distribution."""
    grids = getattr(search, "param_distributions", ())
    grids = [grids] if isinstance(grids, Mapping) else grids
    return any(hasattr(grid.get(name), "rvs") for grid in grids)


def _resolved(given, names):
    """Return the full name of a parameter, which may be given by its last part."""
    found = [given] if given in names else [n for n in names if n.split("__")[-1] == given]
    if len(found) != 1:
        problem = "several parameters" if found else "no parameter"
        raise ValueError(f"{given!r} is the name of {problem} of this search: {names!r}.")
    return found[0]


def values_of(search: Any, name: str) -> tuple[list, list[int]]:
    """Return the values of a parameter in order, and the place of each candidate's among them."""
    values = [params.get(name, _ABSENT) for params in search.cv_results_["params"]]
    keys = list(map(_key, values))
    by_key = dict(zip(keys, values, strict=True))
    absent, keys_in_order = _key(_ABSENT), dict.fromkeys([*_listed(search, name), *by_key])
    order = [key for key in keys_in_order if key in by_key and key != absent]
    if all(isinstance(by_key[k], Real) and not isinstance(by_key[k], bool) for k in order):
        order.sort(key=by_key.__getitem__)
    order = [absent] * (absent in by_key) + order
    place = {key: i for i, key in enumerate(order)}
    return [by_key[key] for key in order], [place[key] for key in keys]


def _listed(search: Any, name: str) -> Iterator[str]:
    """Yield the keys of a parameter's values as the grid lists them."""
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", ()))
    for grid in [grids] if isinstance(grids, Mapping) else grids:
        values = grid.get(name, ())
        if not hasattr(values, "rvs"):
            yield from map(_key, values)


def _key(value):
    return repr(value.item() if isinstance(value, np.generic) else value)
