"""Paths that the caller gives."""

from __future__ import annotations

import os
import reprlib
from pathlib import Path
from typing import Any


def checked_path(path: Any, call: str) -> Path:
    """Return a path as an object, with `~` expanded.

    Parameters
    ----------
    path : object
        What was given as a path.
    call : str
        How the public function is called, such as "skdl.load(path)", for the error.

    Raises
    ------
    TypeError
        If it is neither a str nor path-like.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or path-like object, received {reprlib.repr(path)}. The call is "
            f"{call}."
        )
    return Path(os.path.expanduser(path))
