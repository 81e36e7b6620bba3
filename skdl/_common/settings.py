"""Settings of the process, put to values of our own for a while and then back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Setting:
    """How a setting is read and set, and which value it is to have in place of a given one.

    `ours` returns a new object where it can, so that an equal value which somebody else sets
    meanwhile is told from it.
    """

    get: Callable[[], Any]
    set: Callable[[Any], None]
    ours: Callable[[Any], Any]


class HeldSettings:
    """Settings that keep values of our own as long as any thread needs them.

    The first thread to enter sets them and the last to leave puts them back. Each that enters sets
    anew what was changed meanwhile; a change made after that is left as it is.
    """

    def __init__(self, *settings: Setting):
        self._settings, self._lock = settings, threading.Lock()
        self._n_inside = 0
        self._replaced: dict[Setting, tuple[Any, Any]] = {}

    def replaced(self, get: Callable[[], Any]) -> tuple[Any, Any] | None:
        """Return the value that was set before and ours, None if the two are equal."""
        with self._lock:
            found = [values for setting, values in self._replaced.items() if setting.get is get]
        return found[0] if found else None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the settings."""
        with self._lock:
            self._n_inside += 1
            for setting in self._settings:
                theirs = setting.get()
                ours = setting.ours(theirs)
                if ours != theirs:
                    setting.set(ours)
                    self._replaced[setting] = theirs, setting.get()
        try:
            yield
        finally:
            with self._lock:
                self._n_inside -= 1
                if not self._n_inside:
                    for setting, (theirs, ours) in self._replaced.items():
                        now = setting.get()
                        if now is ours or (isinstance(now, dict) and now == ours):
                            setting.set(theirs)
                    self._replaced.clear()


def numpy_defaults() -> np.errstate:
    """Return the context in which NumPy treats what it cannot hold as it does by default."""
    return np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
