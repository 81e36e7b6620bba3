"""Whether libraries still do what is in their files, as far as it can be told."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from skdl._networks.code_keys import root_package

# Modules that are looked through: those that Keras and we compute by, and TensorFlow's public ones.
_CHECKED = ("keras.", "skdl._engine.", "skdl._networks.", "tensorflow._api.v2.")
# They take no part in a training step, and hold what others have made.
_UNCHECKED = (
    *(
        f"keras.src.{name}"
        for name in (
            "applications", "datasets", "export", "legacy", "quantizers", "saving", "testing",
            "tree", "utils", "visualization", "wrappers",
        )
    ),
    "tensorflow._api.v2.compat",
)  # fmt: skip
# Whose functions, classes and objects may be there. A Mock is none of them.
_LIBRARIES = (
    "keras", "skdl", "tensorflow", "numpy", "scipy", "sklearn", "scikeras", "optree", "packaging",
    "h5py", "ml_dtypes", "absl", "google", "wrapt", "rich",
)  # fmt: skip
# Methods that data classes and named tuples are given.
_GENERATED = {
    "__delattr__", "__eq__", "__hash__", "__init__", "__new__", "__replace__", "__repr__",
    "__setattr__",
}  # fmt: skip
_ROOTS = ({*sys.stdlib_module_names, *_LIBRARIES} | {"builtins"}) - {"unittest"}


def are_unpatched() -> bool:
    """Tell whether functions, methods and classes of the libraries are those in their files."""
    try:
        return all(map(_is_original, _values()))
    except (RuntimeError, ValueError):  # something is being changed at the moment
        return False


def _values() -> Iterator[Any]:
    """Yield what modules hold, in dicts as well, and what classes do that are defined there."""
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or not (
            name in {"keras", "tensorflow"} or name.startswith(_CHECKED)
        ):
            continue
        if name.startswith(_UNCHECKED):
            continue
        for attribute, value in list(vars(module).items()):
            yield value
            if type(value) is dict and attribute != "__builtins__":
                yield from list(value.values())
            elif isinstance(value, type) and value.__module__ == name:
                yield from list(vars(value).values())


def _is_original(value: Any) -> bool:
    kind = type(value)
    if kind is FunctionType:
        file = value.__code__.co_filename
        return _is_in_a_library(file) or (file == "<string>" and value.__name__ in _GENERATED)
    if kind in {staticmethod, classmethod}:
        return _is_original(value.__func__)
    if kind is property:
        return value.fget is None or _is_original(value.fget)
    return root_package(value if isinstance(value, type) else kind) in _ROOTS


@cache
def _is_in_a_library(file: str) -> bool:
    """Tell whether a file belongs to Python, or to a library that Keras uses."""
    folders = []
    for name in _LIBRARIES:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            folders.append(os.path.dirname(found.origin))
    if any(file.startswith(folder + os.sep) for folder in folders):
        return True
    # Python's own folder has that of other packages in it.
    return file.startswith(sysconfig.get_path("stdlib")) and "site-packages" not in file
