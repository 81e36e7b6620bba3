"""What a fit says while it trains: nothing, a bar over epochs, or a line an epoch."""

from __future__ import annotations

import multiprocessing
import threading
import time
from typing import Any


class Progress:
    """Reports the epochs of a fit.

    At verbosity 0 nothing is said. At 1 a terminal or notebook shows one bar over the epochs;
    where a bar would leave control characters behind or meet others, that is in log files,
    worker processes and threads, a line is printed when the fit has ended. At 2 every epoch
    has its line.
    """

    def __init__(self, verbose: int, name: str):
        self._verbose, self._name = int(verbose), name
        self._bar: Any = None
        self._console: Any = None
        self._said = ""

    def begin(self, program: str, epochs: int, n_rows: int, done: int = 0) -> None:
        """Say what is about to be trained, and by which program; some epochs may be done."""
        if not self._verbose:
            return
        from rich.console import Console

        self._console, self._started = Console(highlight=False), time.monotonic()
        self._title = f"{self._name}: {n_rows} rows, {epochs} epochs, program {program!r}"
        if done:
            self._title += f", going on after epoch {done}"
        if self._verbose > 1:
            self._print(self._title)
        elif (self._console.is_terminal or self._console.is_jupyter) and not _is_worker():
            self._start_bar(epochs, done)

    def _start_bar(self, epochs, done):
        from rich.errors import LiveError
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeftColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeLeftColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[said]}"),
        ]
        bar = Progress(*columns, console=self._console)
        try:
            bar.start()
        except LiveError:  # another library draws on this console
            return
        self._bar, self._task = bar, bar.add_task(self._name, total=epochs, said="")
        bar.update(self._task, completed=done)

    def epoch(self, number: int, logs: dict[str, Any]) -> None:
        """Report the metrics of an epoch, counted from 1."""
        if not self._verbose:
            return
        self._number = number
        self._said = ", ".join(f"{name} {_short(value)}" for name, value in logs.items())
        if self._bar is not None:
            self._bar.update(self._task, advance=1, said=self._said)
        elif self._verbose > 1:
            self._print(f"{self._name}: epoch {number}: {self._said}")

    def end(self) -> None:
        """Finish the bar, or print the line of a fit."""
        if self._bar is not None:
            self._bar.stop()
        elif self._verbose == 1 and self._said:
            seconds = time.monotonic() - self._started
            self._print(f"{self._title}: {seconds:.1f} s, epoch {self._number}: {self._said}")

    def _print(self, line):
        self._console.print(line, soft_wrap=True, markup=False)


def _is_worker() -> bool:
    """Tell whether others may write to the same terminal at the same time."""
    process = multiprocessing.current_process()
    in_process = multiprocessing.parent_process() is not None or "Loky" in process.name
    return in_process or threading.current_thread() is not threading.main_thread()


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
