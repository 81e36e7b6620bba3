"""Keys of what users write, that change with whatever a function, class or object reads."""

from __future__ import annotations

import dis
import hashlib
import io
import pickle
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

# What these define reads nothing that users change.
LIBRARIES = {"keras", "numpy", "pandas", "scipy", "skdl", "sklearn", "tensorflow"}
LIBRARIES |= sys.stdlib_module_names
_MAX_READ = 500  # functions, classes and objects that are followed from one function


def callable_key(function: Callable, seen: set[int] | None = None) -> Hashable:
    """Return a key that changes with whatever a user's function or class reads.

    A traced program has the values of closures, attributes and globals built in. What is in
    `seen`, by its id, is in the key already.
    """
    seen = set() if seen is None else seen
    if isinstance(function, MethodType):
        return callable_key(function.__func__, seen), state_key(function.__self__, seen)
    if not isinstance(function, FunctionType | type):
        return function if root_package(function) == "keras" else state_key(function, seen)
    if root_package(function) in LIBRARIES or len(seen) == _MAX_READ:
        return function
    itself: Any = function
    if isinstance(function, FunctionType):
        # By its code: one of a notebook comes to each task of a worker as a new function.
        itself = function.__qualname__, function.__code__
    if id(function) in seen:
        return itself
    seen.add(id(function))
    read = _attributes(function) if isinstance(function, type) else _read(function)
    return itself, tuple((name, state_key(read[name], seen)) for name in sorted(read))


def is_array(value: Any) -> bool:
    """Tell whether NumPy can compare a value, such as a tensor, but not a Keras variable."""
    if isinstance(value, bool | int | float | str | None):
        return True
    return hasattr(type(value), "__array__") and root_package(type(value)) != "keras"


def root_package(thing: Any) -> str:
    """Return the package that defines a function or class."""
    return (getattr(thing, "__module__", None) or "").partition(".")[0]


def closure_of(function: FunctionType) -> dict[str, Any]:
    """Return the variables of enclosing functions that a function uses."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if cell != CellType()}


def _read(function: FunctionType) -> dict[str, Any]:
    """Return what a function uses beside its arguments, by name."""
    instructions, known = list(_instructions(function.__code__)), function.__globals__
    names = {i.argval for i in instructions if i.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    read = {name: known[name] for name in names if name in known} | closure_of(function)
    names = {i.argval for i in instructions if i.opname in {"LOAD_ATTR", "LOAD_METHOD"}}
    for module in [value for value in read.values() if isinstance(value, ModuleType)]:
        if module.__name__.partition(".")[0] not in LIBRARIES:
            known = vars(module)
            read |= {f"{module.__name__}.{name}": known[name] for name in names if name in known}
    own = {"defaults": function.__defaults__, "keywords": function.__kwdefaults__}
    return read | {f".{name}": value for name, value in (own | vars(function)).items()}


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """Yield the instructions of a function and of those within it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def _attributes(cls: type) -> dict[str, Any]:
    """Return the methods and other attributes of a class that no library defines."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if root_package(base) not in LIBRARIES:
            found |= vars(base)
    found = {  # of static and class methods, and of properties, the function
        name: getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        for name, value in found.items()
    }
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, FunctionType) or not name.startswith("__")
    }


def state_key(value: Any, seen: set[int] | None = None) -> Hashable:
    """Return a key of a value's present state; of an object that cannot say, the object."""
    seen = set() if seen is None else seen
    if isinstance(value, FunctionType | MethodType | type):
        return callable_key(value, seen)
    if isinstance(value, ModuleType):
        return value
    state = _State(seen)
    try:
        state.dump(value)
    except Exception:  # pickling may raise anything
        return _parts_key(value, seen)
    return type(value), hashlib.sha256(state.file.getvalue()).hexdigest(), tuple(state.parts)


def _parts_key(value: Any, seen: set[int]) -> Hashable:
    """Return a key of what cannot be pickled as a whole."""
    if id(value) in seen or len(seen) == _MAX_READ:
        return _Kept(value)
    seen.add(id(value))
    if isinstance(value, list | tuple):
        return type(value), tuple(state_key(item, seen) for item in value)
    items = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    parts = tuple((str(name), state_key(item, seen)) for name, item in items.items())
    return (dict if isinstance(value, dict) else _Kept(value)), parts


class _State(pickle.Pickler):
    """Pickles a value; of functions, classes and Keras objects in it, keeps the keys."""

    def __init__(self, seen: set[int]):
        self.file, self.seen = io.BytesIO(), seen
        self.parts: list[Any] = []
        super().__init__(self.file)

    def persistent_id(self, value: Any) -> int | None:
        """Return the number of a part that is not pickled."""
        if isinstance(value, ModuleType):
            self.parts.append(value)
        elif isinstance(value, FunctionType | type):
            self.parts.append(callable_key(value, self.seen))
        elif hasattr(value, "get_config"):  # whose pickles hold the time
            plain = {n: v for n, v in vars(value).items() if is_array(v)}
            self.parts.append((_Kept(value), state_key(plain, self.seen)))
        else:
            return None
        return len(self.parts)


def is_kept(key: Hashable) -> bool:
    """Tell whether a key holds an object that equals itself alone."""
    return isinstance(key, _Kept) or (isinstance(key, tuple) and any(map(is_kept, key)))


@dataclass(frozen=True, eq=False)
class _Kept:
    """An object that equals itself alone, kept alive so that its id stays its own."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
