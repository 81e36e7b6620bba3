"""How many steps a program takes in one call, so that training can be interrupted.

Python hears of a signal, such as that of Ctrl-C, when a call into TensorFlow returns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

# A call is to take about so long, and no call more than this many times as many steps as the last.
_SECONDS, _GROWTH = 0.2, 8


class Pace:
    """Divides steps among calls of about a fifth of a second.

    How long a step takes is learned from call to call, and kept from epoch to epoch and from fit to
    fit: a call of a small network takes whole epochs. What is computed is the same.
    """

    def __init__(self) -> None:
        self._n_steps = 1

    def whole(self, n_steps: int, n_epochs: int) -> int:
        """Return how many of the epochs to come, of so many steps each, a call takes."""
        return min(max(self._n_steps // max(n_steps, 1), 1), n_epochs)

    def is_whole(self, n_steps: int) -> bool:
        """Tell whether a call takes so many steps, as far as it is known."""
        return self._n_steps >= n_steps

    def spans(self, n_steps: int, n_epochs: int = 1) -> Iterator[tuple[int, int]]:
        """Yield where each call begins and ends, which is made before the next is asked for.

        Several epochs are one call.
        """
        first = 0
        while first < n_steps:
            stop = n_steps if n_epochs > 1 else min(first + self._n_steps, n_steps)
            begun = time.monotonic()
            yield first, stop
            self.learn((stop - first) * n_epochs, time.monotonic() - begun)
            first = stop

    def learn(self, n_steps: int, seconds: float) -> None:
        """Note how long so many steps took; fewer than wanted say little if they were quick."""
        if 2 * n_steps > self._n_steps or seconds > 2 * _SECONDS:
            fitting = int(n_steps * _SECONDS / max(seconds, 1e-6))
            self._n_steps = min(max(fitting, 1), _GROWTH * n_steps)
