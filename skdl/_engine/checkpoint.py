"""Checkpoints: the state of an unfinished fit in a file, to go on from after a crash."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import joblib
import numpy as np

from skdl import __version__
from skdl._common.archive import write_atomically
from skdl._networks.recipes import key_of, plain
from skdl.exceptions import InvalidFileError

# Parameters that change nothing in what is trained.
_IRRELEVANT = {"checkpoint", "checkpoint_every", "verbose", "random_state", "memory"}
# What Keras's callbacks keep of a fit, and begin anew with the next.
_STATE = {"best", "best_epoch", "cooldown_counter", "stopped_epoch", "wait"}


class Checkpoint:
    """The file of one fit, named by all that decides the fit: parameters, data and seed.

    Files that parameters or data name count by time and size. So the fits of a search share a
    folder. A fit in several phases, such as fine-tuning, has a
    file a phase; all are removed when the fit has ended.
    """

    def __init__(self, folder: str | os.PathLike, every: int, name: str):
        self._folder, self._every, self._name = Path(folder).expanduser(), every, name
        self._phase = 0
        self._found: dict[str, Any] | None = None
        # What a kill in the middle of writing left; those of now may be another process's.
        self._left = list(self._folder.glob(f".{name}-*.unfinished"))

    @classmethod
    def of(cls, estimator: Any, seed: int, *data: Any) -> Checkpoint | None:
        """Return the checkpoint of a fit of an estimator, None if it keeps none."""
        if estimator.checkpoint is None:
            return None
        parameters = {
            name: _key(value, name)
            for name, value in estimator.get_params(deep=False).items()
            if name not in _IRRELEVANT
        }
        if estimator.random_state is not None:  # otherwise the file tells the seed
            parameters["seed"] = seed
        name = type(estimator).__name__
        written = [_written(part) for part in data if getattr(part, "dtype", None) is not None]
        digest = joblib.hash((__version__, name, _described(parameters), data, written))
        return cls(estimator.checkpoint, estimator.checkpoint_every, f"{name}-{digest}")

    @property
    def path(self) -> Path:
        """Where the state of this phase is kept."""
        return self._folder / f"{self._name}-{self._phase}.npz"

    def seed_or(self, seed: int) -> int:
        """Return the seed that the fit was begun with, `seed` for a new one."""
        found = self._read()
        return seed if found is None else found["seed"]

    def begin(self, network: Any) -> bool:
        """Put a network in the state of the file, if there is one; tell if it had stopped."""
        self._network, self._found = network, self._read()
        if self._found is None:
            return False
        variables = network.state[: network.n_saved]
        for position, variable in enumerate(variables):
            value = self._found["arrays"][f"state/{position}"]
            variable.assign(value.view(variable.dtype.as_numpy_dtype))
        network.history = self._found["history"]
        return self._found["stopped"]

    def begin_callbacks(self, callbacks: list[Any]) -> None:
        """Put callbacks, which have just begun a fit, in the state of the file."""
        from skdl._networks.keras import keras

        self._callbacks = callbacks
        if self._found is None:
            return
        for number, (values, operations) in enumerate(self._found["callbacks"]):
            vars(callbacks[number]).update(values)
            for name, operation in operations.items():
                vars(callbacks[number])[name] = getattr(keras.ops, operation)
        for name, array in self._found["arrays"].items():
            kind, *where = name.split("/")
            if kind == "callback":
                number, attribute, *position = where
                known = vars(callbacks[int(number)])
                if position:
                    if position == ["0"]:
                        known[attribute] = []
                    known[attribute].append(array)
                else:
                    known[attribute] = array
        self._found = None

    def end_epoch(self, stopping: bool) -> None:
        """Write the state, if it is time."""
        if stopping or self._network.n_epochs % self._every == 0:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, partial(self._write, stopping=stopping))

    def end(self) -> None:
        """Go on to the next phase of the fit."""
        self._phase += 1

    def remove(self) -> None:
        """Remove the files of a fit that has ended."""
        files = [self._folder / f"{self._name}-{phase}.npz" for phase in range(self._phase + 1)]
        for path in [*files, *self._left]:
            path.unlink(missing_ok=True)

    def _write(self, file: BinaryIO, stopping: bool) -> None:
        from skdl._networks.keras import keras

        network = self._network
        arrays = {
            f"state/{position}": _storable(variable.numpy())
            for position, variable in enumerate(network.state[: network.n_saved])
        }
        callbacks = []
        for number, callback in enumerate(self._callbacks):
            values, operations = {}, {}
            for name, value in vars(callback).items():
                where = f"callback/{number}/{name}"
                if isinstance(value, np.ndarray):
                    arrays[where] = value
                elif _are_arrays(value):
                    arrays |= {f"{where}/{i}": array for i, array in enumerate(value)}
                elif isinstance(value, bool | int | float | str | None):
                    values[name] = value
                elif isinstance(value, np.number):
                    values[name] = value.item()
                elif (operation := getattr(value, "__name__", None)) and (
                    getattr(keras.ops, operation, None) is value
                ):
                    operations[name] = operation  # how values are compared
            callbacks.append((values, operations))
        told = {
            "seed": network.seed,
            "history": network.history,
            "stopped": stopping,
            "callbacks": callbacks,
        }
        members: dict[str, Any] = {**arrays, "told": np.array(json.dumps(told))}
        np.savez(file, **members)

    def _read(self) -> dict[str, Any] | None:
        try:
            with open(self.path, "rb") as file, np.load(file, allow_pickle=False) as kept:
                arrays = dict(kept)
            return {**json.loads(str(arrays.pop("told"))), "arrays": arrays}
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise NotADirectoryError(
                f"checkpoint={os.fspath(self._folder)!r} must be a folder, which fit makes, but it "
                "is a file, or lies within one. Give another path."
            ) from error
        except Exception as error:  # a damaged zip file raises many things
            raise InvalidFileError(
                f"{self.path} is not a readable checkpoint: {error}. Delete it to begin the "
                "fit anew."
            ) from error


def _storable(array: np.ndarray) -> np.ndarray:
    """Return an array of a dtype that NumPy's files know; bfloat16 is none."""
    return array.view(np.uint16) if array.dtype.kind == "V" else array


