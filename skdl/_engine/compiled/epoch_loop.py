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
# XLA's program takes the orders of so many epochs at most, and so many numbers of rows in them.
_EPOCHS, _ORDERS = 128, 2**16
# With fewer epochs in a call, their launches take little of the time.
_FEW_EPOCHS = 64
# Under these names a program of epochs returns the weights after each.
WEIGHTS = "weights/"


def epochs_function(
    template: Any,
    rows: DeviceRows,
    batch_size: int | None = None,
    rest: bool = False,
    filled: bool = False,
    held_out: DeviceRows | None = None,
    keeps_weights: bool = False,
) -> tuple[Callable, list[tf.TensorSpec]]:
    """Return a function that trains epochs, and its signature.

    It takes the rows, their order in each of the epochs, and `COUNTS`, and returns loss and metrics
    as they are after each epoch. With a batch size, XLA trains the batches, see `xla_loop`; `rest`
    tells that these are full ones, and a last, smaller batch follows the last of them. With rows
    that are held out, which it takes after the others, with `EVALUATION_COUNTS` at the end, it
    returns loss and metrics over these as well, and the weights after each epoch if they are to be
    kept.
    """
    model, by_xla = template.model, batch_size is not None
    loop = template.xla_loop(rows, batch_size, filled) if by_xla else batch_loop(template, rows)
    most_epochs = epochs_of_a_call(template, rows, batch_size, filled)
    rest_step = template.train_step(rows, None) if rest else None
    measured = specs = template.specs_of_results
    evaluate = None
    if held_out is not None:
        evaluate = evaluation_loop(template)
        specs = specs | {f"val_{name}": spec for name, spec in measured.items()}
    weights = model.variables if keeps_weights else []
    for i, weight in enumerate(weights):
        specs = specs | {f"{WEIGHTS}{i}": tf.TensorSpec(weight.shape, weight.value.dtype)}
    n_held = 0 if held_out is None else len(held_out.tensors)

    def epochs(*arguments):
        evaluated = []
        if evaluate is not None:
            *arguments, n_held_rows, held_size, held_steps = arguments
            evaluated = n_held_rows, held_size, 0, held_steps
        *data, orders, n_rows, size, first, last, reset = arguments
        data, held = data[: len(data) - n_held], data[len(data) - n_held :]
        n_epochs, counts = tf.shape(orders)[0], (n_rows, size, first, last, reset)
        if most_epochs:
            orders = tf.pad(orders, [[0, most_epochs - n_epochs], [0, 0]])
        if most_epochs and held_out is None:
            results = loop(data, orders, *counts, tf.constant(0), n_epochs)
            return {name: values[:n_epochs] for name, values in results.items()}

        def epoch(e):
            if most_epochs:
                loop(data, orders, *counts, e, e + 1)
            else:
                reset_if(reset, model)
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
            return results | {f"{WEIGHTS}{i}": weight.value for i, weight in enumerate(weights)}

        return _collected(epoch, specs, n_epochs, tf.constant(0), n_epochs)

    orders = tf.TensorSpec([None, None], tf.int32)
    if held_out is None:
        return epochs, [*rows.specs(None), orders, *COUNTS]
    data = [*rows.specs(None), *held_out.specs(None)]
    return epochs, [*data, orders, *COUNTS, *EVALUATION_COUNTS]


