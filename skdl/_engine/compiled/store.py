"""The store of compiled networks, shared by all fits of the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from skdl._common.processes import check_process, lock
from skdl._engine.compiled.worker_memory import WorkerMemory, bytes_of_worker


class TemplateStore:
    """Templates by key; beyond a number or size the least recently used are dropped.

    Parameters
    ----------
    size : int, default=64
        Largest number of templates.
    n_bytes : int, default=2**30
        Largest sum of the bytes of their variables; one template is kept in any case.
    memory : WorkerMemory, default=None
        Tells when the less recently used half is dropped; by default, in workers of joblib alone.
    """

    def __init__(self, size: int = 64, n_bytes: int = 2**30, memory: WorkerMemory | None = None):
        self.size, self.n_bytes = size, n_bytes
        self._memory = memory or WorkerMemory(bytes_of_worker)
        self._templates: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the template of a key, made now if it is not in the store."""
        check_process()
        with lock:
            if key not in self._templates:
                self._memory.make_room(self._drop_half)
                self._templates[key] = make()
            self._templates.move_to_end(key)
            while len(self) > 1 and (len(self) > self.size or self._total() > self.n_bytes):
                self._templates.popitem(last=False)
            return self._templates[key]

    def _drop_half(self) -> None:
        for _ in range(-(-len(self) // 2)):
            self._templates.popitem(last=False)

    def _total(self) -> int:
        return sum(template.n_bytes for template in self._templates.values())

    def __len__(self) -> int:
        return len(self._templates)

    def clear(self) -> None:
        """Forget all templates and their programs."""
        with lock:
            self._templates.clear()


templates = TemplateStore()
