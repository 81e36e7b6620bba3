"""Which layer of a network is meant: the n-th convolution, or a layer by its name."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from skdl._networks.keras import keras


def is_convolution(layer: keras.Layer) -> bool:
    """Tell whether a layer is a convolution, of any kind."""
    return any("Conv" in cls.__name__ for cls in type(layer).__mro__)


def found_layer(layers: Iterable[keras.Layer], layer: Any) -> keras.Layer:
    """Return the convolution of a number, from the last one if it is negative, or a named layer.

    Raises
    ------
    ValueError
        If there is none; the message lists the names.
    """
    layers = list(layers)
    convolutions = [each for each in layers if is_convolution(each)]
    if isinstance(layer, str):
        for each in layers:
            if each.name == layer:
                return each
    n = len(convolutions)
    is_number = isinstance(layer, Integral) and not isinstance(layer, bool)
    if is_number and -n <= layer < n:
        return convolutions[int(layer)]
    names = ", ".join(each.name for each in layers)
    numbers = (
        f"from 0 to {n - 1}, or from -{n} to -1 counted from the last" if n else "there is none"
    )
    raise ValueError(
        f"layer={layer!r} is neither the number of a convolution ({numbers}) nor the name of a "
        f"layer: {names}."
    )
