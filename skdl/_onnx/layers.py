"""Keras models as ONNX nodes: the walk over their layers, and each layer.

Values keep Keras's layout. Images stay (batch, height, width, channels), and only the operators
that want channels first stand between two transpositions, most of which ONNX Runtime removes. A
layer is converted by the function (graph, layer, *inputs) that LAYERS holds under its class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skdl._networks.keras import keras
from skdl._onnx.activations import activate, relu
from skdl._onnx.graph import Graph

LAYERS: dict[str, Callable[..., str]] = {}


def add_model(graph: Graph, model: keras.Model, *inputs: str) -> str:
    """Add all layers of a sequential or functional model and return its output."""
    names = dict(zip(map(id, model.inputs), inputs, strict=True))
    for name, tensor in zip(inputs, model.inputs, strict=True):
        graph.shapes.setdefault(name, tensor.shape)  # an outer model may know more of it
    (output,) = model.outputs
    pending = [output]
    while id(output) not in names:  # deep networks would end recursion
        history = pending[-1]._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        missing = [tensor for tensor in node.input_tensors if id(tensor) not in names]
        if missing:
            pending += missing
            continue
        pending.pop()
        if id(node.outputs[0]) not in names:
            sources = [names[id(tensor)] for tensor in node.input_tensors]
            name = _add_layer(graph, history.operation, *sources)
            names[id(node.outputs[0])] = name
            graph.shapes[name] = node.outputs[0].shape
    return names[id(output)]


def _add_layer(graph, layer, *inputs):
    cls, outer = type(layer), graph.layer
    name = cls.__name__ if isinstance(layer, keras.Layer) else f"ops.{cls.__name__}"
    is_model = isinstance(layer, keras.Sequential) or name == "Functional"
    convert = add_model if is_model else LAYERS.get(name)
    # A class of the same name from elsewhere may compute anything.
    if convert is None or cls.__module__.split(".")[0] != "keras":
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r}, of class {cls.__name__}. It converts "
            f"{', '.join(sorted(LAYERS))} of Keras, and models of them."
        )
    graph.layer = layer
    output = convert(graph, layer, *inputs)
    graph.layer = outer
    return output


def _layer(*names):
    def register(function):
        LAYERS.update(dict.fromkeys(names, function))
        return function

    return register


def _activated(graph, layer, x):
    if isinstance(layer.activation, keras.Layer):
        return _add_layer(graph, layer.activation, x)
    return activate(graph, layer.activation, x)


def _weights(variable):
    return keras.ops.convert_to_numpy(variable)


@_layer("Dense")
def _dense(graph, layer, x):
    x = graph("MatMul", x, _weights(layer.kernel))
    if layer.use_bias:
        x = graph("Add", x, _weights(layer.bias))
    return _activated(graph, layer, x)


@_layer("Conv2D")
def _conv(graph, layer, x):
    kernel = _weights(layer.kernel).transpose(3, 2, 0, 1)  # filters, channels, height, width
    return _convolve(graph, layer, x, kernel, layer.groups)


@_layer("DepthwiseConv2D")
def _depthwise_conv(graph, layer, x):
    kernel = _weights(layer.kernel)
    return _convolve(graph, layer, x, _by_channel(kernel), kernel.shape[2])


@_layer("SeparableConv2D")
def _separable_conv(graph, layer, x):
    kernel, mixing = _weights(layer.depthwise_kernel), _weights(layer.pointwise_kernel)
    if layer.data_format != "channels_last":
        raise ValueError(f"to_onnx cannot convert layer {layer.name!r} with channels first.")
    sizes = {**_steps(layer), "group": kernel.shape[2]}
    x = graph("MatMul", _slide(graph, layer, "Conv", x, _by_channel(kernel), **sizes), mixing[0, 0])
    if layer.use_bias:
        x = graph("Add", x, _weights(layer.bias))
    return _activated(graph, layer, x)


def _convolve(graph, layer, x, kernel, groups):
    inputs = [kernel, _weights(layer.bias)] if layer.use_bias else [kernel]
    x = _slide(graph, layer, "Conv", x, *inputs, group=groups, **_steps(layer))
    return _activated(graph, layer, x)


def _by_channel(kernel):
    """Return a depthwise kernel as ONNX has it: filters, 1, height, width."""
    return kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])


def _steps(layer):
    return {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.strides),
        "dilations": list(layer.dilation_rate),
    }


@_layer("MaxPooling2D", "AveragePooling2D")
def _pool(graph, layer, x):
    operator = "MaxPool" if type(layer).__name__ == "MaxPooling2D" else "AveragePool"
    sizes = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
    return _slide(graph, layer, operator, x, **sizes)


def _slide(graph, layer, operator, x, *inputs, **attributes):
    """Add an operator that slides over images, with Keras's padding."""
    channels_last = layer.data_format == "channels_last"
    if layer.padding == "same":
        shape = graph.shapes[x]
        size = shape[1:3] if channels_last else shape[2:4]
        attributes["pads"] = _same_padding(layer, size, **attributes)
    if channels_last:
        x = graph("Transpose", x, perm=[0, 3, 1, 2])
    x = graph(operator, x, *inputs, **attributes)
    return graph("Transpose", x, perm=[0, 2, 3, 1]) if channels_last else x


