"""What optimizers do otherwise than Keras's: one fused operation, and gradients that are sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skdl._engine.compiled.numbers import NumberAsInput
from skdl._engine.device import on_gpu
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

# Up to so many values TensorFlow's one operation of Adam is slower on a CPU than several: it wakes
# threads for all but the smallest variables, which takes longer than the update itself.
_FEW_VALUES = 2**15


def sum_gradients(optimizer: keras.optimizers.Optimizer) -> Callable:
    """Let an optimizer see the gradient of an embedding as that of any other weight; return undo.

    TensorFlow gives one slice for each row that was looked up. Keras's optimizers square, clip and
    average the slices one by one, so that a token that occurs twice in a batch is no longer
    updated by the sum of its gradients, and rows without a token keep no momentum. Here slices
    are added up to a dense gradient first, whatever the optimizer.
    """
    keras_apply = optimizer.apply

    def apply(grads, trainable_variables=None):
        return keras_apply([_dense(gradient) for gradient in grads], trainable_variables)

    optimizer.apply = apply
    return lambda: delattr(optimizer, "apply")


@contextmanager
def gradients_are_sums(model: keras.Model) -> Iterator[None]:
    """Train by `Model.fit` with the gradients that the compiled programs see."""
    undo = sum_gradients(model.optimizer)
    model.train_function = None  # one that users have compiled sees others
    try:
        yield
    finally:
        undo()


def _dense(gradient):
    """Return the sum of slices as a tensor; other gradients as they are."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    n_rows = tf.cast(gradient.dense_shape[0], tf.int32)
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, n_rows)


def fuse_adam(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimizer of the Adam family update large variables by TensorFlow's one operation.

    It computes what Keras writes out in a dozen operations (Kingma and Ba, Adam: a method for
    stochastic optimization, 2015), each of which would pass over the whole variable. Small ones are
    updated by these operations, which share what is the same for all variables.
    """
    if type(optimizer) not in (keras.optimizers.Adam, keras.optimizers.AdamW) or optimizer.amsgrad:
        return
    keras_step, keras_apply = optimizer.update_step, optimizer.apply
    rates: dict[str, tuple] = {}  # for all variables of one dtype, in the step that is traced

    def apply(grads, trainable_variables=None):
        rates.clear()
        try:
            return keras_apply(grads, trainable_variables)
        finally:
            rates.clear()

    def rates_of(dtype, learning_rate):
        beta_1, beta_2 = (
            tf.convert_to_tensor(b, dtype) for b in (optimizer.beta_1, optimizer.beta_2)
        )
        # Not always a variable: where gradients are accumulated, a quotient of one.
        step = tf.cast(tf.convert_to_tensor(optimizer.iterations) + 1, dtype)
        powers = tf.pow(beta_1, step), tf.pow(beta_2, step)
        rate = tf.cast(learning_rate, dtype)
        corrected = rate * tf.sqrt(1 - powers[1]) / (1 - powers[0])
        epsilon = tf.convert_to_tensor(optimizer.epsilon, dtype)
        return beta_1, beta_2, *powers, rate, epsilon, (1 - beta_1, 1 - beta_2, corrected)

    def update_step(gradient, variable, learning_rate):
        dtype = variable.dtype
        if dtype not in (tf.float32, tf.float64):
            keras_step(gradient, variable, learning_rate)
            return
        index = optimizer._get_variable_index(variable)
        if dtype not in rates:
            rates[dtype] = rates_of(dtype, learning_rate)
        beta_1, beta_2, power_1, power_2, rate, epsilon, of_small = rates[dtype]
        m, v = optimizer._momentums[index].value, optimizer._velocities[index].value
        gradient = tf.cast(gradient, dtype)
        if variable.shape.num_elements() <= _FEW_VALUES and not on_gpu():
            share_1, share_2, corrected = of_small
            m.assign_add((gradient - m) * share_1)
            v.assign_add((tf.square(gradient) - v) * share_2)
            variable.assign_sub(m * corrected / (tf.sqrt(v) + epsilon))
            return
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=power_1,
            beta2_power=power_2,
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
            grad=gradient,
        )

    optimizer.apply, optimizer.update_step = apply, update_step


def decay_by_one_number(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimizer multiply weights once by the product of decay and learning rate.

    Keras multiplies them by one number after the other, which XLA does in one product where the
    decay is a constant, and does not where it is an input. Spelt out, both give the same bits, and
    a graph passes over the weights once less.
    """
    if not isinstance(optimizer.weight_decay, NumberAsInput):
        return

    def apply_weight_decay(variables):
        products = {}  # for all variables of one dtype
        for variable in filter(optimizer._use_weight_decay, variables):
            dtype = variable.dtype
            if dtype not in products:
                rate = tf.cast(optimizer.learning_rate, dtype)
                products[dtype] = tf.convert_to_tensor(optimizer.weight_decay, dtype) * rate
            variable.assign_sub(tf.convert_to_tensor(variable) * products[dtype])

    optimizer._apply_weight_decay = apply_weight_decay
