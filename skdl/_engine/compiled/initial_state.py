"""What the variables of a network hold before it is trained, for any seed and learning rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from skdl._common.seeds import layer_seeds
from skdl._networks.keras import keras
from skdl._networks.recipes import Recipe
from skdl._networks.variables import compact, position_of, random_parts


class InitialState:
    """The initial values of a network's variables, some of which are drawn anew for each seed.

    Parameters
    ----------
    model : keras.Model
        A compiled network, not trained.
    layers : list of keras.Layer
        Its layers, in the order in which they take their seeds.
    variables : list of keras.Variable
        Its variables and those of its optimizer and metrics, in the order of a state.
    """

    def __init__(
        self, model: keras.Model, layers: list[keras.Layer], variables: list[keras.Variable]
    ):
        self._variables, self._n_weights = variables, len(model.variables)
        self._draws = list(random_parts(layers, variables))
        self._values = [variable.numpy() for variable in variables]
        self.n_bytes = sum(values.nbytes for values in self._values)
        self._copies = self._find_copies()
        for position in [p for p, _ in self._draws] + list(self._copies):
            self._values[position] = np.zeros_like(self._values[position])
        self._values = [compact(values) for values in self._values]
        self._rate = position_of(variables, getattr(model.optimizer, "_learning_rate", 0))

    def _find_copies(self) -> dict[int, int]:
        """Return which optimizer variables start as copies of weights that a seed decides."""
        drawn = [position for position, recipe in self._draws if recipe is not None]
        return {
            slot: position
            for slot in range(self._n_weights, len(self._values))
            for position in drawn
            if np.array_equal(self._values[slot], self._values[position])
        }

    @property
    def values(self) -> list[np.ndarray]:
        """The values that no seed decides, with zeros in the place of those that one does."""
        return list(self._values)

    def drawn(self, seed: int, given: Mapping[int, np.ndarray]) -> list[np.ndarray]:
        """Return the values of all variables: those given by position, else by `seed`."""
        values = self.values
        for position, value in given.items():
            values[position] = np.asarray(value, values[position].dtype)
        for (position, recipe), layer_seed in zip(self._draws, layer_seeds(seed), strict=False):
            old = values[position]
            if position in given:
                continue
            if recipe is None:
                values[position] = np.array([layer_seed, 0], old.dtype)
            else:
                initializer = Recipe(recipe.cls, {**recipe.config, "seed": layer_seed}).make()
                values[position] = initializer(old.shape, dtype=str(old.dtype)).numpy()
        for slot, position in self._copies.items():
            values[slot] = values[position]
        return values

    def with_values(self, given: Iterable[tuple[keras.Variable, np.ndarray]]) -> list[np.ndarray]:
        """Return `values` with those of some variables replaced."""
        values = self.values
        for variable, value in given:
            position = position_of(self._variables, variable)
            assert position is not None  # the network tracks it
            values[position] = np.asarray(value, values[position].dtype)
        return values

    def with_rate(self, values: list[np.ndarray], rate: float | None) -> list[np.ndarray]:
        """Return the values of a state with another learning rate, None leaving it."""
        if rate is None or self._rate is None:
            return values
        new = np.asarray(rate, values[self._rate].dtype)
        return [*values[: self._rate], new, *values[self._rate + 1 :]]
