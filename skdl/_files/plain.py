"""Values as JSON and arrays, and back: numbers, texts, containers, Keras objects, functions.

JSON has fewer kinds of values than Python. Those that it lacks are objects with a key "$" that
says what they are, such as `{"$": "tuple", "items": [1, 2]}`; arrays are kept beside the JSON
and stand there as their number.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from math import prod
from pathlib import Path, PurePath
from types import FunctionType, NoneType
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdl._files.arrays import check_sparse
from skdl._networks.names import (
    check_nesting,
    is_registered,
    known_objects,
    made_if_small,
    name_in_config,
    name_of,
)
from skdl._networks.recipes import Original, Recipe
from skdl.exceptions import InvalidFileError, UntrustedTypesError

_KIND = "$"
_NAMED = ("recipe", "object", "function", "model")  # by the name of a class or function
# A Keras configuration: what it may say. Not `compile_config`, unless it is empty.
_CONFIG_KEYS = {"module", "class_name", "config", "registered_name"}
_CONFIG_KEYS |= {"name", "build_config", "inbound_nodes", "compile_config"}
# In all Keras objects of a file beside networks, which bring no arrays for theirs.
_MAX_NUMBERS = 2**24
# Entries of a sparse matrix by its format.
_SPARSE = {name: ("data", "indices", "indptr") for name in ("csr", "csc")}
_SPARSE |= {"coo": ("data", "row", "col")}
_SPARSE_CLASSES = {
    "csr": (sp.csr_matrix, sp.csr_array),
    "csc": (sp.csc_matrix, sp.csc_array),
    "coo": (sp.coo_matrix, sp.coo_array),
}


class Encoder:
    """Turns values into JSON; their arrays are collected in `arrays`."""

    def __init__(self):
        self.arrays: list[np.ndarray] = []
        self._numbers: dict[int, int] = {}
        self._in_config = False

    def array(self, array: np.ndarray) -> int:
        """Keep an array, once if it comes several times, and return its number."""
        if self._in_config:
            return self.own_array(array)
        number = self._numbers.setdefault(id(array), len(self.arrays))
        if number == len(self.arrays):
            self.arrays.append(array)
        return number

    def own_array(self, array: np.ndarray) -> int:
        """Keep an array for a value that copies it on the way back, and return its number."""
        self.arrays.append(array)
        return len(self.arrays) - 1

    def encode(self, value: Any) -> Any:
        """Return a value as JSON.

        Raises
        ------
        TypeError
            If it is of a kind that cannot be saved.
        """
        if type(value) in (bool, int, float, str, type(None)):
            return value
        if isinstance(value, np.generic):
            return {_KIND: "scalar", "array": self.array(np.array(value))}
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return {_KIND: "array", "array": self.array(value)}
        if type(value) is np.ndarray and value.dtype == object:
            items = [self.encode(item) for item in value.ravel().tolist()]
            return {_KIND: "objects", "shape": list(value.shape), "items": items}
        if type(value) is list:
            return [self.encode(item) for item in value]
        if type(value) is tuple:
            return {_KIND: "tuple", "items": [self.encode(item) for item in value]}
        if type(value) is dict:
            return self._encode_dict(value)
        if type(value) is bytes:
            return {_KIND: "bytes", "array": self.own_array(np.frombuffer(value, np.uint8))}
        if isinstance(value, np.dtype):
            return {_KIND: "dtype", "array": self.array(np.empty(0, value))}
        if isinstance(value, PurePath):
            return {_KIND: "path", "text": str(value)}
        if type(value) is range:
            return {_KIND: "range", "ends": [value.start, value.stop, value.step]}
        if sp.issparse(value):
            return self._encode_sparse(value)
        return self._encode_named(value)

    def _encode_dict(self, value):
        if "class_name" in value:
            return {_KIND: "config", "entries": {k: self.encode(v) for k, v in value.items()}}
        if all(type(key) is str for key in value) and _KIND not in value and not is_long(value):
            return {key: self.encode(item) for key, item in value.items()}
        keys, values = list(value), list(value.values())
        kinds = {type(item) for item in values}
        if len(kinds) == 1 and issubclass(*kinds, np.number):
            return {
                _KIND: "dict",
                "keys": self.encode(keys),
                "scalars": self.array(np.array(values)),
            }
        return {_KIND: "dict", "keys": self.encode(keys), "values": self.encode(values)}

    def _encode_sparse(self, value):
        names = _SPARSE.get(value.format)
        if value.ndim != 2:
            raise TypeError(
                f"A sparse array of shape {value.shape} cannot be saved: make it dense."
            )
        if names is None:
            value, names = value.tocsr(), _SPARSE["csr"]
        return {
            _KIND: "sparse",
            "format": value.format,
            "is_array": isinstance(value, sp.sparray),
            "shape": [int(size) for size in value.shape],
            "arrays": [self.own_array(getattr(value, name)) for name in names],
        }

    def _encode_named(self, value):
        """Return JSON for what is decided by the name of a class or function."""
        if isinstance(value, Original):
            raise TypeError(
                f"loss={value.instance!r} cannot be saved: its get_config does not give it back. "
                f"Let get_config return every argument of {type(value.instance).__name__}'s "
                "constructor."
            )
        if isinstance(value, Recipe):
            return {_KIND: "recipe", "name": _name(value.cls), "config": self._config(value.config)}
        if isinstance(value, FunctionType | type):
            return {_KIND: "function", "name": _name(value)}
        if isinstance(value, partial):
            return {
                _KIND: "partial",
                "function": self.encode(value.func),
                "args": self.encode(list(value.args)),
                "kwds": self.encode(value.keywords),
            }
        if is_keras_object(value):
            try:
                recipe = Recipe.of(value, "parameter")
            except ValueError as error:
                raise TypeError(f"{value!r} cannot be saved: {error}") from error
            return {**self.encode(recipe), _KIND: "object"}
        raise TypeError(f"{value!r} of type {type(value).__name__} cannot be saved.")

    def _config(self, config):
        before, self._in_config = self._in_config, True
        encoded = {key: self.encode(value) for key, value in config.items()}
        self._in_config = before
        return encoded


class Decoder:
    """Turns JSON back into values, once `check` has found all that it names to be known.

    Parameters
    ----------
    arrays : list of ndarray
        The arrays of the file.
    trusted : set of str
        Names that the user trusts, beside those that are known.
    """

    def __init__(self, arrays: list[np.ndarray], trusted: set[str]):
        self.arrays, self.trusted = arrays, trusted
        self._copied: set[int] = set()
        self._in_config = False
        self.numbers_left = _MAX_NUMBERS

    def check(self, value: Any, within: str | None = None) -> Iterable[str]:
        """Yield the names in a value that are neither known nor trusted.

        `within` is the name of the Keras object whose configuration the value is part of.
        """
        if isinstance(value, list):
            for item in value:
                yield from self.check(item, within)
        elif isinstance(value, dict):
            if value.get(_KIND) == "config":
                value = value["entries"]
                yield from self._check_config(value)
                within = check_nesting(within, value["class_name"], value.get("module"))
            else:
                _check_unmarked(value)
            if value.get(_KIND) in _NAMED:
                if not self._is_known(_text(value["name"])):
                    yield value["name"]
                within = check_nesting(within, *reversed(value["name"].rpartition(".")[::2]))
            for item in value.values():
                yield from self.check(item, within)
        elif isinstance(value, str) and is_registered(value) and value not in self.trusted:
            yield value

    def _check_config(self, entries):
        _text(entries["class_name"])
        if not entries.keys() <= _CONFIG_KEYS or entries.get("compile_config"):
            raise InvalidFileError(
                f"the Keras configuration of {entries['class_name']!r} has entries of which skdl "
                f"knows nothing: {sorted(entries)}"
            )
        name = name_in_config(entries)
        if name is not None and name not in self.trusted:
            yield name

    def _is_known(self, name):
        if name in self.trusted:
            return True
        return name.startswith("keras.") and name in known_objects()

    def decode(self, value: Any) -> Any:
        """Return the value that JSON stands for."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        if _KIND not in value:
            return {key: self.decode(item) for key, item in value.items()}
        decode = getattr(self, f"_decode_{_text(value[_KIND])}", None)
        if decode is None:
            raise InvalidFileError(f"it holds a value of the unknown kind {value[_KIND]!r}")
        return decode(**{key: item for key, item in value.items() if key != _KIND})

    def array(self, number: int) -> np.ndarray:
        """Return an array by its number."""
        if type(number) is not int or not 0 <= number < len(self.arrays):
            raise InvalidFileError(f"it has no array {number!r}")
        return self.arrays[number]

    def own_array(self, number: int) -> np.ndarray:
        """Return an array for a value that copies it.

        Each can be had once: copies of one large array could fill the memory.
        """
        array = self.array(number)
        if number in self._copied:
            raise InvalidFileError(f"array {number} is used more than once")
        self._copied.add(number)
        return array

    def _decode_array(self, array):
        return self.own_array(array) if self._in_config else self.array(array)

    def _decode_scalar(self, array):
        found = self.array(array)
        if found.ndim:
            raise InvalidFileError(f"it has an array of shape {found.shape} as a number")
        return found[()]

    def _decode_objects(self, shape, items):
        if any(type(n) is not int or n < 0 for n in shape) or prod(shape) != len(items):
            raise InvalidFileError(f"it has {len(items)} objects in an array of shape {shape}")
        array = np.empty(len(items), dtype=object)
        for position, item in enumerate(items):  # at once, NumPy would look into the items
            array[position] = self.decode(item)
        return array.reshape(shape)

    def _decode_bytes(self, array):
        return self.own_array(array).tobytes()

    def _decode_dtype(self, array):
        return self.array(array).dtype

    def _decode_tuple(self, items):
        return tuple(self.decode(items))

    def _decode_path(self, text):
        return Path(_text(text))

    def _decode_range(self, ends):
        if len(ends) != 3 or any(type(end) is not int for end in ends):
            raise InvalidFileError(f"it has a range of {ends!r}")
        return range(*ends)

    def _decode_dict(self, keys, values=None, scalars=None):
        found = self.decode(values) if scalars is None else self.array(scalars)
        if len(found) != len(keys):
            raise InvalidFileError(f"it has a dict of {len(keys)} keys and {len(found)} values")
        made = dict(zip(self.decode(keys), found, strict=True))
        _check_unmarked(made)
        return made

    def _decode_config(self, entries):
        # Without the shapes by which Keras would allocate variables at once: layers get theirs
        # from the layers before them.
        return {key: self.decode(item) for key, item in entries.items() if key != "build_config"}

    def _decode_recipe(self, name, config):
        before, self._in_config = self._in_config, True
        recipe = Recipe(self._named(name), self.decode(config))
        self._in_config = before
        return recipe

    def _decode_object(self, name, config):
        made, size = made_if_small(self._decode_recipe(name, config), self.numbers_left)
        self.numbers_left -= size
        return made

    def _decode_function(self, name):
        return self._named(name)

    def _decode_partial(self, function, args, kwds):
        function, args, kwds = (self.decode(each) for each in (function, args, kwds))
        plain = (bool, int, float, str, NoneType)
        if not callable(function) or not all(
            isinstance(each, plain) for each in (*args, *kwds.values())
        ):
            raise InvalidFileError("it has a function with arguments other than numbers and texts")
        inspect.signature(function).bind_partial(*args, **kwds)
        return partial(function, *args, **kwds)

    def _decode_sparse(self, format, is_array, shape, arrays):
        data, *places = map(self.own_array, arrays)
        check_sparse(format, shape, data, places)
        made = _SPARSE_CLASSES[format][bool(is_array)]
        content = (data, tuple(places)) if format == "coo" else (data, *places)
        return made(content, shape=tuple(shape))

    def _named(self, name):
        """Return what a name stands for; only what `check` has let pass."""
        if not self._is_known(name):
            raise UntrustedTypesError(f"{name} is not trusted.", [name])
        if name not in self.trusted:
            return known_objects()[name]
        module, _, attribute = name.rpartition(".")
        return getattr(import_module(module), attribute)


