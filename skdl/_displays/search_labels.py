"""How parameters of a search and their values are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdl._common.short_values import short_value


def short_names(names: Sequence[str]) -> list[str]:
    """Return the last parts of names of parameters, the whole names where two end alike."""
    short = [name.split("__")[-1] for name in names]
    return short if len({*short}) == len(short) else list(names)


def tick_labels(values: Sequence[Any]) -> list[str]:
    """Return the values of a parameter as text, as short as tells them apart."""
    for digits in (*range(3, 18), None):
        labels = [_shown(value, digits) for value in values]
        if len({*labels}) == len(labels):
            return labels
    return [
        f"{label} ({labels[:i].count(label) + 1})" if labels.count(label) > 1 else label
        for i, label in enumerate(labels)
    ]


def _shown(value, digits):
    """Return a value with floats to some digits, None: in full."""
    return value if isinstance(value, str) else short_value(value, digits)


def number(value: float) -> str:
    """Return a score as the cells show it."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
