"""Weights of backbones: the files that Keras distributes, and files of the user."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import h5py

from skdl._common.counts import counted
from skdl._networks.keras import keras


def imagenet_function(function: Callable) -> Callable:
    """Return a function of `keras.applications` that takes its weights file from us.

    The function knows which file belongs to which network, where it comes from and how it is
    loaded, but fetches it itself, straight to its place, and fails without saying where that is.
    So it runs as a copy in which the one helper that finds files is ours; Keras is left as it is.
    """
    module = function.__globals__
    return _copied({"file_utils": SimpleNamespace(exists=os.path.exists, get_file=_file)}, module)[
        function.__name__
    ]


def _copied(replaced: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Return the names of a module of applications with its functions seeing the replaced ones."""
    here, copies = names["__name__"], {**names, **replaced}
    for name, value in names.items():
        if isinstance(value, FunctionType) and value.__module__ == here:
            copy = FunctionType(value.__code__, copies, name, value.__defaults__, value.__closure__)
            copy.__kwdefaults__ = value.__kwdefaults__
            copies[name] = copy
        elif isinstance(value, ModuleType) and "file_utils" in vars(value):  # a related network's
            copies[name] = SimpleNamespace(**_copied(replaced, vars(value)))
    return copies


def _file(
    fname: str, origin: str, cache_subdir: str = "models", file_hash: str | None = None, **_: Any
) -> str:
    """Return the path of a weights file, fetched if it is not there."""
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    target = home / cache_subdir / fname
    if not target.exists():
        _fetch(target, origin, file_hash)
    return str(target)


def _fetch(target: Path, origin: str, file_hash: str | None) -> None:
    """Fetch a file with Keras, silently, and put it in place once it is complete."""
    talkative = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as part:
            keras.utils.get_file(
                target.name, origin, file_hash=file_hash, cache_dir=part, cache_subdir=""
            )
            Path(part, target.name).replace(target)
    except Exception as error:  # Keras raises plain Exception where the server is not reached
        raise OSError(
            f"weights='imagenet' needs the file {target.name}, which could not be fetched: "
            f"{error}. It is expected at {target}: fetch {origin} by other means and put it "
            "there, or set weights to the path of a weights file (weights=path), or weights=None "
            "to start from random ones."
        ) from error
    finally:
        if talkative:
            keras.config.enable_interactive_logging()


def stamp_of(path: str, parameter: str) -> tuple[int, int]:
    """Return what changes when a file is written anew."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise FileNotFoundError(
            f"{parameter}={path!r} is no file that can be opened: {error.strerror}. Give the path "
            "of an existing file."
        ) from error
    return found.st_mtime_ns, found.st_size


def load_weights(model: keras.Model, path: str, label: str) -> None:
    """Load a weights file, which must be of this very network."""
    stamp_of(path, "weights")
    advice = (
        "Give a file that save_weights wrote of the same network (include_top=False): "
        f"{counted(len(model.weights), 'array')}, {counted(model.count_params(), 'value')}"
    )
    try:
        with h5py.File(path, "r") as file:
            legacy = "layer_names" in file.attrs or "model_weights" in file
            found = _arrays(file)
    except OSError as error:
        raise OSError(
            f"weights={path!r} cannot be read as a weights file: {error}. {advice}."
        ) from error
    try:
        # Keras passes over what a file holds beyond the network.
        if not legacy and len(found) not in {len(model.weights), len(model.variables)}:
            raise ValueError(
                f"it holds {counted(len(found), 'array')}, {counted(sum(found), 'value')}."
            )
        model.load_weights(path)
    except Exception as error:  # Keras raises several kinds where names or shapes differ
        why = " ".join(str(error).split("Target variable:")[0].split())  # and prints all values
        raise ValueError(
            f"weights={path!r} are those of another network than {label}: {why} {advice}."
        ) from error


def _arrays(file: h5py.File) -> list[int]:
    """Return the sizes of the arrays of a network's layers in a file of Keras 3."""
    sizes = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            sizes.append(item.size)

    file.visititems(visit)
    return sizes
