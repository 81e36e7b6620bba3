"""Layers of Keras for sequences as ONNX nodes: embeddings, masks, the same layer at every step."""

from __future__ import annotations

import numpy as np

from skdl._networks.keras import keras
from skdl._onnx.calls import Value, unmasked
from skdl._onnx.inputs import whole
from skdl._onnx.network import add_layer, converts, weights


@converts("Embedding")
def _embedding(graph, layer, ids):
    """Look tokens up; ONNX Runtime refuses those that are too large, and here negative ones."""
    if ids not in graph.integers:
        ids = whole(graph, ids)
    outside = graph("Less", ids, np.array(0, np.int64))
    ids = graph("Where", outside, np.array(layer.input_dim, np.int64), ids)
    return graph("Gather", weights(layer.embeddings), ids, axis=0)


@converts("Masking")
def _masking(graph, layer, x):
    return graph("Where", unmasked(graph, layer, x, keepdims=True), x, 0.0)


@converts("RepeatVector")
def _repeat_vector(graph, layer, x):
    return graph("Tile", graph.expanded(x, 1), np.array([1, layer.n, 1], np.int64))


@converts("TimeDistributed", arguments=("mask",))
def _time_distributed(graph, layer, x):
    """Give a layer the steps of all rows as rows of their own."""
    inner = layer.layer
    uses_mask = inner._call_has_mask_arg and not isinstance(inner, keras.layers.BatchNormalization)
    if graph.call.mask is not None and uses_mask:
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r}: TimeDistributed would hand the mask of "
            f"its inputs to {inner.name!r}, of class {type(inner).__name__}."
        )
    shape = graph.shapes[x]
    before = graph("Shape", x, start=0, end=2)
    each = graph("Concat", np.array([-1], np.int64), graph("Shape", x, start=2), axis=0)
    steps = Value(graph("Reshape", x, each))
    graph.shapes[steps] = (None, *shape[2:])
    (output,) = add_layer(graph, inner, (steps,))
    after = graph("Concat", before, graph("Shape", output, start=1), axis=0)
    return graph("Reshape", output, after)
