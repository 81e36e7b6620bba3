"""Normalisations of Keras as ONNX nodes, in the operators that Keras itself computes with."""

from __future__ import annotations

import numpy as np

from skdl._networks.keras import keras
from skdl._onnx.calls import Value
from skdl._onnx.network import add_layer, converts, weights


@converts("BatchNormalization", arguments=("mask",))
def _batch_normalization(graph, layer, x):
    scale = (weights(layer.moving_variance).astype(np.float64) + layer.epsilon) ** -0.5
    if layer.scale:
        scale = scale * weights(layer.gamma)
    offset = -weights(layer.moving_mean) * scale
    if layer.center:
        offset = offset + weights(layer.beta)
    shape = [1] * len(graph.shapes[x])
    shape[layer.axis] = -1
    return graph("Add", graph("Mul", x, scale.reshape(shape)), offset.reshape(shape))


@converts("LayerNormalization")
def _layer_normalization(graph, layer, x):
    rank = len(graph.shapes[x])
    axes = sorted(axis % rank for axis in np.atleast_1d(layer.axis).tolist())
    away, variance = _moments(graph, x, axes)
    rate = graph("Sqrt", graph("Add", variance, layer.epsilon))

    def along_axes(variable):
        array = weights(variable)
        shape = np.ones(rank, int)
        shape[axes] = array.shape
        return array.reshape(shape)

    # `rms_scaling` divides by the standard deviation too, but leaves the mean where it is.
    x = graph("Div", x if layer.rms_scaling else away, rate)
    if layer.gamma is not None:
        x = graph("Mul", x, along_axes(layer.gamma))
    if layer.beta is not None and not layer.rms_scaling:
        x = graph("Add", x, along_axes(layer.beta))
    return x


def _moments(graph, x, axes):
    """Return distances from the mean, and the variance."""
    away = graph("Sub", x, graph.reduced("ReduceMean", x, axes))
    return away, graph.reduced("ReduceMean", graph("Mul", away, away), axes)


@converts("GroupNormalization")
def _group_normalization(graph, layer, x):
    shape = graph.shapes[x]
    axis = layer.axis % len(shape)
    groups, width = layer.groups, shape[axis] // layer.groups
    if axis not in {1, len(shape) - 1}:
        raise ValueError(f"to_onnx cannot convert layer {layer.name!r} with axis={layer.axis}.")
    before = graph("Shape", x)
    inside = [groups, width]
    dims = [0] * axis + inside if axis == len(shape) - 1 else None
    if dims is None:  # channels first: what follows them keeps its lengths
        rest = graph("Shape", x, start=2)
        dims = graph("Concat", np.array([0, *inside], np.int64), rest, axis=0)
        split = graph("Reshape", x, dims)
    else:
        split = graph.reshaped(x, *dims)
    reduced = [a for a in range(1, len(shape) + 1) if a != axis]
    away, variance = _moments(graph, split, reduced)
    split = graph("Div", away, graph("Sqrt", graph("Add", variance, layer.epsilon)))
    around = [1] * (len(shape) + 1)
    around[axis : axis + 2] = inside
    if layer.scale:
        split = graph("Mul", split, weights(layer.gamma).reshape(around))
    if layer.center:
        split = graph("Add", split, weights(layer.beta).reshape(around))
    return graph("Reshape", split, before)


@converts("RMSNormalization")
def _rms_normalization(graph, layer, x):
    mean = graph.reduced("ReduceMean", graph("Mul", x, x), layer.axis)
    x = graph("Div", x, graph("Sqrt", graph("Add", mean, layer.epsilon)))
    return graph("Mul", x, weights(layer.scale))


@converts("UnitNormalization")
def _unit_normalization(graph, layer, x):
    return unit_length(graph, x, layer.axis)


def unit_length(graph, x, axis):
    """Return values divided by their length along axes, as `keras.ops.normalize` does."""
    sums = graph.reduced("ReduceSum", graph("Mul", x, x), axis)
    rate = graph("Min", graph("Div", 1.0, graph("Sqrt", sums)), 1 / keras.config.epsilon())
    return graph("Mul", x, rate)


@converts("Normalization")
def _normalization(graph, layer, x):
    mean, spread = weights(layer.mean), np.sqrt(weights(layer.variance))
    spread = np.maximum(spread, keras.config.epsilon())
    if layer.invert:
        return graph("Add", graph("Mul", x, spread), mean)
    return graph("Div", graph("Sub", x, mean), spread)


@converts("SpectralNormalization")
def _spectral_normalization(graph, layer, x):
    return add_layer(graph, layer.layer, (Value(x),))  # its weights are as training left them
