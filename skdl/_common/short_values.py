"""Values of parameters as short text, for places with little room."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

_MOST = 6  # elements of a list, tuple or dict
_LONGEST = 30  # letters, as `reprlib` has it


def short_value(value: Any, digits: int | None = 4) -> str:
    """Return a value as text: objects and functions by their name, arrays by their shape.

    Parameters
    ----------
    value : object
        Value of a parameter.
    digits : int, default=4
        Significant digits of floating-point numbers. None: all digits, and every element.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and digits:
        return f"{value:.{digits}g}"
    if isinstance(getattr(value, "__name__", None), str):
        return value.__name__
    if type(value) in (list, tuple, dict):
        return _collection(value, digits)
    written = " ".join(repr(value).split())
    if " at 0x" in written:
        return type(value).__name__  # of objects that say of themselves only where they are
    if not digits or len(written) <= _LONGEST:
        return written
    if isinstance(getattr(value, "shape", None), tuple):
        return f"{type(value).__name__}{value.shape}"
    return " ".join(reprlib.repr(value).split())


def _collection(value, digits):
    """Return a list, tuple or dict with short elements."""
    begin, end = {list: "[]", tuple: "()", dict: "{}"}[type(value)]
    shown = list(value.items() if isinstance(value, dict) else value)
    shown, n_more = (shown[:_MOST], len(shown) - _MOST) if digits else (shown, 0)
    if isinstance(value, dict):
        texts = [f"{short_value(k, digits)}: {short_value(v, digits)}" for k, v in shown]
    else:
        texts = [short_value(each, digits) for each in shown]
    if n_more > 0:
        texts.append("...")
    elif end == ")" and len(texts) == 1:
        end = ",)"
    return begin + ", ".join(texts) + end
