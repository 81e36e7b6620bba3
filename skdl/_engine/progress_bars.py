"""The bars that `verbose=1` draws: one for terminals, one for notebooks, neither needs widgets."""

from __future__ import annotations

import contextvars
import html
import re
import threading
from typing import TYPE_CHECKING, Any

from skdl._engine.progress import encodable

if TYPE_CHECKING:
    from skdl._engine.progress import Course

_WIDTH, _NARROWEST = 20, 10  # of the bar, in letters
_FIRST_METRIC = 16  # letters, as of "loss 0.0001234"
_IN_FRONT = 2  # metrics for which the bar becomes narrower: loss and val_loss
_SEPARATOR = re.compile(r", (?![^\[]*\])")  # between metrics, not within the list of one
_SECONDS = 0.2  # between two pictures of a notebook's bar


def begin(course: Course, console: Any, in_notebook: bool) -> Any:
    """Begin to draw a bar; return it, or None where another library draws on this console."""
    if in_notebook:
        return NotebookBar(course)
    from rich.errors import LiveError
    from rich.live import Live

    line = TerminalLine(course)
    live = Live(line, console=console, refresh_per_second=10)
    try:
        live.start()
    except LiveError:
        return None
    return TerminalBar(live)


class TerminalBar:
    """A line of a terminal that rich draws ten times per second, in a thread of its own."""

    def __init__(self, live: Any):
        self._live = live

    def close(self) -> None:
        """Draw the bar as it is at the end, and leave it there."""
        self._live.stop()


class TerminalLine:
    """Name, bar, count, time and metrics in one line, which is never longer than the terminal.

    Where it is narrow the bar becomes shorter, and other metrics than the first two are left out,
    then the estimator's name where a search says which fit it is, then that fit's parameters but
    the first, the second metric, the first parameter, and the name is cut; bar, count and time
    always stay.
    """

    def __init__(self, course: Course):
        self._course = course
        self._wanted = 0  # letters for the first metrics, which only grow: the bar stands still

    def __rich_console__(self, console: Any, options: Any) -> Any:
        """Yield the line for the width that the terminal has now."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        def text(words):
            return Text(encodable(words, console.encoding))

        course = self._course
        count, clock = course.count, course.clock
        metrics = _SEPARATOR.split(course.state)
        front = ", ".join(metrics[:_IN_FRONT]) + ", …" * (len(metrics) > _IN_FRONT)
        self._wanted = max(self._wanted, len(front))
        others = _NARROWEST + len(count) + len(clock) + 4
        room = options.max_width - others - _FIRST_METRIC
        less = max(self._wanted - _FIRST_METRIC, 0)  # the second metric goes before more parameters
        fitting = (each for each, n in course.titles.items() if len(each) <= room - less * (n > 1))
        name = next(fitting, course.short_name)
        rest = len(name) + len(count) + len(clock) + self._wanted + 4
        bar_width = min(max(options.max_width - rest, _NARROWEST), _WIDTH)
        bar_width = max(min(bar_width, options.max_width - len(count) - len(clock) - 2), 1)
        free = options.max_width - bar_width - len(count) - len(clock) - 2
        name_width = min(len(name), max(free - 1, 0))
        free -= name_width + 1 if name_width else 0
        state_width = max(free - 1, 0)
        bar = ProgressBar(course.total, course.completed, bar_width, pulse=course.compiling)
        cells: list[tuple[int, Any]] = [
            (name_width, text(name)),
            (bar_width, bar),
            (len(count), Text(count, style="progress.download")),
            (len(clock), Text(clock, style="progress.remaining")),
            (state_width, text(_whole(metrics, state_width))),
        ]
        line = Table.grid(padding=(0, 1), pad_edge=False)
        shown = [(width, cell) for width, cell in cells if width > 0]
        for width, _ in shown:
            line.add_column(width=width, no_wrap=True, overflow="ellipsis")
        line.add_row(*(cell for _, cell in shown))
        yield line


def _whole(metrics, width):
    """Return as many metrics as fit into a width, none of them cut, and "…" for the others."""
    for n in range(len(metrics), 0, -1):
        text = ", ".join([*metrics[:n], *["…"] * (n < len(metrics))])
        if len(text) <= width:
            return text
    return metrics[0]


class NotebookBar:
    """A bar of plain HTML under a cell, which is replaced while the fit goes on.

    A thread draws it, so that it moves, and its clock ticks, within epochs of many seconds.
    """

    def __init__(self, course: Course):
        self._course = course
        self._ended = threading.Event()
        from IPython.display import display

        self._drawn = self._picture()
        self._handle = display(self._drawn, raw=True, display_id=True)
        # In a copy of the context, by which a notebook knows under which cell to draw.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended.wait(_SECONDS):
            self._draw()

    def _draw(self):
        picture = self._picture()
        if picture != self._drawn:
            self._drawn = picture
            self._handle.update(picture, raw=True)

    def close(self) -> None:
        """Draw the bar as it is at the end, and leave it there."""
        self._ended.set()
        self._thread.join()
        self._draw()

    def _picture(self):
        """Return the bar as the formats among which a notebook chooses."""
        course = self._course
        share = course.completed / course.total if course.total else 1.0
        filled = round(_WIDTH * share)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        words = f"{course.count} {course.clock} {course.state}"
        # Without a value, the browser shows a bar that moves to and fro.
        value = "" if course.compiling else f' value="{share:.4f}"'
        cells = [
            _cell(course.title, "0 1 auto"),
            f'<progress max="1"{value} style="flex: none; width: 12em"></progress>',
            _cell(f"{course.count} {course.clock}", "none"),
            _cell(course.state, "0 1 auto; min-width: 12ch"),
        ]
        return {
            "text/plain": f"{course.title} {bar} {words}",
            "text/html": (
                '<div style="display: flex; gap: 0.8em; align-items: center; white-space: nowrap; '
                f'font-family: monospace">{"".join(cells)}</div>'
            ),
        }


def _cell(text, flex):
    """Return text as a cell, which is cut where a page is narrow and whole under the mouse."""
    look = f"flex: {flex}; overflow: hidden; text-overflow: ellipsis"
    return f'<span style="{look}" title="{html.escape(text)}">{html.escape(text)}</span>'
