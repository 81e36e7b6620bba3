"""What a template computes otherwise than Keras: where that is slow, or differs by program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl._engine.compiled.training_step import graph_of_step
from skdl._engine.device import on_gpu
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


DROPOUTS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)


def same_masks_under_xla(layer: keras.layers.Dropout, in_pairs: bool = True) -> Callable:
    """Return a `call` for a dropout layer that draws Keras's masks in every program.

    Keras leaves the choice of the random number algorithm to TensorFlow, which takes
    Philox (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011) in a graph and
    another, slow one under XLA. Philox's integers agree in both; their conversion to floats
    does not, so it is spelt out as TensorFlow's kernel does it. XLA draws integers of 64 bits, each
    a pair of those wanted, four times as fast; a graph is slower so.
    """
    keras_call = layer.call
    rate = getattr(layer, "rate_input", layer.rate)  # a number, or an input of the program

    def call(inputs, training=False):
        if not training or not layer.rate or inputs.dtype != tf.float32:
            return keras_call(inputs, training=training)
        seed = layer.seed_generator.next()
        seed = tf.cast(tf.math.floormod(tf.cast(seed, tf.int64), tf.int32.max - 1), tf.int32)
        shape = tf.shape(inputs)
        if hasattr(layer, "_get_noise_shape"):  # a SpatialDropout
            shape = layer._get_noise_shape(inputs)
        elif layer.noise_shape is not None:  # along an axis of length 1 all share one mask
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
        if graph_of_step() is None or len(inputs.shape) != 2:
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
