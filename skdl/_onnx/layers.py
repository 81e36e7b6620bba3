"""Layers of Keras as ONNX nodes: dense layers, shapes, merging, activations, preprocessing.

Values keep Keras's layout: features and channels come last.
"""

from __future__ import annotations

import numpy as np

from skdl._networks.keras import keras
from skdl._onnx.activations import relu
from skdl._onnx.network import activated, converts, weights
from skdl._onnx.normalizations import unit_length


@converts("Dense")
def _dense(graph, layer, x):
    x = graph("MatMul", x, weights(layer.kernel))
    if layer.use_bias:
        x = graph("Add", x, weights(layer.bias))
    return activated(graph, layer.activation, x)


@converts("Flatten")
def _flatten(graph, layer, x):
    rank = len(graph.shapes[x])
    if layer.data_format == "channels_first" and rank > 2:
        x = graph("Transpose", x, perm=[0, *range(2, rank), 1])
    return graph("Flatten", x, axis=1)


@converts("Reshape")
def _reshape(graph, layer, x):
    return graph("Reshape", x, np.array([0, *layer.target_shape], np.int64))


@converts("Permute")
def _permute(graph, layer, x):
    return graph("Transpose", x, perm=[0, *layer.dims])


@converts("Rescaling")
def _rescaling(graph, layer, x):
    return graph("Add", graph("Mul", x, layer.scale), layer.offset)


@converts("Resizing")
def _resizing(graph, layer, x):
    """Resize by two matrices, which Keras makes: so every interpolation is the same."""
    height, width = graph.shapes[x][1:3]
    keeps_ratio = layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio
    if None in (height, width) or keeps_ratio or layer.data_format != "channels_last":
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r}: it resizes only images of one size, "
            "channels last, and neither crops nor pads them."
        )

    def matrix(old, new):
        image = np.eye(old, dtype=np.float32)[:, :, None]
        resized = keras.ops.image.resize(
            image,
            (new, old),
            interpolation=layer.interpolation,
            antialias=layer.antialias,
            data_format="channels_last",
        )
        return keras.ops.convert_to_numpy(resized)[:, :, 0]

    x = graph("Transpose", x, perm=[0, 3, 1, 2])
    x = graph(
        "MatMul", graph("MatMul", matrix(height, layer.height), x), matrix(width, layer.width).T
    )
    return graph("Transpose", x, perm=[0, 2, 3, 1])


@converts(
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
    *("Identity", "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation"),
    *(
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
    ),
)
def _only_in_training(graph, layer, x):
    return x


@converts("Activation")
def _activation(graph, layer, x):
    return activated(graph, layer.activation, x)


@converts("ReLU")
def _relu(graph, layer, x):
    return relu(graph, x, float(layer.negative_slope), layer.max_value, float(layer.threshold))


@converts("LeakyReLU")
def _leaky_relu(graph, layer, x):
    return graph("LeakyRelu", x, alpha=float(layer.negative_slope))


@converts("ELU")
def _elu(graph, layer, x):
    return graph("Elu", x, alpha=float(layer.alpha))


@converts("PReLU")
def _prelu(graph, layer, x):
    return graph("PRelu", x, weights(layer.alpha))


@converts("Softmax", arguments=("mask",))
def _softmax(graph, layer, x):
    axes, mask = np.atleast_1d(layer.axis).tolist(), graph.call.mask
    if len(axes) > 1 or mask is not None:
        what = "over several axes" if mask is None else "of inputs with a mask"
        raise ValueError(f"to_onnx cannot convert layer {layer.name!r}, a Softmax {what}.")
    return graph("Softmax", x, axis=axes[0])


@converts("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average")
def _merge(graph, layer, *inputs):
    operators = {"Subtract": "Sub", "Multiply": "Mul", "Maximum": "Max", "Minimum": "Min"}
    rank = max(len(graph.shapes[x]) for x in inputs)
    merged, *others = (  # Keras puts new axes behind that of the rows
        graph.expanded(x, *range(1, 1 + missing)) if (missing := rank - len(graph.shapes[x])) else x
        for x in inputs
    )
    for other in others:
        merged = graph(operators.get(type(layer).__name__, "Add"), merged, other)
    return graph("Div", merged, len(inputs)) if type(layer).__name__ == "Average" else merged


@converts("Concatenate")
def _concatenate(graph, layer, *inputs):
    return graph("Concat", *inputs, axis=layer.axis)


@converts("Dot")
def _dot(graph, layer, *inputs):
    """Sum over one axis of each of two inputs, whose rows belong together."""
    given = layer.axes if isinstance(layer.axes, list | tuple) else [layer.axes] * 2
    terms, kept, letters = [], "", iter("cdefghijk")
    inputs = list(inputs)
    for i, (x, axis) in enumerate(zip(inputs, given, strict=True)):
        axis %= len(graph.shapes[x])
        if layer.normalize:
            inputs[i] = unit_length(graph, x, axis)
        others = [next(letters) for _ in graph.shapes[x][2:]]
        kept += "".join(others)
        terms.append("a" + "".join([*others[: axis - 1], "b", *others[axis - 1 :]]))
    x = graph("Einsum", *inputs, equation=f"{','.join(terms)}->a{kept}")
    return x if kept else graph.expanded(x, 1)


@converts("EinsumDense")
def _einsum_dense(graph, layer, x):
    x = graph("Einsum", x, weights(layer.kernel), equation=layer.equation.replace(" ", ""))
    if layer.bias is not None:
        x = graph("Add", x, weights(layer.bias))
    return activated(graph, layer.activation, x)
