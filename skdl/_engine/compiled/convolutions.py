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


# So many bytes of inputs and gradients, what a core's own cache has, are multiplied at a time.
_PIECE_BYTES = 2**20
# Where so many images are that small, the loop would take longer than it saves.
_MANY_IMAGES = 4


def _kernel_gradient(layer, inputs, upstream):
    """Return the gradient of a convolution's kernel, a few images at a time where they are large.

    What is cut out of a few images for the products is still in the cache when it is multiplied.
    """
    n_floats = sum(each.shape[1:].num_elements() for each in (inputs, upstream))
    n_images = _PIECE_BYTES // (4 * n_floats)
    if n_images > _MANY_IMAGES:
        return _gradient_of_images(layer, inputs, upstream)
    n_images, batch = max(n_images, 1), tf.shape(inputs)[0]

    def add(start, total):
        stop = start + n_images
        piece = _gradient_of_images(layer, inputs[start:stop], upstream[start:stop])
        return stop, total + piece

    start = tf.constant(0), tf.zeros(layer.kernel.shape, upstream.dtype)
    return tf.while_loop(lambda i, _: i < batch, add, start, parallel_iterations=1)[1]


def _gradient_of_images(layer, inputs, upstream):
    """Return the gradient of a convolution's kernel, by the positions of the kernel."""
    sizes, n_channels = upstream.shape[1:3], inputs.shape[-1]
    if layer.kernel_size == (1, 1) and max(layer.strides) > 1:
        # A mean of one pixel each: a slice with strides takes seven times as long.
        inputs = tf.nn.avg_pool2d(inputs, 1, layer.strides, "VALID")
    else:
        inputs = _reached(layer, inputs, sizes)
    rows, columns = (
        [offset * rate for offset in range(width)]
        for width, rate in zip(layer.kernel_size, layer.dilation_rate, strict=True)
    )
    large = n_channels >= _MANY_CHANNELS and sizes.num_elements() >= _MANY_PIXELS
    if layer.filters == 1:  # products of a single column are summed by threads
        upstream = tf.pad(upstream, [[0, 0], [0, 0], [0, 0], [0, 1]])
    if layer.kernel_size == (1, 1):
        products = _products_of_parts([inputs], upstream)
    elif max(layer.strides) > 1:
        products = _products_of_parts(_strided_parts(layer, inputs, sizes), upstream)
    else:
        height = inputs.shape[1]

        def cut(top, left, height=sizes[0]):
            return inputs[:, top : top + height, left : left + sizes[1]]

        if large and len(rows) > 1:
            wide = tf.concat([cut(0, left, height) for left in columns], axis=-1)
            products = _products_of_rows(wide, upstream, rows)
        else:
            parts = [cut(*at) for at in itertools.product(rows, columns)]
            products = _products_of_parts(parts, upstream)
    return tf.reshape(products[:, : layer.filters], layer.kernel.shape)


# From so many channels and pixels of an output on, a product for each row of the kernel is faster
# than one for each position.
_MANY_CHANNELS, _MANY_PIXELS = 32, 400


def _reached(layer, inputs, sizes):
    """Return inputs with a border of zeros, or without the last pixels, as the kernel sees them."""
    reach = [
        (width - 1) * rate + (size - 1) * stride + 1
        for width, rate, stride, size in zip(
            layer.kernel_size, layer.dilation_rate, layer.strides, sizes, strict=True
        )
    ]
    excess = [max(r - size, 0) for r, size in zip(reach, inputs.shape[1:3], strict=True)]
    inputs = tf.pad(inputs, [[0, 0], *[[e // 2, e - e // 2] for e in excess], [0, 0]])
    return inputs[:, : reach[0], : reach[1]]


def _products_of_parts(seen, upstream):
    """Return the products of what parts of a kernel see, one below the other."""
    upstream = tf.reshape(upstream, (-1, upstream.shape[-1]))
    pixels = [tf.reshape(part, (-1, part.shape[-1])) for part in seen]
    if min(part.shape[-1] for part in seen) > 1:
        return tf.concat([tf.matmul(p, upstream, transpose_a=True) for p in pixels], axis=0)
    # One product of all parts: those of a single row are summed by threads.
    flat = [channel for part in pixels for channel in tf.unstack(part, axis=1)]
    if len(flat) == 1:
        flat.append(tf.zeros_like(flat[0]))
    return tf.matmul(tf.stack(flat), upstream)[: sum(part.shape[-1] for part in seen)]


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


def _strided_parts(layer, inputs, sizes):
    """Return what the kernel sees, in parts of one row and as many columns as the strides have.

    TensorFlow takes one pixel at a time for a slice with strides. So pixels are first grouped as
    far as the strides go, the columns of a group becoming channels, and whole groups are taken.
    """
    (height, width), n_channels = sizes, inputs.shape[-1]
    n_rows, n_columns = layer.kernel_size
    down, right = layer.strides
    n_groups = [
        size - 1 + -(-width // step)
        for size, width, step in zip(sizes, layer.kernel_size, layer.strides, strict=True)
    ]
    missing = [
        n * step - size
        for n, step, size in zip(n_groups, layer.strides, inputs.shape[1:3], strict=True)
    ]
    inputs = tf.pad(inputs, [[0, 0], *[[0, n] for n in missing], [0, 0]])
    groups = tf.reshape(inputs, (-1, n_groups[0], down, n_groups[1], right * n_channels))
    return [
        groups[
            :, row // down : row // down + height, row % down,
            column // right : column // right + width, : (n_columns - column) * n_channels,
        ]
        for row in range(n_rows)
        for column in range(0, n_columns, right)
    ]  # fmt: skip
