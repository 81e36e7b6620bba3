"""Losses, metrics and optimizers of users' own classes, in clones and pickles of estimators.

Keras copies and pickles its objects by their names, and so raises on the way back from classes
that are not registered with it, such as those of a notebook.
"""

from __future__ import annotations

import copy
import sys
from typing import Any


class KerasObjectsCopied:
    """Mixin for estimators: parameters that are Keras objects are copied as class and state."""

    def __getstate__(self):
        state = super().__getstate__()
        return state | {name: _copiable(state[name]) for name in _parameters(self, state)}

    def __sklearn_clone__(self):
        stand_in = copy.copy(vars(self))
        for name in _parameters(self, stand_in):
            stand_in[name] = _copiable(stand_in[name])
        other = object.__new__(type(self))
        vars(other).update(stand_in)
        return super(KerasObjectsCopied, other).__sklearn_clone__()


class Copied:
    """Stands for a Keras object; what copying or unpickling makes of it is such an object."""

    def __init__(self, instance: Any):
        self.instance = instance

    def __deepcopy__(self, memo: dict) -> Any:
        function, arguments = self.__reduce__()
        return function(*copy.deepcopy(arguments, memo))

    def __reduce__(self) -> tuple:
        from skdl._networks.recipes import Original, Recipe, with_attributes

        recipe = Recipe.of(self.instance, "loss")
        if isinstance(recipe, Original):
            return with_attributes, (type(self.instance), dict(vars(self.instance)))
        return _from_config, (recipe.cls, recipe.config)


def _from_config(cls: type, config: dict) -> Any:
    return cls.from_config(config)


def _parameters(estimator, state):
    """Return the parameters of an estimator that hold what Keras would not copy."""
    if "keras" not in sys.modules:
        return []
    names = ("loss", "metrics", "optimizer")
    return [name for name in names if name in state]


def _copiable(value):
    """Return a value with stand-ins for objects of users' own classes, lists copied."""
    if isinstance(value, list | tuple):
        return type(value)(map(_copiable, value))
    module = type(value).__module__.partition(".")[0]
    own = module != "keras" and hasattr(value, "get_config") and not isinstance(value, type)
    return Copied(value) if own else value