def _collected(epoch: Callable, specs: dict[str, tf.TensorSpec], size, begin, end) -> Any:
    """Return what epochs `begin` to `end` return, in one array of `size` rows for each name."""
    kept = {
        name: tf.TensorArray(spec.dtype, size, element_shape=spec.shape)
        for name, spec in specs.items()
    }

    def step(e, kept):
        results = epoch(e)
        return e + 1, {name: kept[name].write(e, results[name]) for name in kept}

    _, kept = tf.while_loop(lambda e, _: e < end, step, (begin, kept), parallel_iterations=1)
    return {name: values.stack() for name, values in kept.items()}


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
    template: Any, rows: DeviceRows, batch_size: int | None = None, filled: bool = False
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
    """Return the loop over batches of one size as XLA compiles it, once for any number of them.

    It takes rows, their order, and `COUNTS` but for the last. Or it is a loop over epochs as well,
    see `epochs_of_a_call`, which takes rows, their orders, `COUNTS`, the first of the epochs and
    the one after the last, and returns loss and metrics after each.
    """
    loop, model = batch_loop(template, rows, batch_size, filled), template.model
    n_rows, specs = order_size(rows, batch_size, filled), rows.specs(rows.size)
    names = stable_names("loop", template.traits, batch_size, filled, rows.size, rows.signature)
    n_epochs = epochs_of_a_call(template, rows, batch_size, filled)
    if not n_epochs:
        compiled = tf.function(loop, jit_compile=True, autograph=False)
        order = tf.TensorSpec([n_rows], tf.int32)
        with names:
            return compiled.get_concrete_function(specs, order, *COUNTS[:4])

    def epochs(data, orders, n_rows, size, first, last, reset, begin, end):
        def epoch(e):
            reset_if(reset, model)
            loop(data, orders[e], n_rows, size, first, last)
            return model.get_metrics_result()

        return _collected(epoch, template.specs_of_results, n_epochs, begin, end)

    orders = tf.TensorSpec([n_epochs, n_rows], tf.int32)
    numbers = [*COUNTS, *[tf.TensorSpec([], tf.int32)] * 2]
    compiled = tf.function(epochs, jit_compile=True, autograph=False)
    with names:
        return compiled.get_concrete_function(specs, orders, *numbers)


def epochs_of_a_call(template: Any, rows: DeviceRows, batch_size: int | None, filled: bool) -> int:
    """Return how many epochs XLA's program takes at most, 0 where it does not loop over them.

    A loop over epochs takes longer to compile. So there is none where another program would have to
    go on after each epoch: to train a last batch that is not filled up, or to compute metrics,
    which may have other bits by XLA.
    """
    if batch_size is None or not filled or not template.measures_means:
        return 0
    n_epochs = _ORDERS // order_size(rows, batch_size, filled)
    return min(n_epochs, _EPOCHS) if n_epochs >= _FEW_EPOCHS else 0


def reset_if(reset: tf.Tensor, model: keras.Model) -> None:
    """Begin the sums of loss and metrics at zero, in a graph, if it is asked for."""
    tf.cond(reset, lambda: done(model.reset_metrics()), lambda: done(None))


def order_size(rows: DeviceRows, batch_size: int, filled: bool) -> int:
    """Return how long the order of the rows is that XLA's loop takes, with what fills it up."""
    return rows.size + (batch_size if filled else 0)


def _chosen(template, data, index):
    """Return the rows of a batch."""
    *x, y, weight = (tf.gather(each, index) for each in data)
    return template.inputs.of_rows(x), y, weight


def specs_of_results(model: keras.Model) -> dict[str, tf.TensorSpec]:
    """Return shapes and dtypes of loss and metrics, by names in the order of Keras's history."""
    traced = tf.function(model.get_metrics_result, autograph=False).get_concrete_function()
    found = traced.structured_outputs
    return {name: tf.TensorSpec(found[name].shape, found[name].dtype) for name in sorted(found)}


def measures_means(model: keras.Model) -> bool:
    """Tell whether loss and metrics are quotients of two numbers, which have the same bits by XLA.

    It may add up the thresholds of an AUC in another order.
    """
    leaves = [leaf for each in model.metrics for leaf in getattr(each, "metrics", [each])]
    return type(model).get_metrics_result is keras.Model.get_metrics_result and all(
        type(leaf).result is keras.metrics.Mean.result for leaf in leaves
    )


def done(_: None) -> tf.Tensor:
    """Return something for a branch that returns nothing."""
    return tf.constant(0)