def _same_padding(layer, size, kernel_shape, strides, dilations=(1, 1), group=1):
    """Return the rows and columns that TensorFlow pads: first all begins, then all ends."""
    begins, ends = [], []
    for length, kernel, step, gap in zip(size, kernel_shape, strides, dilations, strict=True):
        if length is None and step > 1:
            raise ValueError(
                f"to_onnx cannot convert layer {layer.name!r}: padding 'same' with strides "
                f"{tuple(strides)} needs images of a fixed size, but the network takes any."
            )
        reach, last = (kernel - 1) * gap + 1, ((length or 1) - 1) // step * step
        total = max(last + reach - (length or 1), 0)
        begins.append(total // 2)
        ends.append(total - total // 2)
    return begins + ends


@_layer("GlobalAveragePooling2D", "GlobalMaxPooling2D")
def _global_pool(graph, layer, x):
    is_max = type(layer).__name__ == "GlobalMaxPooling2D"
    channels_last = layer.data_format == "channels_last"
    if channels_last:
        x = graph("Transpose", x, perm=[0, 3, 1, 2])
    x = graph("GlobalMaxPool" if is_max else "GlobalAveragePool", x)
    if not layer.keepdims:
        return graph("Flatten", x, axis=1)
    return graph("Transpose", x, perm=[0, 2, 3, 1]) if channels_last else x


@_layer("ZeroPadding2D")
def _zero_padding(graph, layer, x):
    (top, bottom), (left, right) = layer.padding
    if layer.data_format == "channels_last":
        pads = [0, top, left, 0, 0, bottom, right, 0]
    else:
        pads = [0, 0, top, left, 0, 0, bottom, right]
    return graph("Pad", x, np.array(pads, np.int64), 0.0)


@_layer("Flatten")
def _flatten(graph, layer, x):
    rank = len(graph.shapes[x])
    if layer.data_format == "channels_first" and rank > 2:
        x = graph("Transpose", x, perm=[0, *range(2, rank), 1])
    return graph("Flatten", x, axis=1)


@_layer("Reshape")
def _reshape(graph, layer, x):
    return graph("Reshape", x, np.array([0, *layer.target_shape], np.int64))


@_layer("BatchNormalization")
def _batch_normalization(graph, layer, x):
    scale = (_weights(layer.moving_variance).astype(np.float64) + layer.epsilon) ** -0.5
    if layer.scale:
        scale = scale * _weights(layer.gamma)
    offset = -_weights(layer.moving_mean) * scale
    if layer.center:
        offset = offset + _weights(layer.beta)
    shape = [1] * len(graph.shapes[x])
    shape[layer.axis] = -1
    return graph("Add", graph("Mul", x, scale.reshape(shape)), offset.reshape(shape))


@_layer("Rescaling")
def _rescaling(graph, layer, x):
    return graph("Add", graph("Mul", x, layer.scale), layer.offset)


@_layer("Normalization")
def _normalization(graph, layer, x):
    if layer.invert:
        raise ValueError(f"to_onnx cannot convert layer {layer.name!r} with invert=True.")
    spread = np.sqrt(keras.ops.convert_to_numpy(layer.variance))
    spread = np.maximum(spread, keras.config.epsilon())
    return graph("Div", graph("Sub", x, keras.ops.convert_to_numpy(layer.mean)), spread)


@_layer("Resizing")
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


@_layer("ops.Flip")
def _flip(graph, operation, x):
    axes = range(len(graph.shapes[x])) if operation.axis is None else operation.axis
    axes = np.atleast_1d(np.array(axes, np.int64))
    backwards, end = np.full_like(axes, -1), np.full_like(axes, np.iinfo(np.int64).min)
    return graph("Slice", x, backwards, end, axes, backwards)


@_layer(
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
    *("Identity", "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation"),
    *("RandomShear", "RandomTranslation", "RandomZoom", "SpatialDropout2D"),
)
def _only_in_training(graph, layer, x):
    return x


@_layer("Activation")
def _activation(graph, layer, x):
    return _activated(graph, layer, x)


@_layer("ReLU")
def _relu(graph, layer, x):
    return relu(graph, x, float(layer.negative_slope), layer.max_value, float(layer.threshold))


@_layer("LeakyReLU")
def _leaky_relu(graph, layer, x):
    return graph("LeakyRelu", x, alpha=float(layer.negative_slope))


@_layer("ELU")
def _elu(graph, layer, x):
    return graph("Elu", x, alpha=float(layer.alpha))


@_layer("PReLU")
def _prelu(graph, layer, x):
    return graph("PRelu", x, _weights(layer.alpha))


@_layer("Softmax")
def _softmax(graph, layer, x):
    return graph("Softmax", x, axis=layer.axis)


@_layer("Add", "Multiply", "Maximum", "Minimum")
def _merge(graph, layer, *inputs):
    operators = {"Add": "Add", "Multiply": "Mul", "Maximum": "Max", "Minimum": "Min"}
    merged, *others = inputs
    for other in others:
        merged = graph(operators[type(layer).__name__], merged, other)
    return merged


@_layer("Concatenate")
def _concatenate(graph, layer, *inputs):
    return graph("Concat", *inputs, axis=layer.axis)
