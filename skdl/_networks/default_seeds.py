"""The seeds that Keras draws for initializers and layers that are given none.

Keras takes them from Python's global generator, whose numbers are the user's.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines
from skdl._common.processes import lock

from keras.src.random import seed_generator  # isort: skip


class OfOneThread:
    """Stands for the module `random` where Keras draws its seeds.

    The thread that builds a network draws from a generator of its own: the event loop of a Dask
    worker, say, draws from Python's global one at any time.
    """

    def __init__(self, own: random.Random):
        self._thread, self._own = threading.get_ident(), own

    def randint(self, first: int, last: int) -> int:
        """Return a whole number, as `random.randint` does."""
        source = self._own if threading.get_ident() == self._thread else random
        return source.randint(first, last)

    def __getattr__(self, name: str) -> Any:
        return getattr(random, name)


@contextmanager
def own_default_seeds() -> Iterator[None]:
    """Make Keras objects without drawing from Python's generator; within a fit, by its seeds."""
    with lock:
        before = seed_generator.python_random
        if isinstance(before, OfOneThread):
            yield
            return
        seed_generator.python_random = OfOneThread(random.SystemRandom())
        try:
            yield
        finally:
            seed_generator.python_random = before