def is_long(value: dict | list) -> bool:
    """Tell whether a container is long and holds nothing but numbers and texts.

    As JSON such a vocabulary takes a tenth of what skops would make of it.
    """
    if len(value) < 32:
        return False
    plain = {bool, int, float, str, type(None)}
    if isinstance(value, list):
        return set(map(type, value)) <= plain
    kinds = set(map(type, value.values()))
    one_number = len(kinds) == 1 and issubclass(next(iter(kinds)), np.number)
    return set(map(type, value)) in ({str}, {int}) and (kinds <= plain or one_number)


def is_keras_object(value: Any) -> bool:
    """Tell whether a value is an object that Keras can describe by its configuration."""
    cls = type(value)
    return cls is not type and hasattr(cls, "get_config") and hasattr(cls, "from_config")


def _name(value: type | Callable) -> str:
    """Return the name of a class or function, which must be importable by it."""
    name = name_of(value)
    if "<" in name:
        raise TypeError(
            f"{value!r} cannot be saved: lambdas and what is defined inside of functions cannot be "
            "imported by their name. Define it at the top of a module."
        )
    return name


def _check_unmarked(value):
    """Raise an error for a dict that Keras would make an object of, if it is not marked as one."""
    if "class_name" in value:
        raise InvalidFileError("it holds a Keras configuration that is not marked as one")


def _text(value):
    if not isinstance(value, str):
        raise InvalidFileError(f"it has {value!r} where a text should be")
    return value