def _are_arrays(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, np.ndarray) for v in value)


def _key(value: Any, name: str) -> Any:
    """Return what decides how a parameter acts: of models and files what is in them."""
    if hasattr(value, "get_weights"):
        config = json.dumps(value.get_config(), default=str, sort_keys=True)
        return type(value).__name__, config, joblib.hash(value.get_weights())
    if isinstance(value, str | os.PathLike):
        return os.fspath(value), _written(np.array([os.fspath(value)]))
    return key_of(plain(value, name))


def _written(array: Any) -> list[tuple[int, int]]:
    """Return when the files that an array names were written, and their sizes."""
    found = []
    for name in array.ravel() if array.dtype.kind == "U" else ():
        with contextlib.suppress(OSError, ValueError):  # any other text
            name = os.path.expanduser(name)
            if os.path.isfile(name):
                status = os.stat(name)
                found.append((status.st_mtime_ns, status.st_size))
    return found


def _described(key: Any) -> Any:
    """Return a key that is the same in every process: of functions and classes the names.

    Of other objects, such as callbacks, the class and the plain attributes.
    """
    if isinstance(key, dict):
        return {name: _described(value) for name, value in key.items()}
    if isinstance(key, tuple | list):
        return tuple(map(_described, key))
    if inspect.isroutine(key) or isinstance(key, type):
        return key.__module__, key.__qualname__
    if isinstance(key, bool | int | float | str | bytes | np.ndarray | np.generic | None):
        return key
    known = {n: v for n, v in getattr(key, "__dict__", {}).items() if n not in _STATE}
    plain: dict[str, Any] = {
        name: v for name, v in known.items() if isinstance(v, bool | int | float | str | None)
    }
    if "min_delta" in plain:  # to which a fit gives the sign of its metric
        plain["min_delta"] = abs(plain["min_delta"])
    return type(key).__module__, type(key).__qualname__, plain
