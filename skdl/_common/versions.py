"""Which versions wrote a pickle or a file, and whether those at hand can read it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import metadata
from typing import Any

from skdl.exceptions import UnsupportedVersionError, VersionWarning

# What can be read: from the first version on, up to but not including the second.
READABLE = {
    "skdl": ((0, 1), (1,)),
    "keras": ((3, 15), (4,)),
    "scikit-learn": ((1, 8), (2,)),
}
_KEY = "_versions"
_checked: ContextVar[bool] = ContextVar("versions_are_checked", default=False)


@cache
def version_of(package: str) -> str:
    """Return the version of a package that is at hand."""
    if package == "skdl":
        from skdl import __version__

        return __version__
    return metadata.version(package)


def versions_of(*packages: str) -> dict[str, str]:
    """Return the versions of packages by their names."""
    return {package: version_of(package) for package in packages}


def check_versions(written: dict[str, str], what: str, stacklevel: int = 3) -> None:
    """Warn if other versions wrote `what`, raise if those at hand cannot read it.

    Raises
    ------
    UnsupportedVersionError
        If a version is outside of what `READABLE` says.
    """
    others = []
    for package, (first, end) in READABLE.items():
        version = written.get(package)
        if version is None or version == version_of(package):
            continue
        if not first <= _numbers(version) < end:
            raise UnsupportedVersionError(
                f"{what} was written with {package} {version}, but only versions from "
                f"{'.'.join(map(str, first))} on and below {'.'.join(map(str, end))} can be read "
                f"with {package} {version_of(package)}. Read it with the versions that wrote it, "
                "or fit again."
            )
        others.append(f"{package} {version} (here {version_of(package)})")
    if others:
        warnings.warn(
            f"{what} was written with {' and '.join(others)}. It was read, but may behave in "
            "another way than it did there.",
            VersionWarning,
            stacklevel=stacklevel,
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a version; none for what is no version."""
    found = re.match(r"\d{1,6}(\.\d{1,6})*", version)
    return tuple(map(int, found.group().split("."))) if found else ()


def with_versions(state: dict[str, Any], *packages: str) -> dict[str, Any]:
    """Return the state of an object with the versions of packages, for a pickle."""
    return {**state, _KEY: versions_of(*packages)}


def without_versions(state: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the state from a pickle without the versions, which are checked."""
    if not _checked.get():
        check_versions(state.get(_KEY, {}), what, stacklevel=4)
    return {name: value for name, value in state.items() if name != _KEY}


class PickledWithVersions:
    """Mixin for estimators whose pickles say what wrote them."""

    def __getstate__(self):
        return with_versions(super().__getstate__(), "skdl", "scikit-learn")

    def __setstate__(self, state):
        super().__setstate__(without_versions(state, type(self).__name__))


@contextmanager
def versions_are_checked() -> Iterator[None]:
    """Say that the versions of a whole file are checked, so that its parts need not be."""
    token = _checked.set(True)
    try:
        yield
    finally:
        _checked.reset(token)
