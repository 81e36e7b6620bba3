"""How much memory the networks of a worker of joblib may take before it is ended.

joblib's default backend, loky, ends a worker whose memory has grown by 300 MB since its first task,
and starts another, which has to load TensorFlow and to trace all networks anew.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
from collections.abc import Callable

from skdl._common.loaded import loaded

# By how many bytes a worker may grow, and by how many more before room is made again.
_GROWTH, _STEP = 200_000_000, 25_000_000


class WorkerMemory:
    """Tells when networks are to be dropped so that a worker stays small.

    Parameters
    ----------
    measure : callable
        Returns the bytes of memory that the process takes, as loky measures them; None where
        nobody does.
    """

    def __init__(self, measure: Callable[[], int | None]):
        self._measure = measure
        self._limit: int | None = None  # known from the first network on

    def make_room(self, drop: Callable[[], None]) -> None:
        """Give memory back if the process has grown; call `drop` if that is not enough.

        To be called before a network is made. Where too much remains, as XLA keeps a part of
        every program, it is tried again when the process has grown further.
        """
        size = self._measure()
        if size is None:
            return
        if self._limit is None:
            self._limit = size + _GROWTH
        if size < self._limit:
            return
        give_back()
        if (self._measure() or 0) >= self._limit:
            drop()
            gc.collect()  # networks refer to themselves
            give_back()
            self._limit = max(self._limit, (self._measure() or 0) + _STEP)


def bytes_of_worker() -> int | None:
    """Return the memory that a worker of loky takes, None in other processes.

    Loky watches it if psutil is installed, which it then has imported.
    """
    psutil = loaded("psutil")
    if psutil is None:
        return None
    if not type(multiprocessing.current_process()).__module__.endswith("loky.backend.process"):
        return None
    return psutil.Process().memory_info().rss


def give_back() -> None:
    """Return freed memory to the system, which glibc keeps unless it is told to."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # other C libraries, Windows
        ctypes.CDLL(None).malloc_trim(0)
