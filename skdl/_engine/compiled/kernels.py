"""What a template computes otherwise than Keras: where that is slow, or differs by program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from skdl._engine.device import on_gpu
from skdl._networks.keras import keras
from skdl._networks.numbers import RATE_INPUT

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.python.eager import record  # isort: skip
from tensorflow.python.framework.ops import gradient_registry  # isort: skip


# The attribute in which TensorFlow names the registered gradient of an operation.
_GRADIENT = "_gradient_op_type"


def same_masks_under_xla(layer: keras.layers.Dropout, in_pairs: bool = True) -> Callable:
    """Return a `call` for a dropout layer that draws Keras's masks in every program.

    Keras leaves the choice of the random number algorithm to TensorFlow, which takes
    Philox (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011) in a graph and
    another, slow one under XLA. Philox's integers agree in both; their conversion to floats
    does not, so it is spelt out as TensorFlow's kernel does it. XLA draws integers of 64 bits, each
    a pair of those wanted, four times as fast; a graph is slower so.
    """
    keras_call = layer.call
    rate = getattr(layer, RATE_INPUT, layer.rate)

    def call(inputs, training=False):
        if not training or not layer.rate or inputs.dtype != tf.float32:
            return keras_call(inputs, training=training)
        seed = layer.seed_generator.next()
        seed = tf.cast(tf.math.floormod(tf.cast(seed, tf.int64), tf.int32.max - 1), tf.int32)
        shape = tf.shape(inputs)
        if layer.noise_shape is not None:  # along an axis of length 1 all share one mask
            shape = [shape[i] if n is None else n for i, n in enumerate(layer.noise_shape)]
        bits = (_pairs_of_bits if in_pairs else _bits)(shape, seed)
        mantissa = tf.bitwise.bitwise_and(bits, tf.constant(0x007FFFFF, tf.uint32))
        one_to_two = tf.bitwise.bitwise_or(mantissa, tf.constant(0x3F800000, tf.uint32))
        uniform = tf.bitcast(one_to_two, tf.float32) - 1.0
        kept = inputs * (1.0 / (1.0 - rate))
        return tf.where(uniform >= rate, kept, tf.zeros_like(kept))

    return call


def _bits(shape, seed):
    """Return random integers of 32 bits."""
    return tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )


def _pairs_of_bits(shape, seed):
    """Return the same integers, drawn in pairs."""
    n_bits = tf.reduce_prod(shape)
    pairs = tf.random.stateless_uniform(
        [(n_bits + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint64, alg="philox"
    )
    second = tf.bitwise.right_shift(pairs, tf.constant(32, tf.uint64))
    bits = tf.stack([tf.cast(pairs, tf.uint32), tf.cast(second, tf.uint32)], axis=1)
    return tf.reshape(tf.reshape(bits, [-1])[:n_bits], shape)


# From so many units on TensorFlow's product of entries takes a slow way, an operation for each.
_MANY_UNITS = 32


def sparse_product(layer: keras.layers.Dense) -> Callable:
    """Return a `call` for a dense layer over sparse rows, which are in order.

    Keras's own sparse product is several times slower than TensorFlow's operations. Each output,
    and each row of the kernel's gradient, is a sum in the order of the entries, in any number of
    threads.
    """
    in_rows = layer.units >= _MANY_UNITS and not on_gpu()

    def call(inputs, training=None):
        times = _times_rows(inputs) if in_rows else _times_entries(inputs)

        @tf.custom_gradient
        def product(kernel):
            return times(kernel), lambda upstream: times(upstream, transposed=True)

        return layer.activation(product(layer.kernel.value) + layer.bias.value)

    return call


def _times_entries(inputs):
    """Return a function that multiplies by sparse rows, entry by entry.

    TensorFlow's operation takes positions of 32 bits as they are stored, where a `tf.SparseTensor`
    wants 64.
    """
    positions = inputs.indices
    if positions.op.type == "Cast":
        positions = positions.op.inputs[0]

    def times(dense, transposed=False):
        return tf.raw_ops.SparseTensorDenseMatMul(
            a_indices=positions,
            a_values=inputs.values,
            a_shape=inputs.dense_shape,
            b=dense,
            adjoint_a=transposed,
        )

    return times


def _times_rows(inputs):
    """Return a function that multiplies by sparse rows, which threads divide among themselves.

    The transposed product is one of rows as well: that of the transposed matrix, which is made by
    counting and leaves the entries of a column in the order of the rows.
    """
    rows = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=inputs.indices, values=inputs.values, dense_shape=inputs.dense_shape
    )

    def times(dense, transposed=False):
        matrix = rows
        if transposed:
            matrix = tf.raw_ops.SparseMatrixTranspose(input=rows, type=inputs.values.dtype)
        return tf.raw_ops.SparseMatrixMatMul(a=matrix, b=dense)

    return times


def is_plain(layer: Any, cls: Any) -> bool:
    """Tell whether a layer computes what its class does, and in floats."""
    return type(layer) is cls and "call" not in vars(layer) and layer.quantization_mode is None


def is_plain_dense(layer: keras.Layer) -> bool:
    """Tell whether `same_products_in_any_number_of_threads` knows a layer."""
    return is_plain(layer, keras.layers.Dense) and layer.compute_dtype == "float32"


def same_products_in_any_number_of_threads(layer: keras.layers.Dense) -> Callable:
    """Return a `call` for a dense layer that XLA trains to the same bits in any number of threads.

    On a CPU XLA leaves products to Eigen, whose sums depend on the threads where there are few
    outputs beside what is summed. Rows are padded there, or summed in parts of a fixed size: wide
    layers train 1.1 to 1.3 times as long with batches of 32 rows, 1.9 times with 4, others no
    longer. Products by a kernel's transpose were the same as they are.
    """
    keras_call = layer.call

    @tf.custom_gradient
    def product(inputs, kernel):
        def gradients(upstream):
            upstream.set_shape((None, kernel.shape[1]))
            return tf.matmul(upstream, kernel, transpose_b=True), _sum_of_rows(inputs, upstream)

        return _product_of_rows(inputs, kernel), gradients

    def call(inputs, training=None):
        # Not by `training`, which is False for a backbone at rest, in a training step too.
        if _training.get() is None or len(inputs.shape) != 2:
            return keras_call(inputs, training=training)
        inputs.set_shape((None, layer.kernel.shape[0]))  # which slices in a graph do not tell
        outputs = product(inputs, tf.convert_to_tensor(layer.kernel))
        return layer.activation(outputs + layer.bias if layer.use_bias else outputs)

    return call


# With as many rows, or no more units, weights or products than these, Eigen was seen to give the
# same bits in 1 to 32 threads; sums over a small batch are so with any sizes. A slow test in
# tests/test_parallel.py tries many sizes.
_ENOUGH_ROWS, _FEW_UNITS, _FEW_PRODUCTS, SMALL_BATCH = 64, 64, 250_000, 64
_FEW_WEIGHTS, _FEW_WEIGHTS_OF_32_ROWS = 30_000, 50_000


def _product_of_rows(inputs, kernel):
    """Return inputs @ kernel, with more rows where there are few."""
    (_, units), n_weights = kernel.shape, kernel.shape.num_elements()
    if units <= _FEW_UNITS or n_weights <= _FEW_WEIGHTS:
        return tf.matmul(inputs, kernel)
    n_rows, whole = tf.shape(inputs)[0], 1 if n_weights > _FEW_WEIGHTS_OF_32_ROWS else 32
    more = tf.where(n_rows > whole, tf.maximum(_ENOUGH_ROWS - n_rows, 0), 0)
    return tf.matmul(tf.pad(inputs, [[0, more], [0, 0]]), kernel)[:n_rows]


def _sum_of_rows(inputs, upstream):
    """Return inputs.T @ upstream, in parts where the number of rows is known to be large."""
    sizes = inputs.shape[1], upstream.shape[1]
    n_rows, most = upstream.shape[0] or 0, SMALL_BATCH if min(sizes) < 16 else 2 * SMALL_BATCH
    if n_rows <= most or n_rows * sizes[0] * sizes[1] < _FEW_PRODUCTS:
        return tf.matmul(inputs, upstream, transpose_a=True)
    n_parts = -(-n_rows // most)
    part = -(-n_rows // n_parts)
    padding = [[0, n_parts * part - n_rows], [0, 0]]
    inputs, upstream = (tf.pad(rows, padding) for rows in (inputs, upstream))

    def add(i, total):
        rows = (tf.slice(each, [i * part, 0], [part, -1]) for each in (inputs, upstream))
        return i + 1, total + tf.matmul(*rows, transpose_a=True)

    start = tf.constant(0), tf.zeros(sizes, upstream.dtype)
    return tf.while_loop(lambda i, _: i < n_parts, add, start, parallel_iterations=1)[1]


def is_plain_convolution(layer: keras.Layer) -> bool:
    """Tell whether `same_gradient_in_any_number_of_threads` knows a layer."""
    known = is_plain(layer, keras.layers.Conv2D) and layer.compute_dtype == "float32"
    return known and layer.groups == 1 and layer.data_format == "channels_last"


# The graph in which a training step is traced, for what looks at its tape.
_training: ContextVar[tf.Graph | None] = ContextVar("graph of a training step", default=None)


@contextmanager
def tracing_training_step() -> Iterator[None]:
    """Let layers that are traced within know that the tape of the step is at hand."""
    token = _training.set(tf.compat.v1.get_default_graph())
    try:
        yield
    finally:
        _training.reset(token)


def _needs_no_gradient(inputs: tf.Tensor) -> bool:
    """Tell whether nothing that is trained comes before a layer's inputs, as far as it is known.

    The tape of the step knows; in a graph within the step's, such as that of a loop, it is not
    at hand.
    """
    if _training.get() is not tf.compat.v1.get_default_graph():
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
        return tf.reshape(products[:, : layer.filters], layer.kernel.shape)
    upstream = tf.reshape(upstream, (-1, upstream.shape[-1]))
    seen = [cut(top, left) for top in rows for left in columns]
    if inputs.shape[-1] == 1:  # else products of a single row, which are summed by threads too
        if len(seen) == 1:
            seen.append(tf.zeros_like(seen[0]))
        products = tf.matmul(tf.stack([tf.reshape(part, [-1]) for part in seen]), upstream)
        products = products[: len(rows) * len(columns)]
    else:
        columns = [tf.reshape(part, (-1, inputs.shape[-1])) for part in seen]
        products = tf.concat([tf.matmul(c, upstream, transpose_a=True) for c in columns], axis=0)
    return tf.reshape(products[:, : layer.filters], layer.kernel.shape)


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


def forgetting_gradients(step: Callable) -> Callable:
    """Return a step of a program without the memory that TensorFlow would keep of it for ever.

    Each use of `tf.custom_gradient` in a graph, here as in Keras's optimizers, is registered for
    gradients through the whole graph, which so is never freed (tensorflow/tensorflow issue 97697).
    The tape of a training step is done with it at the end of the step.
    """

    def forgetting(*inputs):
        outputs = step(*inputs)
        for operation in tf.compat.v1.get_default_graph().get_operations():
            if operation.type == "IdentityN" and _GRADIENT in operation.node_def.attr:
                name = operation.get_attr(_GRADIENT).decode()
                gradient_registry._registry.pop(name, None)
        return outputs

    return forgetting
