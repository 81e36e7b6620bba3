"""The date, machine and versions with which the output of every benchmark begins."""

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version


def describe(*packages: str) -> str:
    """Return the date, the processor count and the versions of packages."""
    found = []
    for name in ("skdl", "tensorflow", "keras", "scikit-learn", "numpy", *packages):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return f"{datetime.date.today()}: {machine}; {', '.join(found)}"
