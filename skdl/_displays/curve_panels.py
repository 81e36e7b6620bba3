"""The curves of one metric on one axes, and the legend that explains them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from skdl._common.counts import counted
from skdl._displays.curve_groups import mean_and_deviation, unlike
from skdl._displays.plotting import next_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("average", "individual", "both")
_GREY = "0.4"  # of the styles that networks of all colours share
_TRAINING, _VALIDATION = "--", "-"
_BEST = {"linestyle": "", "marker": "o", "markeredgecolor": "white", "zorder": 3}
# A legend of more entries, or with longer ones, stands beside the curves of a new figure.
_MOST_ENTRIES, _LONGEST, _WRAPPED = 6, 30, 40


class Panel:
    """The curves of one metric.

    Parameters
    ----------
    metric : str
        What the values are.
    train, validation, labels, best_epochs
        As `LossCurveDisplay` takes them for one metric.
    """

    def __init__(
        self,
        metric: str,
        train: Sequence[ArrayLike],
        validation: Sequence[ArrayLike | None] | None,
        labels: Sequence[str] | None,
        best_epochs: Sequence[int | None] | None,
    ):
        self.metric = metric
        self.groups = _grouped(train, validation, labels, best_epochs)
        self.lines: list[Any] = []
        self.means: list[Any] = []
        self.bands: list[Any] = []
        self.points: list[Any] = []

    def draw(self, ax: Axes, kind: str, look: dict[str, Any], default_name: str | None) -> None:
        """Draw the curves, after those that the axes already hold."""
        from matplotlib.ticker import MaxNLocator

        self.ax, self._kind, self._look = ax, kind, look
        self._before = _entries_of(ax)
        alone = [*self.groups] == [None]
        if alone and self._before:
            name = unlike(default_name or "network", [label for label, _ in self._before])
            self.groups, alone = {name: self.groups[None]}, False
        # Without a name, training and validation are told apart by colour as well.
        two = alone and "color" not in look and bool(self.groups[None][1])
        colours = next_colours(ax, 2 if two else len(self.groups))
        if "color" in look:
            colours = [look["color"]] * len(self.groups)
        self._solid = not any(validation for _, validation, _ in self.groups.values())
        self._own = self._by_name if alone else self._by_colour
        for i, (label, curves) in enumerate(self.groups.items()):
            self._draw_group(curves, colours[i], colours[i + 1 if two else i], label, alone)
        self._colours = dict(zip(self.groups, colours, strict=False))
        ax.set_xlabel("epoch")
        ax.set_ylabel(self.metric)
        locator = ax.xaxis.get_major_locator()
        if isinstance(locator, MaxNLocator):
            locator.set_params(integer=True, min_n_ticks=1)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)

    def _draw_group(self, curves, of_training, of_validation, label, alone):
        train, validation, best = curves
        style = _VALIDATION if self._solid else _TRAINING
        name = "training" if alone else label
        self._draw_curves(train, color=of_training, linestyle=style, label=name)
        name = "validation" if alone else label
        self._draw_curves(validation, color=of_validation, linestyle=_VALIDATION, label=name)
        if best:
            (epochs, values), name = zip(*best, strict=True), "best epoch"
            if self._kind == "average" and len(best) > 1:
                on, mean = self.means[-1].get_data()
                epochs = [min(round(np.median(epochs)), len(on))]
                values, name = mean[epochs[0] - 1], "median best epoch"
            name = f"{name}: {epochs[0]}" if alone and len(epochs) == 1 else name
            self.points += self.ax.plot(epochs, values, color=of_validation, label=name, **_BEST)

    def _draw_curves(self, curves, **look):
        look |= self._look
        several = len(curves) > 1
        if not several or self._kind != "average":
            thin = {"linewidth": 0.8, "alpha": 0.5} if several and self._kind == "both" else {}
            for curve in curves:
                epochs = np.arange(1, len(curve) + 1)
                dot = {"marker": "."} if len(curve) == 1 else {}
                self.lines += self.ax.plot(epochs, curve, **dot | look | thin)
        if several and self._kind != "individual":
            epochs, mean, deviation = mean_and_deviation(curves)
            dot = {"marker": "."} if len(epochs) == 1 else {}
            self.means += self.ax.plot(epochs, mean, **dot | look)
            low, high = mean - deviation, mean + deviation
            band = self.ax.fill_between(
                epochs, low, high, color=look["color"], alpha=0.2, linewidth=0
            )
            self.bands.append(band)

    def explain(self, outside: bool, always: bool = False) -> None:
        """Add what was drawn to the legend; a long one, or each, may stand outside of the axes."""
        own = self._own()
        known = {label for label, _ in self._before}
        if any(label.startswith("best epoch") for label in known):
            known.add("best epoch")
        styles = {"training", "validation", "best epoch"}
        entries = self._before + [each for each in own if each[0] not in known & styles]
        entries.sort(key=lambda each: each[0] in styles and _is_grey(each[1]))  # names go first
        labels = [textwrap.fill(str(label), _WRAPPED) for label, _ in entries]
        handles = [handle for _, handle in entries]
        long = len(labels) > _MOST_ENTRIES or max(map(len, labels)) > _LONGEST
        place: dict[str, Any] = (
            {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
            if outside and (long or always)
            else {}
        )
        size: dict[str, Any] = {"fontsize": "small"} if long else {}
        if place and len(self.ax.figure.axes) == 1:
            figure: Any = self.ax.figure
            figure.set_figwidth(figure.get_figwidth() + 2.0)
        self.ax.legend(handles, labels, **place, **size)

    def _by_name(self):
        """Return one entry per curve, by its name."""
        by_name = {}
        for line in [*self.means, *self.lines, *self.points]:
            by_name.setdefault(line.get_label(), line)
        return list(by_name.items())

    def _by_colour(self):
        """Return one entry per network, and then one per style, in grey."""
        from matplotlib.lines import Line2D

        look = {name: value for name, value in self._look.items() if name != "label"}
        entries = []
        for label, colour in self._colours.items():
            entries.append((label, Line2D([], [], **{"color": colour, "linestyle": "-"} | look)))
        train, validation, best = zip(*self.groups.values(), strict=True)
        shown = {
            "training": (any(train) and not self._solid, {"linestyle": _TRAINING}),
            "validation": (any(validation), {"linestyle": _VALIDATION}),
            "best epoch": (any(best), _BEST),
        }
        for name, (used, style) in shown.items():
            if used:
                entries.append((name, Line2D([], [], color=_GREY, **style)))
        return entries


def _grouped(train, validation, labels, best_epochs):
    """Return training curves, validation curves and best points of each label."""
    n = len(train)
    columns = {
        "validation": [None] * n if validation is None else validation,
        "labels": [None] * n if labels is None else labels,
        "best_epochs": [None] * n if best_epochs is None else best_epochs,
    }
    for name, values in columns.items():
        if len(values) != n:
            raise ValueError(
                f"{name} has {counted(len(values), 'entry', 'entries')} for "
                f"{counted(n, 'network')}."
            )
    if n == 0:
        raise ValueError("There are no networks to draw: received an empty list.")
    groups: dict[Any, tuple[list, list, list]] = {}
    for curve, held_out, label, best in zip(train, *columns.values(), strict=True):
        group = groups.setdefault(label, ([], [], []))
        group[0].append(np.asarray(curve, float))
        if held_out is not None:
            group[1].append(np.asarray(held_out, float))
            if best is not None and best <= len(held_out):
                group[2].append((best, group[1][-1][best - 1]))
    return groups


def _is_grey(handle):
    """Tell whether an entry of a legend explains a style."""
    return getattr(handle, "get_color", str)() == _GREY


def _entries_of(ax):
    """Return label and handle of what the axes explain, or could explain, already."""
    legend = ax.get_legend()
    if legend is None:
        handles, labels = ax.get_legend_handles_labels()
        return list(zip(labels, handles, strict=True))
    texts = [text.get_text() for text in legend.get_texts()]
    return list(zip(texts, legend.legend_handles, strict=True))
