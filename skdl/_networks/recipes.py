"""Keras objects as recipes: comparable, picklable, made anew for every fit."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from skdl._networks.code_keys import (
    LIBRARIES,
    callable_key,
    closure_of,
    is_array,
    root_package,
    state_key,
)
from skdl._networks.full_config import full_config


@dataclass(frozen=True)
class Recipe:
    """A Keras object as its class and configuration."""

    cls: Any
    config: dict = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Any, parameter: str) -> Recipe | Original:
        """Take the recipe from an object, leaving the object as it is.

        What the object came to by its use, such as an optimizer's moments, is left behind. A
        class whose `get_config` leaves something out would be rebuilt as something else, without
        an error. A loss holds no state, so that it can be copied as it is; anything else is
        refused.
        """
        try:
            recipe, lost = cls._of(instance)
        except Exception as error:  # whatever a user's class raises
            if parameter == "loss":
                return Original(instance)
            raise ValueError(
                f"{parameter}={instance!r} cannot be created anew for each fit: "
                f"{error.args[0] if type(error) is _NoRecipeError else error}"
            ) from error.__cause__ or error
        if not lost:
            return recipe
        if parameter == "loss":
            return Original(instance)
        raise ValueError(
            f"{parameter}={instance!r} cannot be created anew for each fit: its get_config does "
            f"not give back {', '.join(lost)}. Let get_config return every argument of "
            f"{type(instance).__name__}'s constructor."
        )

    @classmethod
    def _of(cls, instance):
        """Return a recipe, and the attributes that an object made by it has otherwise."""
        name = type(instance).__name__
        with _reason("its get_config raised"):
            config = full_config(instance)
        with _reason("its configuration cannot be copied"):
            recipe = cls(type(instance), copy.deepcopy(config))
        with _reason(f"{name}.from_config raised, for its own configuration,"):
            new = made(recipe)
        with _reason("its configuration holds something else than plain data"):
            recipe.key  # noqa: B018 - raises if the configuration is not plain data
        lost = _differing(instance, new)
        if lost:  # but not what is never twice the same
            lost = sorted(set(lost) - set(_differing(made(recipe), new)))
        return recipe, lost

    def make(self) -> Any:
        """Return a new object."""
        return self.cls.from_config(copy.deepcopy(self.config))

    @property
    def key(self) -> Hashable:
        """Equal for objects that behave alike."""
        text = json.dumps(self.config, sort_keys=True, default=_plain)
        return callable_key(self.cls), text, *map(callable_key, _named(self.config))


def _named(config: Any) -> Iterator[Callable]:
    """Yield the classes and functions of users that a configuration names."""
    from skdl._networks.keras import keras

    if isinstance(config, str):
        found = keras.saving.get_registered_object(config)
        if found is not None and root_package(found) not in LIBRARIES:
            yield found
    elif isinstance(config, dict):
        name = config.get("class_name")
        name = config.get("config") if name == "function" else name
        module = sys.modules.get(str(config.get("module")))
        found = getattr(module, name, None) if isinstance(name, str) else None
        if isinstance(found, FunctionType | type) and root_package(found) not in LIBRARIES:
            yield found
        for item in config.values():
            yield from _named(item)
    elif isinstance(config, list | tuple):
        for item in config:
            yield from _named(item)


@dataclass(frozen=True, eq=False)
class Original:
    """A loss that its configuration does not describe; copied attribute by attribute."""

    instance: Any

    def make(self) -> Any:
        """Return a new object with the same attributes."""
        return with_attributes(type(self.instance), vars(self.instance))

    def __reduce__(self) -> tuple:
        """Leave out Keras's own pickling, which looks for the class among those it knows."""
        return _original, (type(self.instance), dict(vars(self.instance)))

    @property
    def key(self) -> Hashable:
        """Equal for this very object and state."""
        attributes = state_key(vars(self.instance))
        return self.instance, callable_key(type(self.instance)), attributes


