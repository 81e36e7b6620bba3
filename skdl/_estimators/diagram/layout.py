"""Where the boxes of a network are drawn, and the lines between them.

Layers of equal distance from the inputs stand in one row. A line that passes rows goes through a
narrow place of its own in each (K. Sugiyama, S. Tagawa, M. Toda (1981), Methods for visual
understanding of hierarchical system structures, IEEE Transactions on Systems, Man, and
Cybernetics 11).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

from skdl._estimators.diagram.graph import Graph

BETWEEN = 16.0  # pixels between boxes of a row
_NARROW = 4.0  # width of the place of a line that passes
_LIGHT = 1e-4  # weight of such a place against that of a box
_SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """Centres of boxes, and lines as the centres of the places that they pass.

    Parameters
    ----------
    rows : list of int
        The row of each box.
    centres : list of float
        Its centre in its row, in pixels; the leftmost edge of all is 0.
    lines : list of tuple of (int, int, list of (int, float))
        From which box to which, and the row and centre of each place between.
    width : float
        Of all boxes and places together.
    """

    rows: list[int]
    centres: list[float]
    lines: list[tuple[int, int, list[tuple[int, float]]]]
    width: float


def laid_out(graph: Graph, box_width: float) -> Layout:
    """Return where boxes of one width go."""
    n = len(graph.nodes)
    row_of = graph.ranks()
    widths = [box_width] * n
    links: list[tuple[int, int]] = []
    passed: list[tuple[int, int, list[int]]] = []
    for start, end in graph.edges:
        places = []
        for row in range(row_of[start] + 1, row_of[end]):
            places.append(len(row_of))
            row_of.append(row)
            widths.append(_NARROW)
        links += list(zip([start, *places], [*places, end], strict=True))
        passed.append((start, end, places))
    rows: list[list[int]] = [[] for _ in range(max(row_of) + 1)]
    for node, row in enumerate(row_of):
        rows[row].append(node)
    before, after = (
        _neighbours(links, len(row_of)),
        _neighbours([(b, a) for a, b in links], len(row_of)),
    )
    _put_in_order(rows, before, after)
    is_box = np.arange(len(row_of)) < n
    centres = _centres(rows, before, after, np.array(widths), np.where(is_box, 1.0, _LIGHT))
    left = min(centres - np.array(widths) / 2)
    centres -= left
    lines = [(a, b, [(row_of[i], float(centres[i])) for i in places]) for a, b, places in passed]
    width = float(max(centres + np.array(widths) / 2))
    return Layout(row_of[:n], centres[:n].tolist(), lines, width)


def _neighbours(links: list[tuple[int, int]], n: int) -> list[list[int]]:
    """Return for each node those from which a link leads to it."""
    found: list[list[int]] = [[] for _ in range(n)]
    for start, end in links:
        found[end].append(start)
    return found


def _put_in_order(rows, before, after):
    """Order each row by the mean place of the neighbours, so that few lines cross."""
    for sweep in range(_SWEEPS):
        neighbours, order = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        place = {node: i for row in rows for i, node in enumerate(row)}
        for row in order:
            means = {
                node: np.mean([place[each] for each in neighbours[node]])
                if neighbours[node]
                else place[node]
                for node in row
            }
            row.sort(key=means.__getitem__)
            place |= {node: i for i, node in enumerate(row)}


def _centres(rows, before, after, widths, weights):
    """Return centres near those of the neighbours, with no two boxes on one another."""
    centres = np.zeros(len(widths))
    for row in rows:
        centres[row] = _apart(np.zeros(len(row)), widths[row], weights[row])
    for sweep in range(_SWEEPS):
        neighbours, order = (after, rows[::-1]) if sweep % 2 == 0 else (before, rows)
        for row in order:
            wanted = [
                np.average(centres[neighbours[node]], weights=weights[neighbours[node]])
                if neighbours[node]
                else centres[node]
                for node in row
            ]
            centres[row] = _apart(np.array(wanted), widths[row], weights[row])
    return centres


def _apart(wanted, widths, weights):
    """Return the centres nearest to the wanted ones whose boxes, in this order, do not overlap."""
    steps = (widths[1:] + widths[:-1]) / 2 + BETWEEN
    offsets = np.concatenate([[0.0], np.cumsum(steps)])
    return isotonic_regression(wanted - offsets, sample_weight=weights) + offsets
