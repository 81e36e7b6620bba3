"""The scores of a search as a line over one parameter, or as points where numbers were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._displays.plotting import COLOURS
from skdl._displays.search_labels import tick_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOKS = {"test": (COLOURS[0], "-", "o"), "train": (COLOURS[4], "--", "s")}
_BEST: dict[str, Any] = {
    "s": 170,
    "facecolors": "none",
    "edgecolors": COLOURS[1],
    "linewidths": 2.5,
    "zorder": 4,
}
# Positive numbers that reach over this factor stand on a logarithmic axis.
_WIDE = 20
# Below this factor, powers of ten alone would label few places of it.
_FEW_DECADES = 1000


def are_numbers(values: Sequence[Any]) -> bool:
    """Tell whether all values of a parameter are numbers."""
    return all(isinstance(value, Real) and not isinstance(value, bool) for value in values)


def draw_line(
    ax: Axes,
    scores: Mapping[str, NDArray],
    deviations: Mapping[str, NDArray] | None,
    values: Sequence[Any],
    best: int | None,
    joined: bool,
) -> dict[str, list[Any]]:
    """Draw mean scores by the values of one parameter, with one standard deviation to each side.

    Returns
    -------
    artists : dict of list
        "lines", "bands" (or error bars, where points are not joined).
    """
    numeric = are_numbers(values)
    at = np.asarray(values, float) if numeric else np.arange(len(values))
    if numeric:
        scale_axis(ax, "x", at)
    else:
        ax.set_xticks(at, tick_labels(values))
        ax.margins(x=0.1)
    artists: dict[str, list[Any]] = {"lines": [], "bands": []}
    for which, means in scores.items():
        mean, (colour, style, marker) = means[0], _LOOKS[which]
        spread = None if deviations is None or which not in deviations else deviations[which][0]
        look: dict[str, Any] = {"color": colour, "marker": marker, "label": which}
        look["linestyle"] = style if joined and numeric else ""
        artists["lines"] += ax.plot(at, mean, **look)
        if spread is None:
            continue
        if joined and numeric:
            band: Any = ax.fill_between(
                at, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0
            )
        else:
            band = ax.errorbar(
                at, mean, spread, color=colour, linestyle="", capsize=3, alpha=0.6, linewidth=1
            )
        artists["bands"].append(band)
    if best is not None:
        first = next(iter(scores.values()))[0]
        ax.scatter([at[best]], [first[best]], **_BEST)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    if len(scores) > 1:
        ax.legend()
    return artists


def draw_points(
    ax: Axes,
    values: NDArray,
    tried: NDArray,
    axes_values: tuple[Sequence[Any], Sequence[Any]],
    best: tuple[int, int] | None,
    **limits: Any,
) -> Any:
    """Draw the combinations that were tried as points, coloured by score; return the points."""
    places = []
    for name, each in zip("xy", axes_values, strict=True):
        if are_numbers(each):
            at = np.asarray(each, float)
            scale_axis(ax, name, at)
        else:
            at = np.arange(len(each))
            getattr(ax, f"set_{name}ticks")(at, tick_labels(each))
        places.append(at)
    rows, columns = np.nonzero(tried)
    x, y, score = places[0][columns], places[1][rows], values[rows, columns]
    failed = np.isnan(score)
    ax.scatter(x[failed], y[failed], marker="x", color="0.4", s=40)
    points = ax.scatter(x[~failed], y[~failed], c=score[~failed], s=60, edgecolors="0.3", **limits)
    if best is not None:
        ax.scatter([places[0][best[1]]], [places[1][best[0]]], **_BEST)
    ax.margins(0.1)
    ax.grid(alpha=0.25)
    return points


def scale_axis(ax: Axes, name: str, values: NDArray) -> None:
    """Make an axis logarithmic if its numbers are positive and reach far."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    if len(values) and values.min() > 0 and values.max() > _WIDE * values.min():
        getattr(ax, f"set_{name}scale")("log")
        axis = getattr(ax, f"{name}axis")
        axis.set_minor_formatter(NullFormatter())
        if values.max() < _FEW_DECADES * values.min():
            space_ticks(axis, (1, 2, 5))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def space_ticks(axis: Any, subs: tuple[int, ...]) -> None:
    """Put the labelled places of a logarithmic axis at these multiples of powers of ten."""
    from matplotlib.ticker import LogLocator

    axis.set_major_locator(LogLocator(subs=subs))