def with_attributes(cls: type, attributes: dict[str, Any]) -> Any:
    """Return a new object of a class with these attributes, made without its constructor."""
    new: Any = object.__new__(cls)
    vars(new).update(attributes)
    return new


def _original(cls: type, attributes: dict[str, Any]) -> Original:
    return Original(with_attributes(cls, attributes))


def seeded(config: Any) -> Any:
    """Return a configuration with 0 for each seed that is None; builders hand out others."""
    if isinstance(config, dict):
        return {
            name: 0 if name == "seed" and value is None else seeded(value)
            for name, value in config.items()
        }
    return [seeded(item) for item in config] if isinstance(config, list) else config


class _NoRecipeError(ValueError):
    """Says why an object has no recipe; its cause is the error that told."""


@contextlib.contextmanager
def _reason(why: str) -> Iterator[None]:
    """Say at which step of taking a recipe an error was raised."""
    try:
        yield
    except Exception as error:  # whatever a user's class raises
        raise _NoRecipeError(f"{why} {type(error).__name__}: {error}") from error


def _differing(one: Any, other: Any) -> list[str]:
    """Return the attributes in which two objects differ, but for those that Keras owns.

    The first may have been used, the other is new.
    """
    ours, theirs = vars(one), vars(other)
    # What `adapt` learned of data is asked for, but is in no configuration.
    gained = _is_gained if not hasattr(one, "adapt") else lambda *_: False
    return [
        name
        for name, value in ours.items()
        if name not in {"name", "_name", "_tracker"}
        and not name.startswith(("_auto", "_obj", "_self", "_lock"))
        and not name.endswith("seed")  # which is given anew
        and not gained(name, value, theirs.get(name))
        and not _equal(value, theirs.get(name))
    ]


# What Keras notes of an object when it is built or called, and the methods of layers that it wraps.
_NOTES_OF_USE = {
    "build", "quantize", "built", "_built", "_build_shapes_dict", "_called",
    "_exclude_from_weight_decay_cache", "_input_spec", "_parent_path", "_path", "_tracked",
    "_trainable_variables", "_trainable_variables_indices",
}  # fmt: skip


def _is_gained(name: str, value: Any, of_new: Any) -> bool:
    """Tell whether an object gains an attribute by its use: variables, or Keras's notes."""
    from skdl._networks.keras import keras

    if name in _NOTES_OF_USE:
        return True
    parts = keras.tree.flatten(value)
    if of_new is None and all(part is None for part in parts):
        return True  # an optimizer's list of moments that it does not need
    return bool(parts) and all(isinstance(p, keras.Variable) or p is None for p in parts)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        return one is other or (
            one.__code__ == other.__code__  # unpickled by cloudpickle, a class has new functions
            and _equal(closure_of(one), closure_of(other))
            and _equal(one.__defaults__, other.__defaults__)
        )
    if isinstance(one, MethodType) and isinstance(other, MethodType):
        return one.__func__ is other.__func__ and _equal(one.__self__, other.__self__)
    if is_array(one) and is_array(other):
        return bool(np.array_equal(np.asarray(one), np.asarray(other)))
    if hasattr(one, "get_config") or root_package(type(one)) in {"keras", "tensorflow"}:
        return type(one) is type(other)  # Keras's own parts, described by the configuration
    return state_key(one) == state_key(other)


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
    if isinstance(value, dict):
        return seeded(value)
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(plain(item, parameter) for item in value)
    if not isinstance(value, type) and hasattr(value, "get_config"):
        return Recipe.of(value, parameter)
    return value


def made(value: Any) -> Any:
    """Return a value with every recipe in it made, and no seed from a global generator."""
    if isinstance(value, Recipe):
        return Recipe(value.cls, seeded(value.config)).make()
    if isinstance(value, Original):
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
    return type(value).__name__, value, *map(callable_key, _named(value))
