"""Where the user's code is, for warnings."""

from __future__ import annotations

import sys

_PASSED_THROUGH = {"skdl", "sklearn", "joblib", "contextlib"}


def users_stacklevel() -> int:
    """Return the `stacklevel` with which a warning of the calling function names the user's line.

    Estimators are called through scikit-learn's wrappers, pipelines and searches, so that it is
    not the same in every call.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _package(frame) in _PASSED_THROUGH:
        level, frame = level + 1, frame.f_back
    return level


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
