"""The picture of a network: boxes and lines of SVG in the look of scikit-learn's diagrams."""

from __future__ import annotations

from html import escape

from skdl._common.counts import counted
from skdl._estimators.diagram.graph import Graph, Node
from skdl._estimators.diagram.layout import laid_out

_LETTER = 6.7  # pixels of a letter of the type below
_HEIGHT, _GAP, _PAD, _EDGE = 38.0, 24.0, 8.0, 4.0
_LONGEST = 34  # letters of a line in a box
# scikit-learn's style sheet comes with the diagram, and has these colours for light and dark.
_STYLE = """
.skdl-network { padding: 0.5em; overflow-x: auto; text-align: center; }
.skdl-network svg { font: 11px monospace; height: auto; max-width: none; }
.skdl-network text { fill: var(--sklearn-color-text, #000); }
.skdl-network .kind { font-weight: bold; }
.skdl-network .muted { fill: var(--sklearn-color-text-muted, #666); }
.skdl-network rect { fill: var(--sklearn-color-unfitted-level-1, #f6e4d2);
  stroke: var(--sklearn-color-unfitted-level-3, chocolate); }
.skdl-network.fitted rect { fill: var(--sklearn-color-fitted-level-1, #d4ebff);
  stroke: var(--sklearn-color-fitted-level-3, cornflowerblue); }
.skdl-network .several { stroke-dasharray: 4 3; }
.skdl-network .line { fill: none; stroke: var(--sklearn-color-line, gray); }
.skdl-network .tip { fill: var(--sklearn-color-line, gray); }
"""


def picture_of(graph: Graph, label: str, fitted: bool = True) -> str:
    """Return a graph of layers as HTML, cut where it is large.

    Parameters
    ----------
    graph : Graph
        Whole.
    label : str
        What is read out for the picture.
    fitted : bool, default=True
        Whether in the colours of a fitted estimator.
    """
    graph = graph.cut()
    texts = [_texts(node) for node in graph.nodes]
    longest = max(len(left) + len(right) + 2 for text in texts for left, right in text)
    box_width = longest * _LETTER + 2 * _PAD
    layout = laid_out(graph, box_width)
    tops = [_EDGE + row * (_HEIGHT + _GAP) for row in layout.rows]
    parts = []
    if graph.joined:
        for start, end, places in layout.lines:
            points = [
                (layout.centres[start], tops[start] + _HEIGHT),
                *_passing(places),
                (layout.centres[end], tops[end]),
            ]
            parts.append(_line(points))
    for node, text, centre, top in zip(graph.nodes, texts, layout.centres, tops, strict=True):
        parts.append(_box(node, text, centre - box_width / 2, top, box_width))
    width, height = layout.width + 2 * _EDGE, max(tops) + _HEIGHT + _EDGE
    looks = "skdl-network fitted" if fitted else "skdl-network"
    shift = f'<g transform="translate({_EDGE:g} 0)">{"".join(parts)}</g>'
    return (
        f'<div class="{looks}"><style>{_STYLE}</style>'
        f'<svg role="img" aria-label="{escape(label)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">{shift}</svg></div>'
    )


def _texts(node: Node) -> list[tuple[str, str]]:
    """Return the two lines of a box: left and right."""
    kind = node.kind
    if node.is_part and node.n_layers > 1:
        kind = f"{kind}, {counted(node.n_layers, 'layer')}"
    count = f"{counted(node.n_parameters, 'parameter', spec=',')}" if node.n_parameters else ""
    return [(_short(kind), count), (_short(node.name), _short(node.note))]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _box(node, text, left, top, width):
    """Return a box with its two lines."""
    parts = []
    for (at_left, at_right), below, looks in zip(
        text, (15, 30), ((' class="kind"', ""), (' class="muted"', "")), strict=True
    ):
        y = top + below
        parts.append(f'<text x="{left + _PAD:.1f}" y="{y:.1f}"{looks[0]}>{escape(at_left)}</text>')
        if at_right:
            parts.append(
                f'<text x="{left + width - _PAD:.1f}" y="{y:.1f}"{looks[1]} text-anchor="end">'
                f"{escape(at_right)}</text>"
            )
    several = ' class="several"' if not node.is_part or node.n_layers > 1 else ""
    frame = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_HEIGHT:g}" '
        f'rx="3"{several}/>'
    )
    title = f"<title>{escape(f'{node.kind} {node.name}')}</title>"
    return f"<g>{title}{frame}{''.join(parts)}</g>"


def _passing(places):
    """Return the points above and below each row that a line passes."""
    points = []
    for row, centre in places:
        top = _EDGE + row * (_HEIGHT + _GAP)
        points += [(centre, top), (centre, top + _HEIGHT)]
    return points


def _line(points):
    """Return a line: curved between rows, straight where it passes one, with an arrow's tip."""
    x, y = points[0]
    path = [f"M{x:.1f} {y:.1f}"]
    for i in range(1, len(points) - 1, 2):
        path += [_curve(points[i - 1], points[i]), f"V{points[i + 1][1]:.1f}"]
    x, y = points[-1]
    path.append(_curve(points[-2], (x, y - 5)))
    tip = f"M{x - 3:.1f} {y - 6:.1f}L{x + 3:.1f} {y - 6:.1f}L{x:.1f} {y:.1f}Z"
    return f'<path class="line" d="{"".join(path)}"/><path class="tip" d="{tip}"/>'


def _curve(start, end):
    """Return a curve that begins and ends vertically."""
    (x, y), (to_x, to_y) = start, end
    if abs(x - to_x) < 0.05:
        return f"V{to_y:.1f}"
    middle = (y + to_y) / 2
    return f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
