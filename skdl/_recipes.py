"""Keras objects as recipes: comparable, picklable, made anew for every fit."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import pickle
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Recipe:
    """A Keras object as its class and configuration."""

    cls: Any
    config: dict = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Any, parameter: str) -> Recipe | Original:
        """Take the recipe from an object, leaving the object as it is.

        A class whose `get_config` leaves something out would be rebuilt as something else,
        without an error. A loss holds no state, so that it can be copied as it is; anything else
        is refused.
        """
        try:
            recipe = cls(type(instance), copy.deepcopy(instance.get_config()))
            lost = _differing(instance, recipe.make())
            recipe.key  # noqa: B018 - raises if the configuration is not plain data
        except (TypeError, ValueError, NotImplementedError) as error:
            lost, why = ["all"], f" ({error})"
        else:
            why = ""
        if not lost:
            return recipe
        if parameter == "loss":
            return Original(instance)
        raise ValueError(
            f"{parameter}={instance!r} cannot be made anew for each fit: its get_config does not "
            f"give back {', '.join(lost)}{why}. Let get_config return every argument of "
            f"{type(instance).__name__}'s constructor."
        )

    def make(self) -> Any:
        """Return a new object."""
        return self.cls.from_config(copy.deepcopy(self.config))

    @property
    def key(self) -> Hashable:
        """Equal for objects that behave alike."""
        return self.cls, json.dumps(self.config, sort_keys=True, default=_plain)


@dataclass(frozen=True, eq=False)
class Original:
    """A loss that its configuration does not describe; copied attribute by attribute."""

    instance: Any

    def make(self) -> Any:
        """Return a new object with the same attributes."""
        new = object.__new__(type(self.instance))
        vars(new).update(vars(self.instance))
        return new

    @property
    def key(self) -> Hashable:
        """Equal for this very object and state."""
        return self.instance, state_key(vars(self.instance))


def _differing(one: Any, other: Any) -> list[str]:
    """Return the attributes of plain data in which two objects differ."""
    ours, theirs = vars(one), vars(other)
    return [
        name
        for name, value in ours.items()
        if name not in {"name", "_name", "_tracker", "seed"}  # a seed is given anew
        and not name.startswith(("_auto", "_obj", "_self", "_lock"))
        and isinstance(value, bool | int | float | str | tuple | list | dict | np.ndarray | None)
        and not _equal(value, theirs.get(name))
    ]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    plain = bool | int | float | str | np.ndarray | None
    if isinstance(one, plain) and isinstance(other, plain):
        return bool(np.array_equal(one, other))
    return type(one) is type(other)  # Keras's own parts, described by the configuration


def _plain(value: Any) -> Any:
    """Return a stand-in that JSON can write for a value in a configuration."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return [str(value.dtype), value.shape, digest]
    raise TypeError(f"{value!r} is no plain data")


def plain(value: Any, parameter: str) -> Any:
    """Return a parameter of a builder with Keras objects replaced by their recipes."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(plain(item, parameter) for item in value)
    if not isinstance(value, type) and hasattr(value, "get_config"):
        return Recipe.of(value, parameter)
    return value


def made(value: Any) -> Any:
    """Return a value with every recipe in it made."""
    if isinstance(value, Recipe | Original):
        return value.make()
    if isinstance(value, tuple):
        return tuple(made(item) for item in value)
    return value


def key_of(value: Any) -> Hashable:
    """Return a hashable stand-in for a parameter, equal for parameters that act alike."""
    if isinstance(value, Recipe | Original):
        return value.key
    if isinstance(value, list | tuple):
        return tuple(key_of(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((str(name), key_of(item)) for name, item in value.items()))
    if callable(value):
        return callable_key(value)
    if isinstance(value, np.generic):
        value = value.item()
    # 1, 1.0 and True are equal to Python but not to a builder.
    return type(value).__name__, value


def callable_key(function: Callable) -> Hashable:
    """Return a key that changes with whatever a user's function reads.

    A traced program has the values of closures, attributes and globals built in.
    """
    module = getattr(function, "__module__", None) or ""
    if isinstance(function, type) or module.split(".")[0] == "keras":
        return function
    if isinstance(function, MethodType):
        return callable_key(function.__func__), state_key(function.__self__)
    if not isinstance(function, FunctionType):
        return type(function), state_key(function)
    read = inspect.getclosurevars(function)
    values = {**read.nonlocals, **read.globals, "": function.__defaults__}
    return function, tuple((name, state_key(value)) for name, value in sorted(values.items()))


def state_key(value: Any) -> Hashable:
    """Return a key of a value's present state; of an object that cannot say, the object."""
    if isinstance(value, FunctionType | type) or inspect.ismodule(value):
        return value
    try:
        return type(value), hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:  # pickling may raise anything
        return id(value), _Kept(value)


@dataclass(frozen=True, eq=False)
class _Kept:
    """Keeps an object alive, so that its id stays its own."""

    value: Any
