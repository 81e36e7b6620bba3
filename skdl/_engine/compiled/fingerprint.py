"""What decides a traced function, as text that is the same in every process."""

from __future__ import annotations

import hashlib
import operator
import os
import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

import skdl
from skdl._common.versions import version_of
from skdl._engine.compiled.unpatched import are_unpatched
from skdl._networks.code_keys import root_package
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.python.eager import context  # isort: skip
from tensorflow.python.framework import config, ops  # isort: skip

# Whose functions and classes are told by their names; `_CODE` tells what these are.
_KNOWN = {"keras", "skdl", "tensorflow"}
# Of TensorFlow's files, those in which the operations of a graph are made.
_OF_TENSORFLOW = ("python/eager", "python/framework", "python/ops")
# Variables of the environment that may change what is traced.
_VARIABLES = ("KERAS_", "TF_", "XLA_")


class _UnknownError(Exception):
    """A key holds what another process cannot know, such as a user's function."""


def fingerprint_of(key: Hashable) -> str | None:
    """Return a key as text, None where it holds something of this process alone."""
    try:
        return _text(key)
    except _UnknownError:
        return None


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        if type(value).__module__ != "builtins":  # a class of its own, which may act otherwise
            raise _UnknownError
        return f"{type(value).__name__} {value!r}"
    if type(value) in {tuple, list}:
        return f"{type(value).__name__}({', '.join(map(_text, value))})"
    if type(value) is frozenset:
        return f"frozenset({', '.join(sorted(map(_text, value)))})"
    if isinstance(value, np.dtype | tf.DType | tf.TensorShape):
        return f"{type(value).__name__} {value}"
    if isinstance(value, FunctionType | type):
        return _name(value)
    raise _UnknownError


def _name(thing: Any) -> str:
    """Return the name of a function or class of Keras, TensorFlow, skdl or Python."""
    module, name = thing.__module__ or "", thing.__qualname__
    if isinstance(thing, type) and module == "builtins":
        return name
    try:
        found = operator.attrgetter(name)(sys.modules.get(module))
    except AttributeError:  # within a function
        raise _UnknownError from None
    if found is not thing or root_package(thing) not in _KNOWN:
        raise _UnknownError
    return f"{module}.{name}"


def environment() -> str | None:
    """Return as text what decides a traced function beside its network.

    None where the code that traces is not known, somebody watches operations, or functions of the
    libraries have been replaced by others.
    """
    if _CODE is None or context.context().op_callbacks or not are_unpatched():
        return None
    settings = (
        config.is_op_determinism_enabled(),
        ops.get_dtype_conversion_mode().name,
        ops.is_numpy_style_type_promotion(),
        keras.config.is_flash_attention_enabled(),
    )
    variables = sorted(item for item in os.environ.items() if item[0].startswith(_VARIABLES))
    return f"{_CODE} {settings!r} {variables!r} {list(_constants())!r}"


def _constants() -> Iterator[tuple[str, Any]]:
    """Yield what modules that trace have in capitals, which somebody may have changed.

    They are loaded together, so that these are the same whatever else is loaded.
    """
    for name, module in sorted(sys.modules.items()):
        if name.startswith("skdl._engine.compiled."):
            for constant, value in sorted(vars(module).items()):
                if constant.isupper() and isinstance(value, bool | int | float | str):
                    yield f"{name}.{constant}", value


def _code() -> str | None:
    """Return what tells the code that traces from that of any other version."""
    ours = Path(skdl.__file__).parent
    sources = sorted(ours.rglob("*.py"))
    if not sources:  # of an installation without them, code that was changed would not be told
        return None
    theirs: list[Any] = []
    parts: list[Any] = [version_of(name) for name in ("skdl", "keras", "tensorflow")]
    parts += [(path.relative_to(ours), path.read_bytes()) for path in sources]
    folders = [os.path.dirname(keras.__file__ or "")]
    folders += [os.path.join(os.path.dirname(tf.__file__), name) for name in _OF_TENSORFLOW]
    for folder in folders:
        for place, _, files in os.walk(folder):
            for file in files:
                if file.endswith(".py"):
                    path = os.path.join(place, file)
                    found = os.stat(path)
                    theirs.append((path, found.st_mtime_ns, found.st_size))
    parts += sorted(theirs)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


# Of the code that has just been imported: files may be edited while a process runs.
_CODE = _code()
