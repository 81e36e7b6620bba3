"""What a fit says while it trains: nothing, a bar over epochs, or one line per epoch."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence
from typing import Any

from skdl._common.counts import counted


class Course:
    """How far a fit has come, and how it is told in words.

    Parameters
    ----------
    name : str
        What is fitted.
    total : int
        Number of epochs that are planned.
    done : int, default=0
        Number of epochs that were trained before.
    place : str, default=""
        Which fit of a search this is.
    parameters : sequence of str, default=()
        Parameters with which it is fitted, such as "dropout=0.2".
    """

    def __init__(
        self,
        name: str,
        total: int,
        done: int = 0,
        place: str = "",
        parameters: Sequence[str] = (),
    ):
        self.name = f"{name}, {place}" if place else name
        self.short_name = place or name
        self.parameters = parameters
        self.total, self.completed = total, float(done)
        self.said, self.compiling = "", True
        self._begun = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._ended: float | None = None

    @property
    def title(self) -> str:
        """Name and parameters."""
        return _headed(self.name, self.parameters)

    @property
    def titles(self) -> dict[str, int]:
        """Name and parameters, ever shorter, with the number of parameters in each.

        The class gives way first, since all fits of a search are of one.
        """
        most = len(self.parameters)
        fewer = {_headed(self.short_name, self.parameters, n): n for n in range(most, 0, -1)}
        return {self.title: most} | fewer | {self.name: 0, self.short_name: 0}

    @property
    def seconds(self) -> float:
        """Since the fit began, until it ended."""
        return (self._ended or time.monotonic()) - self._begun

    def reach(self, completed: float) -> None:
        """Note how many epochs are done; the running epoch counts by its share."""
        if self._first is None:  # what went before was compiling, which does not happen again
            self._first = time.monotonic(), completed
        self.completed, self.compiling = completed, False

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.monotonic()

    @property
    def count(self) -> str:
        """Epochs that are done, of all."""
        return f"{int(self.completed)}/{self.total}"

    @property
    def clock(self) -> str:
        """The time left, or once the fit has ended, the time that it took."""
        if self._ended is not None:
            return _time(self.seconds)
        if self._first is None or self.completed <= self._first[1]:
            return "-:--:--"
        gained, spent = self.completed - self._first[1], time.monotonic() - self._first[0]
        return _time(spent / gained * (self.total - self.completed))

    @property
    def state(self) -> str:
        """The metrics of the last epoch, or what is done before there are any."""
        if self.said:
            return self.said
        return "compiling" if self.compiling else f"epoch {int(self.completed) + 1}"


class Progress:
    """Reports the epochs of a fit.

    At verbosity 0 nothing is said. At 1 a terminal or notebook shows one bar over the epochs;
    where a bar would leave control characters behind or meet others, that is in log files,
    worker processes and threads, a line is printed when the fit has ended. At 2 every epoch
    has its line.

    Parameters
    ----------
    verbose : int
        The verbosity.
    name : str
        Name of the estimator.
    place : str, default=""
        Which fit of a search this is, such as "fit 3 of 12" or "iteration 2 of 3, fit 1 of 4".
    parameters : sequence of str, default=()
        Parameters with which it is fitted, such as "dropout=0.2".
    """

    def __init__(self, verbose: int, name: str, place: str = "", parameters: Sequence[str] = ()):
        self._verbose = int(verbose)
        self._estimator, self._place, self._parameters = name, place, parameters
        self._bar: Any = None
        self._console: Any = None
        self._number = 0

    @property
    def is_silent(self) -> bool:
        """Whether nothing is said."""
        return not self._verbose

    def begin(self, program: str, epochs: int, n_rows: int, done: int = 0) -> None:
        """Say what is about to be trained, and by which program; some epochs may be done."""
        if not self._verbose:
            return
        from rich.console import Console

        console = Console(highlight=False)
        in_notebook = console.is_jupyter
        # Lines are written as they are: rich would make a block of HTML of each in a notebook.
        self._console = Console(highlight=False, force_jupyter=False) if in_notebook else console
        self._course = Course(self._estimator, epochs, done, self._place, self._parameters)
        self._done = done
        self._title = (
            f"{self._course.title}: {counted(n_rows, 'row')}, "
            f"{counted(epochs, 'epoch')}, program {program!r}"
        )
        if done:
            self._title += f", going on after epoch {done}"
        if self._verbose > 1:
            self._print(self._title)
        elif (in_notebook or console.is_terminal) and not _is_worker():
            from skdl._engine import progress_bars

            self._bar = progress_bars.begin(self._course, console, in_notebook)

    def within(self, share: float) -> None:
        """Report which share of the running epoch's steps is done."""
        if self._bar is not None and share < 1:  # the epoch has not ended before its validation
            self._course.reach(self._done + share)

    def epoch(self, number: int, logs: dict[str, Any]) -> None:
        """Report the metrics of an epoch, counted from 1 over all fits of the network."""
        if not self._verbose:
            return
        self._number, self._done = number, self._done + 1
        names = sorted(logs, key=lambda name: name not in ("loss", "val_loss"))  # in front
        said = ", ".join(f"{name} {_short(logs[name])}" for name in names)
        self._course.said = said
        self._course.reach(self._done)
        if self._verbose > 1:
            self._print(f"{self._course.name}: epoch {number}: {said}")

    def end(self) -> None:
        """Finish the bar, or print the line of a fit."""
        if self._console is None:
            return
        self._course.end()
        if self._bar is not None:
            self._bar.close()
        elif self._verbose == 1 and self._course.said:
            seconds, said = self._course.seconds, self._course.said
            self._print(f"{self._title}: {seconds:.1f} s, epoch {self._number}: {said}")

    def _print(self, line):
        line = encodable(line, self._console.encoding)
        self._console.print(line, soft_wrap=True, markup=False)


def _headed(name: str, parameters: Sequence[str], n: int | None = None) -> str:
    """Return a name followed by the first n parameters, and "…" for the others."""
    shown = [*parameters[:n], *["…"] * (n is not None and n < len(parameters))]
    return f"{name} · {', '.join(shown)}" if shown else name


def encodable(text: str, encoding: str) -> str:
    """Return text that can be written; plain letters stand for what an encoding lacks."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace("·", "-").replace("…", "~")
        return text.encode(encoding, "replace").decode(encoding)
    return text


def _is_worker() -> bool:
    """Tell whether others may write to the same terminal at the same time."""
    process = multiprocessing.current_process()
    in_process = multiprocessing.parent_process() is not None or "Loky" in process.name
    return in_process or threading.current_thread() is not threading.main_thread()


def _time(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
