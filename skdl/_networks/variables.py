"""The variables of a compiled network: their order, and which of them a seed decides."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from skdl._networks.keras import keras
from skdl._networks.recipes import Recipe


def state_of(model: keras.Model) -> list[keras.Variable]:
    """Return all variables of a compiled model in the order in which states are kept."""
    return [*model.variables, *model.optimizer.variables, *model.metrics_variables]


def flat_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a network, those of networks within it in place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def position_of(variables: list[keras.Variable], variable: Any) -> int | None:
    """Return the position of a variable, None if it is not among them."""
    return next((i for i, other in enumerate(variables) if other is variable), None)


def random_parts(
    layers: list[keras.Layer], variables: list[keras.Variable]
) -> Iterator[tuple[int, Recipe | None]]:
    """Yield, in the order in which builders hand out seeds, what a seed decides.

    That is, the position of a variable with the recipe of its initialiser, or the position
    of the state of a layer's random numbers with None.
    """
    for layer in itertools.chain.from_iterable(map(with_parts, layers)):
        for name, value in vars(layer).items():
            if isinstance(value, keras.random.SeedGenerator):
                position = position_of(variables, value.state)
                assert position is not None  # Keras tracks what layers hold
                yield position, None
            elif isinstance(value, keras.initializers.Initializer) and hasattr(value, "seed"):
                position = _initialized_by(name, layer, variables)
                if position is not None:
                    yield position, Recipe(type(value), value.get_config())


def with_parts(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Yield a layer and those that it is made of, such as the projections of attention."""
    yield layer
    for part in getattr(layer, "_layers", ()):
        yield from with_parts(part)


def _initialized_by(name: str, layer: keras.Layer, variables: list[keras.Variable]) -> int | None:
    """Return the position of the variable that an initialiser of a layer draws.

    A depthwise convolution draws its `kernel` by `depthwise_initializer`, a separable one its
    `depthwise_kernel`.
    """
    what = name.removesuffix("_initializer")
    found = (getattr(layer, each, None) for each in (what, f"{what}_kernel", "kernel"))
    return next((p for p in (position_of(variables, v) for v in found) if p is not None), None)


def compact(values: np.ndarray) -> np.ndarray:
    """Return equal values that take no memory where all are the same."""
    if values.size > 1 and (values == values.flat[0]).all():
        return np.broadcast_to(values.flat[0], values.shape)
    return values
