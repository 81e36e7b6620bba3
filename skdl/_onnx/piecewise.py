"""Scaled values and piecewise-linear bins as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._onnx.activations import clip
from skdl._onnx.graph import Graph
from skdl._transformers.piecewise import FAR, SOFT_END, PiecewiseLinearEncoder


def add_encoder(graph: Graph, encoder: PiecewiseLinearEncoder, x: str) -> str:
    """Return what an encoder makes of a matrix, in float64 as the encoder computes it.

    Raises
    ------
    ValueError
        If the encoder gives no columns.
    """
    layout, missing = encoder._layout(), graph("IsNaN", x)
    means = np.nan_to_num(encoder.mean_)  # of columns that are missing throughout, not used
    x = graph("Where", missing, means, x)
    blocks = []
    if len(layout.kept):
        z = _columns(graph, x, layout.kept)
        z = graph("Div", graph("Sub", z, means[layout.kept]), encoder.scale_[layout.kept])
        if encoder.keep == "clipped":
            z = clip(graph, z, -FAR, FAR)
            third = graph("Div", z, SOFT_END)
            z = graph("Div", z, graph("Sqrt", graph("Add", graph("Mul", third, third), 1.0)))
        blocks.append(z)
    if len(layout.binned):
        bins = graph("Sub", _columns(graph, x, layout.binned), layout.starts)
        bins = clip(graph, graph("Div", bins, layout.widths), 0.0, 1.0)
        blocks.append(graph("Div", bins, layout.divisors) if encoder.scale_bins else bins)
    if len(encoder.missing_features_):
        blocks.append(graph.cast(_columns(graph, missing, encoder.missing_features_), graph.dtype))
    if not blocks:
        raise ValueError(
            "to_onnx cannot convert a PiecewiseLinearEncoder whose columns were all constant or "
            "missing in fit: it gives no columns. Leave it out."
        )
    return blocks[0] if len(blocks) == 1 else graph("Concat", *blocks, axis=1)


def _columns(graph: Graph, x: str, positions: Any) -> str:
    return graph("Gather", x, np.asarray(positions, np.int64), axis=1)
