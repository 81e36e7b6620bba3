"""What a fit says while it trains: nothing, a bar over epochs, or a line an epoch."""

from __future__ import annotations

from typing import Any


class Progress:
    """Reports epochs at a verbosity: 0 nothing, 1 one bar, 2 a line an epoch."""

    def __init__(self, verbose: int, name: str):
        self._verbose, self._name, self._bar = int(verbose), name, None

    def begin(self, program: str, epochs: int, n_rows: int) -> None:
        """Say what is about to be trained, and by which program."""
        if not self._verbose:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(highlight=False)
        title = f"{self._name}: {n_rows} rows, {epochs} epochs, program {program!r}"
        if self._verbose > 1 or not self._console.is_terminal:
            self._console.print(title)
        if self._verbose == 1:
            columns = [
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[logs]}"),
            ]
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
            self._task = self._bar.add_task(title, total=epochs, logs="")

    def epoch(self, number: int, logs: dict[str, Any]) -> None:
        """Report the metrics of an epoch, counted from 1."""
        if not self._verbose:
            return
        text = ", ".join(f"{name} {_short(value)}" for name, value in logs.items())
        if self._bar is not None:
            self._bar.update(self._task, advance=1, logs=text)
        else:
            self._console.print(f"{self._name}: epoch {number}: {text}", soft_wrap=True)

    def end(self) -> None:
        """Finish the bar."""
        if self._bar is not None:
            self._bar.stop()


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
