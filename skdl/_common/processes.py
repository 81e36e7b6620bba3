"""The process that TensorFlow runs in: its share of the cores, its GPU memory, and forks of it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Iterator

from skdl._common.xla_cache import XlaCache, open_cache, tensorflow_was_used


class Lock:
    """A lock for one thread at a time, and for one that this thread waits for meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._borrower: int | None = None

    def __enter__(self) -> None:
        if threading.get_ident() != self._borrower:
            self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        if threading.get_ident() != self._borrower:
            self._lock.release()

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[None]:
        """Let this thread in, while the thread that has the lock waits for it."""
        self._borrower = threading.get_ident()
        try:
            yield
        finally:
            self._borrower = None


# Keras builds and TensorFlow traces in one thread at a time.
lock = Lock()

xla_cache: XlaCache | None = None  # of this process, where TensorFlow uses it

_started = False  # whether TensorFlow's devices were made in this process
_forked = False  # whether they were made in the process that this one is a fork of


@contextlib.contextmanager
def modest_start() -> Iterator[None]:
    """Have TensorFlow make its devices within what this process was given.

    joblib, Dask and Ray tell their workers how many threads to use by OMP_NUM_THREADS, which
    TensorFlow ignores; its own variables it reads once, when the devices are made. So they
    are set for that moment and taken back. What the user has set, by these variables or by
    `tf.config.threading`, is left to win. Memory of a GPU is taken as it is needed, because
    workers that each take all of it could not share a GPU. TensorFlow reads at the same time
    where programs that XLA compiled are kept.

    Raises
    ------
    RuntimeError
        If this process is a fork of one in which TensorFlow was used.
    """
    global _started, xla_cache
    check_process()
    wanted = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    share = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2" if nested
    if share.isdecimal() and int(share) > 0:
        wanted |= dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), share)
    before = dict(os.environ)
    os.environ.update(wanted | before)
    xla_cache = open_cache()
    if xla_cache is not None:
        os.environ["TF_XLA_FLAGS"] = f"{before.get('TF_XLA_FLAGS', '')} {xla_cache.flags}"
    _started = True
    try:
        yield
    finally:
        for name in (*wanted, "TF_XLA_FLAGS"):
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Import large libraries without Python's garbage collector.

    While they are read, it looks through all of them again and again, and finds nothing: a fifth of
    the time that TensorFlow and Keras take to import. Afterwards all objects count as old ones, or
    the next collections would look through the libraries three times more, in the first fit.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_freeze_count() == 0:  # nobody has objects frozen, which would thaw
                gc.freeze()
                gc.unfreeze()  # into the oldest generation, without looking at any
            gc.enable()


def check_process() -> None:
    """Raise a RuntimeError where TensorFlow cannot compute: in forks, and inside of graphs.

    A fork of a process in which TensorFlow was used has none of the threads that it waits for:
    fit and predict would hang.
    """
    if _forked:
        raise RuntimeError(
            "This process was forked from one in which TensorFlow had been used, and would hang. "
            "Run the work in processes that are started anew (joblib's default backend 'loky', "
            "or multiprocessing.get_context('spawn')) or in threads, or fork before the first "
            "use of a network."
        )
    is_eager = getattr(sys.modules.get("tensorflow"), "executing_eagerly", None)
    if is_eager is not None and not is_eager():
        raise RuntimeError(
            "skdl needs TensorFlow's eager execution, which is off here: inside of "
            "`tf.Graph().as_default()` or a `tf.function`, or after "
            "`tf.compat.v1.disable_eager_execution()`. Fit and predict outside of them."
        )


def _after_fork() -> None:
    global _forked
    _forked = _forked or _started or tensorflow_was_used()  # without skdl too


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
