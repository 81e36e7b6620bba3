"""Settings of layers: one value for all of them, or a sequence with one value each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def per_layer(
    name: str,
    value: Any,
    layers: tuple[str, Sequence[int]],
    check: Callable[[str, Any], Any],
    hint: str = "",
) -> list[Any]:
    """Return one checked value per layer.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : Any
        A number, a string, a mapping, something that can be called or None: one for all layers.
        Anything else is a sequence.
    layers : tuple of str and sequence of int
        Name and value of the parameter that lists the layers.
    check : callable
        Takes the name and an entry, and returns the entry as it is used.
    hint : str, default=""
        More to say where the length is wrong.

    Raises
    ------
    ValueError
        If the sequence has another length than there are layers.
    """
    listed, sizes = layers
    one_for_all = value is None or isinstance(value, Real | str | Mapping | np.generic)
    values = [value] * len(sizes) if one_for_all or callable(value) else list(value)
    if len(values) != len(sizes):
        raise ValueError(
            f"{name}={value!r} has length {len(values)}, but {listed}={sizes!r} has length "
            f"{len(sizes)}. Give one value for all layers, or a sequence with one value each{hint}."
        )
    return [check(name, entry) for entry in values]


def fraction(name: str, entry: Any) -> float:
    """Return a fraction of outputs to drop."""
    if isinstance(entry, Real) and 0 <= float(entry) < 1:
        return float(entry)
    raise ValueError(f"{name} must be in [0, 1) in each layer, received {entry!r}.")


def yes_or_no(name: str, entry: Any) -> bool:
    """Return a boolean; 0 and 1 count as such."""
    if isinstance(entry, Integral | np.bool_) and entry in (0, 1):
        return bool(entry)
    raise ValueError(f"{name} must be True or False in each layer, received {entry!r}.")
