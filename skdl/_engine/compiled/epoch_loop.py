"""The loop of a program over epochs, and over the batches of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl._engine.compiled.names import stable_names
from skdl._engine.compiled.receptive_field import only_seen_pixels
from skdl._engine.compiled.training_step import forgetting_gradients
from skdl._engine.device_rows import DeviceRows
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

# Of a program that loops: rows, rows of a step, the first step, the one after the last, and
# whether sums of loss and metrics begin at zero.
COUNTS = [*[tf.TensorSpec([], tf.int32)] * 4, tf.TensorSpec([], tf.bool)]


# Of the evaluation after each epoch: rows, rows of a step, steps.
EVALUATION_COUNTS = [tf.TensorSpec([], tf.int32)] * 3
# Under these names a program of epochs returns the weights after each.
WEIGHTS = "weights/"


def epochs_function(
    template: Any,
    rows: DeviceRows,
    loop: Callable,
    rest: bool,
    held_out: DeviceRows | None = None,
    keeps_weights: bool = False,
) -> tuple[Callable, list[tf.TensorSpec]]:
    """Return a function that trains epochs, and its signature.

    It takes the rows, their order in each of the epochs, and `COUNTS`, and returns loss and metrics
    as they are after each epoch. An epoch is a `loop` over its batches; `rest` tells that those are
    full ones, and a last, smaller batch follows the last of them. With rows that are held out,
    which it takes after the others, with `EVALUATION_COUNTS` at the end, it returns loss and
    metrics over these as well, and the weights after each epoch if they are to be kept.
    """
    model = template.model
    rest_step = template.train_step(rows, None) if rest else None
    measured = dtypes = template.dtypes_of_results
    evaluate = None
    if held_out is not None:
        evaluate = evaluation_loop(template)
        dtypes = dtypes | {f"val_{name}": dtype for name, dtype in measured.items()}
    weights = model.variables if keeps_weights else []
    dtypes = dtypes | {f"{WEIGHTS}{i}": weight.value.dtype for i, weight in enumerate(weights)}
    n_held = 0 if held_out is None else len(held_out.tensors)

    def epochs(*arguments):
        evaluated = []
        if evaluate is not None:
            *arguments, n_held_rows, held_size, held_steps = arguments
            evaluated = n_held_rows, held_size, 0, held_steps
        *data, orders, n_rows, size, first, last, reset = arguments
        data, held = data[: len(data) - n_held], data[len(data) - n_held :]
        n_epochs = tf.shape(orders)[0]
        kept = {name: tf.TensorArray(dtype, n_epochs) for name, dtype in dtypes.items()}

        def epoch(e, kept):
            tf.cond(reset, lambda: done(model.reset_metrics()), lambda: done(None))
            loop(data, orders[e], n_rows, size, first, last)
            if rest_step is not None:

                def train_rest():
                    return done(rest_step(_chosen(template, data, orders[e][last * size : n_rows])))

                tf.cond(n_rows - last * size < size, train_rest, lambda: done(None))
            results = model.get_metrics_result()
            if evaluate is not None:
                model.reset_metrics()
                evaluate(held, *evaluated)
                found = model.get_metrics_result()
                results = results | {f"val_{name}": found[name] for name in measured}
            results |= {f"{WEIGHTS}{i}": weight.value for i, weight in enumerate(weights)}
            return e + 1, {name: kept[name].write(e, results[name]) for name in kept}

        start = tf.constant(0), kept
        _, kept = tf.while_loop(lambda e, _: e < n_epochs, epoch, start, parallel_iterations=1)
        return {name: values.stack() for name, values in kept.items()}

    orders = tf.TensorSpec([None, None], tf.int32)
    if held_out is None:
        return epochs, [*rows.specs(None), orders, *COUNTS]
    specs = [*rows.specs(None), *held_out.specs(None)]
    return epochs, [*specs, orders, *COUNTS, *EVALUATION_COUNTS]


def evaluation_loop(template: Any) -> Callable:
    """Return a function that measures rows, so many at a time, in a graph."""
    test_step = forgetting_gradients(template.model.test_step)

    def loop(data, n_rows, size, first, last):
        *x, y, weight = data

        def step(i):
            with only_seen_pixels(template.model):
                test_step(template.batch(i, x, y, weight, n_rows, size))
            return (i + 1,)

        start = (tf.convert_to_tensor(first),)
        tf.while_loop(lambda i: i < last, step, start, parallel_iterations=1)

    return loop


def batch_loop(
    template: Any, rows: DeviceRows, batch_size: int | None, filled: bool = False
) -> Callable:
    """Return a function that trains the batches of an epoch, in a graph.

    With a batch size all have that size; the last may be filled up, see `Template.fills`.
    """
    train_step = template.train_step(rows, batch_size, filled)

    def loop(data, order, n_rows, size, first, last):
        def batch(i):
            if template.sparse:  # put in order on the host, where that is cheap
                *x, y, weight = data
                return template.batch(i, x, y, weight, n_rows, size)
            if batch_size is not None:
                index = tf.slice(order, [i * batch_size], [batch_size])
            else:
                index = order[i * size : tf.minimum((i + 1) * size, n_rows)]
            return _chosen(template, data, index)

        def step(i):
            n_real = [tf.minimum(n_rows - i * batch_size, batch_size)] if filled else []
            train_step(batch(i), *n_real)
            return (i + 1,)

        tf.while_loop(lambda i: i < last, step, (first,), parallel_iterations=1)

    return loop


def xla_loop(template: Any, rows: DeviceRows, batch_size: int, filled: bool) -> Callable:
    """Return the loop over full batches as XLA compiles it: once for any number of epochs."""
    loop = batch_loop(template, rows, batch_size, filled)
    loop = tf.function(loop, jit_compile=True, autograph=False)
    order = tf.TensorSpec([order_size(rows, batch_size, filled)], tf.int32)
    with stable_names("loop", template.key, batch_size, filled, rows.size, rows.signature):
        return loop.get_concrete_function(rows.specs(rows.size), order, *COUNTS[:4])


def order_size(rows: DeviceRows, batch_size: int, filled: bool) -> int:
    """Return how long the order of the rows is that XLA's loop takes, with what fills it up."""
    return rows.size + (batch_size if filled else 0)


def _chosen(template, data, index):
    """Return the rows of a batch."""
    *x, y, weight = (tf.gather(each, index) for each in data)
    return template.inputs.of_rows(x), y, weight


def dtypes_of_results(model: keras.Model) -> dict[str, tf.DType]:
    """Return the dtypes of loss and metrics, by their names in the order of Keras's history."""
    traced = tf.function(model.get_metrics_result, autograph=False).get_concrete_function()
    return {name: result.dtype for name, result in sorted(traced.structured_outputs.items())}


def done(_: None) -> tf.Tensor:
    """Return something for a branch that returns nothing."""
    return tf.constant(0)
