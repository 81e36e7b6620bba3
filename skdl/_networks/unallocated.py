"""Keras objects made without memory for their variables, to look at the shapes of those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

from skdl._networks.keras import global_state, keras
from skdl.exceptions import InvalidFileError

# Where Keras notes variables that have no value yet. Whatever is noted there is allocated when
# anything ends a stateless scope of its own.
_WITHOUT_VALUES = "uninitialized_variables"


class _Limited(list):
    """Variables without values, of so many numbers at most in all."""

    def __init__(self, most: int):
        super().__init__()
        self._left = most

    def append(self, variable: Any) -> None:
        """Note a variable that has just got its shape, before anything is computed with it."""
        self._left -= prod(variable.shape)
        if self._left < 0:
            raise InvalidFileError(
                f"it has a variable of shape {tuple(variable.shape)}: more numbers than it may have"
            )
        super().append(variable)


@contextmanager
def without_memory(most: int) -> Iterator[list]:
    """Let variables be made that take no memory, of so many numbers at most in all.

    Parameters
    ----------
    most : int
        Numbers in all variables together. One that is beyond raises an `InvalidFileError` as it
        is made, since layers may compute with it at once.

    Yields
    ------
    variables : list
        Those made so far.
    """
    made = _Limited(most)
    before = global_state.get_global_attribute(_WITHOUT_VALUES)
    global_state.set_global_attribute(_WITHOUT_VALUES, made)
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield made
    finally:
        global_state.set_global_attribute(_WITHOUT_VALUES, before)
