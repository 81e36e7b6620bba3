"""The scores of a search over two parameters as annotated cells."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._displays.plotting import COLOURS
from skdl._displays.search_labels import number, short_names, tick_labels
from skdl._displays.search_lines import space_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches of a cell and of what stands around the cells; type sizes in points.
CELL, AROUND, LARGEST, _SMALLEST = (0.75, 0.45), (2.2, 1.1), 10.0, 4.5


def settle(ax: Axes) -> None:
    """Have the layout decide how large the cells are."""
    ax.figure.figure.draw_without_rendering()  # a SubFigure cannot, its root can


def widest_label(display: Any) -> int:
    """Return the number of letters of the longest value across."""
    return max(map(len, tick_labels(display.x_values)))


def label_cells(display: Any, ax: Axes) -> None:
    """Label rows and columns."""
    ax.set_facecolor("0.93")
    ax.set_xticks(range(len(display.x_values)), tick_labels(display.x_values))
    ax.set_yticks(range(len(display.y_values)), tick_labels(display.y_values))


def fit_labels(ax: Axes) -> None:
    """Have the labels across fit: values that are too long are turned, numbers become fewer."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    locator = ax.xaxis.get_major_locator()
    width = ax.get_window_extent().width * 72 / ax.figure.dpi
    if isinstance(locator, FixedLocator):
        labels = ax.get_xticklabels()
        if _width(labels) > width / len(labels):
            ax.tick_params("x", rotation=45)
            for label in labels:
                label.set(ha="right", rotation_mode="anchor")
    elif isinstance(ax.xaxis.get_major_formatter(), FuncFormatter):  # of `scale_axis`
        low, high = np.log10(ax.get_xlim())
        # Of 1, 2, 5 and 10, the first two are nearest; the same of 1, 3 and 10.
        for subs, nearest in (((1, 3), 2.0), ((1,), 3.0)):
            if _width(ax.get_xticklabels()) < width / (high - low) * np.log10(nearest):
                break
            space_ticks(ax.xaxis, subs)


def _width(labels):
    """Return the width of the longest label, in points."""
    return max((len(label.get_text()) for label in labels), default=0) * 0.6 * LARGEST


def name_axes(display: Any, ax: Axes, first: bool = True) -> None:
    """Write the names of the parameters beside the axes."""
    x, y = short_names([display.x, display.y])
    ax.set_xlabel(x)
    ax.set_ylabel(y if first else "")


def write_title(display: Any, ax: Axes, which: str) -> None:
    """Write which scores these are, and what is said about other parameters."""
    points = ax.get_window_extent().width * 72 / ax.figure.dpi
    width = max(int(points / (0.6 * LARGEST)), 12)
    title = textwrap.wrap(display.title, width, break_long_words=False)
    ax.set_title("\n".join([which, *title] if which else title), fontsize=LARGEST)


def _cell(display, ax):
    """Return width and height of a cell, in points."""
    box, (n_rows, n_columns) = ax.get_window_extent(), display.tried.shape
    points = 72 / ax.figure.dpi
    return box.width * points / n_columns, box.height * points / n_rows


def annotate(display: Any, ax: Axes, image: Any, values: NDArray) -> NDArray:
    """Write the values into the cells, and return the texts."""
    from matplotlib.patches import Rectangle

    texts = np.full(values.shape, None, dtype=object)
    written = {cell: number(values[cell]) for cell in zip(*display.tried.nonzero(), strict=True)}
    (width, height), n_letters = _cell(display, ax), max(map(len, written.values()))
    size = min(LARGEST, 0.9 * width / (0.6 * n_letters), 0.7 * height)
    for (row, column), text in written.items() if size >= _SMALLEST else ():
        *rgb, _ = image.cmap(image.norm(values[row, column]))
        light = np.isnan(values[row, column]) or np.dot(rgb, (0.299, 0.587, 0.114)) > 0.5
        texts[row, column] = ax.text(
            column, row, text, ha="center", va="center", size=size, color="wk"[int(light)]
        )
    if display.best is not None:
        corner = display.best[1] - 0.47, display.best[0] - 0.47
        look: dict[str, Any] = {"fill": False, "edgecolor": COLOURS[1], "linewidth": 2.5}
        ax.add_patch(Rectangle(corner, 0.94, 0.94, **look))
    return texts
