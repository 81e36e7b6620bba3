"""Attention layers of Keras as ONNX nodes, with the masks that Keras applies."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._onnx.graph import Graph
from skdl._onnx.network import activated, converts, weights

# What Keras puts in place of scores that are masked, in `ops.dot_product_attention` and `Softmax`.
_IN_DOT_PRODUCT, _IN_SOFTMAX = 3.38953e38 * -0.7, -1e9


@converts(
    *("Attention", "AdditiveAttention"),
    arguments=("mask", "use_causal_mask", "return_attention_scores"),
)
def _attention(graph, layer, query, value, key=None):
    key, call = value if key is None else key, graph.call
    query_mask, value_mask = (call.mask[0], call.mask[1]) if call.mask else (None, None)
    scores = _scores(graph, layer, query, key)
    mask = None if value_mask is None else graph.expanded(value_mask, 1)
    if call["use_causal_mask"]:
        mask = _both(graph, mask, _causal(graph, query, key))
    if mask is not None:
        scores = graph("Where", mask, scores, graph("Sub", scores, 1e9))
    shares = graph("Softmax", scores, axis=-1)
    output = graph("MatMul", shares, value)
    if query_mask is not None:
        output = graph("Where", graph.expanded(query_mask, 2), output, 0.0)
    return [output, shares] if call["return_attention_scores"] else output


def _scores(graph, layer, query, key):
    scale = None if layer.scale is None else weights(layer.scale)
    is_additive = type(layer).__name__ == "AdditiveAttention"
    if layer.score_mode == "dot" and not is_additive:
        scores = graph("MatMul", query, graph("Transpose", key, perm=[0, 2, 1]))
        return scores if scale is None else graph("Mul", scores, scale)
    pairs = graph("Add", graph.expanded(query, 2), graph.expanded(key, 1))
    if scale is not None and not is_additive:
        pairs = graph("Mul", pairs, scale)
    bent = graph("Tanh", pairs)
    if scale is not None and is_additive:
        bent = graph("Mul", bent, scale)
    scores = graph.reduced("ReduceSum", bent, -1, keepdims=False)
    return scores if is_additive else graph("Mul", scores, weights(layer.concat_score_weight))


@converts(
    "MultiHeadAttention",
    arguments=(
        *("value", "key", "query_mask", "value_mask", "key_mask", "attention_mask"),
        *("use_causal_mask", "return_attention_scores"),
    ),
)
def _multi_head_attention(graph, layer, query):
    call = graph.call
    value = _float(graph, call["value"])
    key = value if call["key"] is None else _float(graph, call["key"])
    if {len(graph.shapes[name]) for name in (query, value, key)} != {3}:
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r}: it converts attention along one axis, "
            "between sequences of vectors."
        )
    with_scores = bool(call["return_attention_scores"])
    mask = _attention_mask(graph, layer, query, value)
    for name in ("query", "value", "key"):  # the layer drops them from what it was given
        graph.masks.pop(call[name], None)
    heads = [
        _projected(graph, dense, x)
        for dense, x in zip(
            (layer._query_dense, layer._key_dense, layer._value_dense),
            (query, key, value),
            strict=True,
        )
    ]
    output, shares = _by_heads(graph, layer, heads, mask, with_scores)
    output = graph("Transpose", output, perm=[0, 2, 1, 3])
    if layer._use_gate:
        gate = graph("Transpose", _projected(graph, layer._gate_dense, query), perm=[0, 2, 1, 3])
        output = graph("Mul", output, gate)
    kernel = weights(layer._output_dense.kernel)
    wide = graph.reshaped(output, 0, 0, kernel.shape[0] * kernel.shape[1])
    output = graph("MatMul", wide, kernel.reshape(kernel.shape[0] * kernel.shape[1], -1))
    if len(kernel.shape) > 3:
        output = graph.reshaped(output, 0, 0, *kernel.shape[2:])
    if layer._output_dense.bias is not None:
        output = graph("Add", output, weights(layer._output_dense.bias))
    return [output, shares] if with_scores else output


def _float(graph, value):
    if value not in graph.integers:
        return value
    shape, value = graph.shapes[value], graph.cast(value, graph.dtype)
    graph.shapes[value] = shape
    return value


def _projected(graph, dense, x):
    """Return the vectors of each head: (rows, heads, steps, size)."""
    kernel = weights(dense.kernel)
    x = graph("MatMul", x, kernel.reshape(kernel.shape[0], -1))
    x = graph.reshaped(x, 0, 0, *kernel.shape[1:])
    if dense.bias is not None:
        x = graph("Add", x, weights(dense.bias))
    return graph("Transpose", activated(graph, dense.activation, x), perm=[0, 2, 1, 3])


def _by_heads(graph, layer, heads, mask, with_scores):
    """Return what each head sees, and the shares of the steps in it."""
    query, key, value = heads
    scores = graph("MatMul", query, graph("Transpose", key, perm=[0, 1, 3, 2]))
    scores = graph("Mul", scores, layer._inverse_sqrt_key_dim)
    by_softmax = with_scores or layer.dropout > 0
    if mask is not None:
        mask = graph.expanded(mask, 1)
        scores = graph("Where", mask, scores, _IN_SOFTMAX if by_softmax else _IN_DOT_PRODUCT)
    shares = graph("Softmax", scores, axis=-1)
    if mask is not None and by_softmax:
        shares = graph("Where", mask, shares, 0.0)
    return graph("MatMul", shares, value), shares


def _attention_mask(graph, layer, query, value):
    """Return which steps may see which, of shape (rows or 1, steps, steps) or alike."""
    call, mask = graph.call, None
    given = call["attention_mask"]
    if given is not None:
        if len(graph.shapes[given]) != 3:
            raise ValueError(
                f"to_onnx cannot convert layer {layer.name!r} with an attention_mask that is not "
                "of shape (rows, steps, steps)."
            )
        mask = graph.cast(given, np.bool_)
    query_mask = graph.masks.get(call["query"])  # one that is given is overruled
    if query_mask is not None:
        mask = _both(graph, mask, graph.expanded(query_mask, 2))
    for name in ("value", "key"):
        found = call.mask_of(name)
        if found is not None:
            mask = _both(graph, mask, graph.expanded(graph.cast(found, np.bool_), 1))
    if call["use_causal_mask"]:
        mask = _both(graph, mask, _causal(graph, query, value))
    window = layer._sliding_window
    if window is not None:
        apart = graph("Abs", graph("Sub", *_positions(graph, query, value)))
        mask = _both(graph, mask, graph("Less", apart, np.array(window, np.int64)))
    return mask


def _both(graph: Graph, mask: str | None, other: str) -> Any:
    return other if mask is None else graph("And", mask, other)


def _causal(graph, query, key):
    """Return which steps come not after others, of shape (1, steps, steps)."""
    return graph("GreaterOrEqual", *_positions(graph, query, key))


def _positions(graph, query, key):
    zero, one = np.array(0, np.int64), np.array(1, np.int64)
    numbers = []
    for x in (query, key):
        length = graph("Squeeze", graph("Shape", x, start=1, end=2), np.array([0], np.int64))
        numbers.append(graph("Range", zero, length, one))
    return graph.expanded(numbers[0], 0, 2), graph.expanded(numbers[1], 0, 1)
