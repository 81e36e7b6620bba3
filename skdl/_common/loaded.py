"""Modules that are looked up and not imported, since they take seconds to load."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


def loaded(name: str) -> ModuleType | None:
    """Return a module if something has imported it, else None.

    While another thread imports it, `sys.modules` holds it half made: importing it waits for that.
    """
    return importlib.import_module(name) if name in sys.modules else None
