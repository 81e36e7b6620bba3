"""The programs of one network, those used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from skdl._common.interrupts import interrupts_held
from skdl._common.processes import lock
from skdl._engine.compiled.program import Program, Traced
from skdl._engine.compiled.traced_files import read_or_trace
from skdl._engine.device import outside_strategies
from skdl._engine.settings import tensorflow_settings
from skdl._networks.keras import keras
from skdl._networks.settings import own_settings

# For batch sizes, buckets of rows, dtypes of inputs.
_MAX_PROGRAMS = 24


class ProgramStore:
    """Programs of one network, and parts of them, by key.

    Parameters
    ----------
    network : Hashable
        Equal for networks with the same programs; None for one that shares its programs with none.
    """

    def __init__(self, network: Hashable):
        self._network = network
        self._programs: OrderedDict[Hashable, Any] = OrderedDict()

    def program(
        self, key: Hashable, variables: list[keras.Variable], trace: Callable[[], Traced]
    ) -> Program:
        """Return the program of a key, traced by another process or now if it is not there."""

        def make():
            return Program(read_or_trace(self._network, key, variables, trace))

        return self.get(key, make)

    def get(self, key: Hashable, make: Callable) -> Any:
        """Return what is kept under a key, made now if it is not there."""
        with lock:
            if key not in self._programs:
                # Python loses an interrupt in a weak reference's callback; tracing has many.
                with interrupts_held(), own_settings(), tensorflow_settings.held():
                    self._programs[key] = outside_strategies(make)
            self._programs.move_to_end(key)
            while len(self._programs) > _MAX_PROGRAMS:
                self._programs.popitem(last=False)
            return self._programs[key]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._programs)

    def __len__(self) -> int:
        return len(self._programs)

    def clear(self) -> None:
        """Forget all programs."""
        with lock:
            self._programs.clear()
