"""What decides a traced function, in words that are the same in every process."""

from __future__ import annotations

import hashlib
import importlib.util
import operator
import os
import sys
import sysconfig
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

import skdl
from skdl._common.versions import version_of
from skdl._networks.keras import keras
from skdl._networks.recipes import root_package

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.python.eager import context  # isort: skip
from tensorflow.python.framework import config, ops  # isort: skip

# Modules whose functions are compared with those in files, and those that build no network.
_ASKED = ("keras.src.", "tensorflow._api.v2.")
_NOT_ASKED = tuple(
    f"keras.src.{name}"
    for name in (
        "applications", "datasets", "export", "legacy", "quantizers", "saving", "testing", "tree",
        "visualization", "wrappers",
    )
)  # fmt: skip
# Which Keras takes functions from.
_LIBRARIES = ("keras", "tensorflow", "numpy", "optree", "packaging", "sklearn")
# Whose functions and classes are told by their names: what they do is decided by `_code`.
_KNOWN = {"keras", "skdl", "tensorflow"}


class _NoWordsError(Exception):
    """A key holds what has no words, such as a user's function."""


def words_of(key: Hashable) -> str | None:
    """Return a key in words, None where it holds something of this process alone."""
    try:
        return _words(key)
    except _NoWordsError:
        return None


def _words(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        if type(value).__module__ != "builtins":  # a class of its own, which may act otherwise
            raise _NoWordsError
        return f"{type(value).__name__} {value!r}"
    if type(value) in {tuple, list}:
        return f"{type(value).__name__}({', '.join(map(_words, value))})"
    if type(value) is frozenset:
        return f"frozenset({', '.join(sorted(map(_words, value)))})"
    if isinstance(value, np.dtype | tf.DType | tf.TensorShape):
        return f"{type(value).__name__} {value}"
    if isinstance(value, FunctionType | type):
        return _name(value)
    raise _NoWordsError


def _name(thing: Any) -> str:
    """Return the name of a function or class of Keras, TensorFlow, skdl or Python."""
    module, name = thing.__module__ or "", thing.__qualname__
    if isinstance(thing, type) and module == "builtins":
        return name
    try:
        found = operator.attrgetter(name)(sys.modules.get(module))
    except AttributeError:  # within a function
        raise _NoWordsError from None
    if found is not thing or root_package(thing) not in _KNOWN:
        raise _NoWordsError
    return f"{module}.{name}"


def circumstances() -> str | None:
    """Return in words what decides a traced function beside its network.

    None where somebody watches the operations that are traced.
    """
    if context.context().op_callbacks:
        return None
    settings = (
        config.is_op_determinism_enabled(),
        ops.is_auto_dtype_conversion_enabled(),
        ops.is_numpy_style_type_promotion(),
        keras.config.is_flash_attention_enabled(),
    )
    return f"{_code()} {settings!r}"


@cache
def _code() -> str:
    """Return what tells the code that traces from that of another version."""
    parts: list[Any] = [version_of("keras"), os.stat(keras.__file__ or "").st_mtime_ns]
    folder = Path(skdl.__file__).parent
    for path in sorted(folder.rglob("*.py")):  # also of one that is being worked on
        found = path.stat()
        parts.append((str(path.relative_to(folder)), found.st_mtime_ns, found.st_size))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def is_as_installed() -> bool:
    """Tell whether the functions of Keras and TensorFlow are those in their files.

    Asked are the public functions of TensorFlow, and the functions and methods of Keras.
    """
    modules = [
        module
        for name, module in list(sys.modules.items())
        if (name == "tensorflow" or name.startswith(_ASKED))
        and not name.startswith(_NOT_ASKED)
        and ".compat" not in name
    ]
    found = [(module.__name__, value) for module in modules for value in vars(module).values()]
    functions = [value for _, value in found if type(value) is FunctionType]
    for name, value in found:
        if isinstance(value, type) and value.__module__ == name:
            functions += [each for each in vars(value).values() if type(each) is FunctionType]
    return all(map(_is_in_a_library, {function.__code__.co_filename for function in functions}))


@cache
def _is_in_a_library(file: str) -> bool:
    """Tell whether a file belongs to Python, or to a library that Keras uses."""
    folders = [sysconfig.get_path("stdlib")]
    for name in _LIBRARIES:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            folders.append(os.path.dirname(found.origin))
    folder = next((each for each in folders[::-1] if file.startswith(each + os.sep)), "")
    return bool(folder) and "site-packages" not in file[len(folder) :]
