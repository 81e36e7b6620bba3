"""Convolutions whose kernels are trained to the same bits in any number of threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from skdl._engine.compiled.kernels import is_plain
from skdl._engine.compiled.training_step import graph_of_step
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.python.eager import record  # isort: skip


def is_plain_convolution(layer: keras.Layer) -> bool:
    """Tell whether `same_gradient_in_any_number_of_threads` knows a layer."""
    known = is_plain(layer, keras.layers.Conv2D) and layer.compute_dtype == "float32"
    return known and layer.groups == 1 and layer.data_format == "channels_last"


def _needs_no_gradient(inputs: tf.Tensor) -> bool:
    """Tell whether nothing that is trained comes before a layer's inputs, as far as it is known.

    The tape of the step knows; in a graph within the step's, such as that of a loop, it is not
    at hand.
    """
    if graph_of_step() is not tf.compat.v1.get_default_graph():
        return False
    return not record.should_record_backprop([inputs])


def same_gradient_in_any_number_of_threads(layer: keras.layers.Conv2D) -> Callable:
    """Return a `call` for a convolution that trains the same bits in any number of threads.

    On a CPU TensorFlow sums the gradients of kernel and bias in as many parts as there are
    threads, so that a worker process with its share of the cores would end with other weights.
    Here the gradient is one matrix product for each position or row of the kernel, which is about
    as fast. It is computed after the gradient of the inputs, for which the layers below wait; where
    none of them learns, that is left out.
    """

    def affine(is_first, inputs, kernel, *bias):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer.convolution_op(inputs, kernel)

        def gradients(upstream):
            to_inputs = None if is_first else tape.gradient(outputs, inputs, upstream)
            with tf.control_dependencies([upstream if is_first else to_inputs]):
                later, upstream = tf.identity(inputs), tf.identity(upstream)
            to_bias = [_sum_of_pixels(upstream) for _ in bias]
            return to_inputs, _kernel_gradient(layer, later, upstream), *to_bias

        # One operation, which TensorFlow can fuse with the convolution.
        return tf.nn.bias_add(outputs, *bias) if bias else outputs, gradients

    keras_call = layer.call

    def call(inputs):
        if None in inputs.shape[1:]:  # slices in a graph do not tell their size
            return keras_call(inputs)
        weights = [layer.kernel, layer.bias] if layer.use_bias else [layer.kernel]
        is_first = _needs_no_gradient(inputs)

        @tf.custom_gradient
        def product(*tensors):
            return affine(is_first, *tensors)

        return layer.activation(product(inputs, *map(tf.convert_to_tensor, weights)))

    return call


def _sum_of_pixels(maps):
    """Return the sum over images, rows and columns, one after another.

    A single sum over all of them takes two to three times as long where the maps are large.
    """
    return tf.reduce_sum(tf.reduce_sum(tf.reduce_sum(maps, 1), 1), 0)


def _kernel_gradient(layer, inputs, upstream):
    """Return the gradient of a convolution's kernel, by the positions of the kernel."""
    sizes = upstream.shape[1:3]
    reach = [
        (width - 1) * rate + (size - 1) * stride + 1
        for width, rate, stride, size in zip(
            layer.kernel_size, layer.dilation_rate, layer.strides, sizes, strict=True
        )
    ]
    excess = [max(r - size, 0) for r, size in zip(reach, inputs.shape[1:3], strict=True)]
    inputs = tf.pad(inputs, [[0, 0], *[[e // 2, e - e // 2] for e in excess], [0, 0]])
    cut = _cutter(inputs[:, : reach[0], : reach[1]], sizes, layer.strides)
    rows, columns = (
        [offset * rate for offset in range(width)]
        for width, rate in zip(layer.kernel_size, layer.dilation_rate, strict=True)
    )
    large = inputs.shape[-1] >= _MANY_CHANNELS and sizes.num_elements() >= _MANY_PIXELS
    if layer.filters == 1:  # products of a single column are summed by threads
        upstream = tf.pad(upstream, [[0, 0], [0, 0], [0, 0], [0, 1]])
    if large and len(rows) > 1 and max(layer.strides) == 1:
        wide = tf.concat([cut(0, left, reach[0]) for left in columns], axis=-1)
        products = _products_of_rows(wide, upstream, rows)
    else:
        products = _products_of_positions(
            [cut(*at) for at in itertools.product(rows, columns)], upstream
        )
    return tf.reshape(products[:, : layer.filters], layer.kernel.shape)


def _products_of_positions(seen, upstream):
    """Return the products of what each position of a kernel sees, one below the other."""
    upstream, n_channels = tf.reshape(upstream, (-1, upstream.shape[-1])), seen[0].shape[-1]
    if n_channels > 1:
        pixels = [tf.reshape(part, (-1, n_channels)) for part in seen]
        return tf.concat([tf.matmul(p, upstream, transpose_a=True) for p in pixels], axis=0)
    # One product of all positions: those of a single row are summed by threads.
    flat = [tf.reshape(part, [-1]) for part in seen]
    if len(flat) == 1:
        flat.append(tf.zeros_like(flat[0]))
    return tf.matmul(tf.stack(flat), upstream)[: len(seen)]


# From so many channels and pixels of an output on, a product for each row of the kernel is faster
# than one for each position.
_MANY_CHANNELS, _MANY_PIXELS = 32, 400


def _products_of_rows(wide, upstream, rows):
    """Return the products of the rows of a kernel, one below the other.

    A pixel of `wide` has what all columns of the kernel see in its row. As flat arrays, what a
    later row of the kernel sees begins later, which needs no copy; upstream is zero where that
    would reach into the next image.
    """
    (height, width), n_columns = wide.shape[1:3], wide.shape[-1]
    upstream = tf.pad(upstream, [[0, 0], [0, height - upstream.shape[1]], [0, 0], [0, 0]])
    upstream = tf.reshape(upstream, (-1, upstream.shape[-1]))
    wide, n_pixels = tf.reshape(wide, (-1, n_columns)), tf.shape(upstream)[0]
    starts = [top * width for top in rows]
    products = [
        tf.matmul(wide[start:], upstream[: n_pixels - start], transpose_a=True) for start in starts
    ]
    return tf.concat(products, axis=0)


def _cutter(maps, sizes, strides):
    """Return a function of the place of the first pixel: the pixels `strides` apart from there on.

    TensorFlow takes one pixel at a time for a slice with strides. So maps are first divided, once
    for all slices, into those of every second row and column (or third, as the strides are).
    """
    if max(strides) == 1:

        def cut_plain(top, left, height=sizes[0]):
            return maps[:, top : top + height, left : left + sizes[1]]

        return cut_plain
    n_places = [-(-size // step) for size, step in zip(maps.shape[1:3], strides, strict=True)]
    missing = [
        n * step - size for n, step, size in zip(n_places, strides, maps.shape[1:3], strict=True)
    ]
    maps = tf.pad(maps, [[0, 0], *[[0, n] for n in missing], [0, 0]])
    shape = -1, n_places[0], strides[0], n_places[1], strides[1], maps.shape[-1]
    parts = tf.transpose(tf.reshape(maps, shape), (2, 4, 0, 1, 3, 5))

    def cut(top, left):
        part = parts[top % strides[0], left % strides[1]]
        top, left = top // strides[0], left // strides[1]
        return part[:, top : top + sizes[0], left : left + sizes[1]]

    return cut
