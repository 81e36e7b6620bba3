"""Convolutions and pooling in one, two and three dimensions, and what pads, cuts and enlarges.

Sequences, images and volumes keep Keras's layout. Only the operators that want channels first
stand between two transpositions, most of which ONNX Runtime removes.
"""

from __future__ import annotations

import numpy as np

from skdl._onnx.network import activated, converts, weights


@converts("Conv1D", "Conv2D", "Conv3D")
def _conv(graph, layer, x):
    kernel = weights(layer.kernel)  # ONNX: filters, channels, sizes
    return _convolve(graph, layer, x, np.moveaxis(kernel, (-1, -2), (0, 1)), layer.groups)


@converts("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise_conv(graph, layer, x):
    kernel = weights(layer.kernel)
    return _convolve(graph, layer, x, _by_channel(kernel), kernel.shape[-2])


@converts("SeparableConv1D", "SeparableConv2D")
def _separable_conv(graph, layer, x):
    kernel, mixing = weights(layer.depthwise_kernel), weights(layer.pointwise_kernel)
    if layer.data_format != "channels_last":
        raise ValueError(f"to_onnx cannot convert layer {layer.name!r} with channels first.")
    sizes = {**_steps(layer), "group": kernel.shape[-2]}
    x = _slide(graph, layer, "Conv", x, _by_channel(kernel), **sizes)
    x = graph("MatMul", x, mixing.reshape(mixing.shape[-2:]))
    if layer.use_bias:
        x = graph("Add", x, weights(layer.bias))
    return activated(graph, layer.activation, x)


def _convolve(graph, layer, x, kernel, groups):
    inputs = [kernel, weights(layer.bias)] if layer.use_bias else [kernel]
    x = _slide(graph, layer, "Conv", x, *inputs, group=groups, **_steps(layer))
    return activated(graph, layer.activation, x)


def _by_channel(kernel):
    """Return a depthwise kernel as ONNX has it: filters, 1, sizes."""
    first = np.moveaxis(kernel, (-2, -1), (0, 1))
    return first.reshape(-1, 1, *kernel.shape[:-2])


def _steps(layer):
    return {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.strides),
        "dilations": list(layer.dilation_rate),
    }


