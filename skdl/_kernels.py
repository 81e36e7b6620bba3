"""What a template computes otherwise than Keras: where that is slow, or differs by program."""

from __future__ import annotations

from collections.abc import Callable

from skdl._keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


def same_masks_under_xla(layer: keras.layers.Dropout) -> Callable:
    """Return a `call` for a dropout layer that draws Keras's masks in every program.

    Keras leaves the choice of the random number algorithm to TensorFlow, which takes
    Philox (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011) in a graph and
    another, slow one under XLA. Philox's integers agree in both; their conversion to floats
    does not, so it is spelt out as TensorFlow's kernel does it.
    """
    keras_call = layer.call

    def call(inputs, training=False):
        if not training or not layer.rate or inputs.dtype != tf.float32:
            return keras_call(inputs, training=training)
        seed = layer.seed_generator.next()
        seed = tf.cast(tf.math.floormod(tf.cast(seed, tf.int64), tf.int32.max - 1), tf.int32)
        bits = tf.random.stateless_uniform(
            tf.shape(inputs), seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
        )
        mantissa = tf.bitwise.bitwise_and(bits, tf.constant(0x007FFFFF, tf.uint32))
        one_to_two = tf.bitwise.bitwise_or(mantissa, tf.constant(0x3F800000, tf.uint32))
        uniform = tf.bitcast(one_to_two, tf.float32) - 1.0
        kept = inputs * (1.0 / (1.0 - layer.rate))
        return tf.where(uniform >= layer.rate, kept, tf.zeros_like(kept))

    return call


def sparse_product(layer: keras.layers.Dense) -> Callable:
    """Return a `call` for a dense layer over sparse rows.

    Keras's own sparse product is several times slower than TensorFlow's operation.
    """

    def call(inputs, training=None):
        outputs = tf.sparse.sparse_dense_matmul(inputs, layer.kernel.value)
        return layer.activation(outputs + layer.bias.value)

    return call


def fuse_adam(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimizer of the Adam family update each variable by TensorFlow's one operation.

    It computes what Keras writes out in a dozen operations (Kingma and Ba, Adam: a method for
    stochastic optimization, 2015), each of which would pass over the whole variable.
    """
    if type(optimizer) not in (keras.optimizers.Adam, keras.optimizers.AdamW) or optimizer.amsgrad:
        return
    keras_step = optimizer.update_step

    def update_step(gradient, variable, learning_rate):
        dtype = variable.dtype
        if dtype not in (tf.float32, tf.float64):
            keras_step(gradient, variable, learning_rate)
            return
        index = optimizer._get_variable_index(variable)
        beta_1, beta_2 = (tf.cast(b, dtype) for b in (optimizer.beta_1, optimizer.beta_2))
        step = tf.cast(optimizer.iterations.value + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=optimizer._momentums[index].value.handle,
            v=optimizer._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(optimizer.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    optimizer.update_step = update_step