@converts("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _transposed_conv(graph, layer, x):
    """Convert the gradient of a convolution, of whose results Keras cuts the padding."""
    n = len(layer.kernel_size)
    steps = _steps(layer)
    before, after, added = [], [], []
    given = layer.output_padding
    given = (None,) * n if given is None else tuple(np.broadcast_to(given, n).tolist())
    for size, step, gap, more in zip(*steps.values(), given, strict=True):
        reach = (size - 1) * gap + 1
        if layer.padding == "same":
            wanted = step - reach if more is None else more - reach // 2 * 2
            cut = max(-wanted, 0)
        else:
            wanted, cut = max(step - reach, 0) if more is None else more, 0
        before.append(cut // 2)
        after.append(cut - cut // 2)
        added.append(max(wanted, 0))
    kernel = np.moveaxis(weights(layer.kernel), (-1, -2), (0, 1))  # channels, filters, sizes
    inputs = [kernel, weights(layer.bias)] if layer.use_bias else [kernel]
    x = _with_channels_first(
        graph, layer, "ConvTranspose", x, *inputs,
        pads=before + after, output_padding=added, **steps,
    )  # fmt: skip
    return activated(graph, layer.activation, x)


@converts(*(f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)))
def _pool(graph, layer, x):
    operator = "MaxPool" if type(layer).__name__.startswith("Max") else "AveragePool"
    sizes = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
    return _slide(graph, layer, operator, x, **sizes)


def _slide(graph, layer, operator, x, *inputs, **attributes):
    """Add an operator that slides over sequences or images, with Keras's padding."""
    if layer.padding == "same":
        shape = graph.shapes[x]
        size = shape[1:-1] if layer.data_format == "channels_last" else shape[2:]
        attributes["pads"] = _same_padding(layer, size, **attributes)
    elif layer.padding == "causal":
        (size,), (gap,) = attributes["kernel_shape"], attributes["dilations"]
        attributes["pads"] = [(size - 1) * gap, 0]
    return _with_channels_first(graph, layer, operator, x, *inputs, **attributes)


def _with_channels_first(graph, layer, operator, x, *inputs, **attributes):
    rank = len(graph.shapes[x])
    if layer.data_format != "channels_last":
        return graph(operator, x, *inputs, **attributes)
    x = graph("Transpose", x, perm=[0, rank - 1, *range(1, rank - 1)])
    x = graph(operator, x, *inputs, **attributes)
    return graph("Transpose", x, perm=[0, *range(2, rank), 1])


def _same_padding(layer, size, kernel_shape, strides, dilations=None, group=1):
    """Return the steps that TensorFlow pads along each axis: first all begins, then all ends."""
    begins, ends = [], []
    dilations = dilations or [1] * len(strides)
    for length, kernel, step, gap in zip(size, kernel_shape, strides, dilations, strict=True):
        if length is None and step > 1:
            raise ValueError(
                f"to_onnx cannot convert layer {layer.name!r}: padding 'same' with strides "
                f"{tuple(strides)} needs inputs of a fixed size, but the network takes any."
            )
        reach, last = (kernel - 1) * gap + 1, ((length or 1) - 1) // step * step
        total = max(last + reach - (length or 1), 0)
        begins.append(total // 2)
        ends.append(total - total // 2)
    return begins + ends


@converts(
    *(f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
    arguments=("mask",),
)
def _global_pool(graph, layer, x):
    mask = graph.call.mask
    if mask is not None:  # of GlobalAveragePooling1D alone
        return _masked_mean(graph, layer, x, mask)
    rank = len(graph.shapes[x])
    channels_last = layer.data_format == "channels_last"
    if channels_last:
        x = graph("Transpose", x, perm=[0, rank - 1, *range(1, rank - 1)])
    is_max = type(layer).__name__.startswith("GlobalMax")
    x = graph("GlobalMaxPool" if is_max else "GlobalAveragePool", x)
    if not layer.keepdims:
        return graph("Flatten", x, axis=1)
    return graph("Transpose", x, perm=[0, *range(2, rank), 1]) if channels_last else x


def _masked_mean(graph, layer, x, mask):
    steps = 1 if layer.data_format == "channels_last" else 2
    kept = graph.expanded(graph.cast(mask, np.bool_), 3 - steps)
    x = graph("Where", kept, x, 0.0)
    sums = graph.reduced("ReduceSum", x, steps, layer.keepdims)
    counts = graph.reduced("ReduceSum", graph.cast(kept, graph.dtype), steps, layer.keepdims)
    return graph("Div", sums, counts)


def _ends(layer, given):
    """Return what a layer adds or cuts at the begin and end of each axis, of all axes."""
    pairs = [(pair, pair) if isinstance(pair, int) else tuple(pair) for pair in given]
    if len(pairs) == 2 and type(layer).__name__.endswith("1D"):
        pairs = [tuple(given)]
    none = [(0, 0)]
    channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    pairs = none + pairs + none if channels_last else none * 2 + pairs
    return np.array(pairs, np.int64)


@converts("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _zero_padding(graph, layer, x):
    return graph("Pad", x, _ends(layer, layer.padding).T.ravel(), 0.0)


@converts("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(graph, layer, x):
    begins, ends = _ends(layer, layer.cropping).T
    ends = np.where(ends > 0, -ends, np.iinfo(np.int64).max)
    return graph("Slice", x, begins, ends, np.arange(len(begins)))


@converts("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _up_sampling(graph, layer, x):
    if getattr(layer, "interpolation", "nearest") != "nearest":
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r} with interpolation="
            f"{layer.interpolation!r}, only with 'nearest'."
        )
    sizes = np.atleast_1d(layer.size).tolist()
    channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    scales = np.array([1, *sizes, 1] if channels_last else [1, 1, *sizes], np.float32)
    no_part = graph.constant(np.zeros(0), np.float32)
    return graph(
        *("Resize", x, no_part, graph.constant(scales, np.float32)),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
