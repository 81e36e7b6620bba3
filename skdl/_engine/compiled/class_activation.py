"""Where a network looks: how much each place of a convolution's maps adds to one output.

R. R. Selvaraju et al. (2017), Grad-CAM: visual explanations from deep networks via gradient-based
localization, ICCV.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from skdl._engine.compiled.programs import padded_chunks
from skdl._engine.compiled.template import Template
from skdl._engine.compiled.training_step import forgetting_gradients
from skdl._engine.device_rows import signature_of, spec_of
from skdl._engine.settings import tensorflow_settings
from skdl._networks.found_layers import is_convolution
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


@tensorflow_settings.held()
def class_activations(
    template: Template,
    state: list[tf.Variable],
    x: Any,
    layer: int,
    name: str,
    units: np.ndarray,
    signs: np.ndarray,
    are_scores: bool,
) -> np.ndarray:
    """Return the maps of one layer, weighted by the gradients of one output per row.

    Parameters
    ----------
    template : Template
        Of the network.
    state : list of tf.Variable
        Its variables.
    x : array-like or Inputs
        Rows as the network takes them.
    layer : int
        The position of the layer among those of the network.
    name : str
        What the user calls it; networks whose layers have other names share programs.
    units : ndarray of int, shape (n_rows,)
        Which output of each row.
    signs : ndarray of float32, shape (n_rows,)
        -1 for what speaks against it.
    are_scores : bool
        Whether the outputs are scores; if not, those before their softmax or sigmoid are taken.

    Returns
    -------
    maps : ndarray of shape (n_rows, height, width)
        Not negative.

    Raises
    ------
    ValueError
        If the layer's outputs are no maps, if it is called more than once, or if the scores are not
        known.
    """
    found = []
    for rows, tensors, n_rows in padded_chunks(template, x):
        chosen = [np.resize(each[rows], n_rows) for each in (units, signs)]
        key = "class activations", signature_of(tensors), layer, are_scores
        program = template.kept_program(
            key, lambda model, x=tensors: _program(template, model, x, layer, name, are_scores)
        )
        maps = program(state, *tensors, tf.constant(n_rows), *map(tf.constant, chosen)).numpy()
        found.append(maps[: rows.stop - rows.start])
    return np.concatenate(found)


def _program(template, model, x, layer, name, are_scores) -> tuple[Any, list[tf.TensorSpec]]:
    """Return the function that computes maps, and its signature."""
    watched = template.layers[layer]

    def maps_of(*inputs):
        *rows, n_rows, units, signs = inputs
        with tf.GradientTape() as tape, _outputs_of(watched, tape) as seen:
            outputs = model(template.rows(0, rows, 0, n_rows), training=False)
            scores = outputs if are_scores else getattr(outputs, "_keras_logits", None)
            if scores is None:
                raise ValueError(
                    "The scores before softmax or sigmoid are not known: the network's last layer "
                    f"is no such activation. Let model={model.name!r} end in a layer with "
                    "activation 'softmax' or 'sigmoid'."
                )
            chosen = tf.gather(scores, units[:, None], batch_dims=1)[:, 0]
            chosen = tf.cast(chosen, tf.float32) * signs
        if len(seen) != 1:
            raise ValueError(
                f"layer={name!r} is called {len(seen)} times in the network. Name a layer "
                "that is called once."
            )
        maps, gradients = seen[0], tape.gradient(chosen, seen[0])
        if maps.shape.rank != 4:
            raise ValueError(
                f"layer={name!r} has outputs of shape {tuple(maps.shape[1:])} per image, "
                "which are not feature maps. Give the number or the name of a convolution."
            )
        if gradients is None:
            raise ValueError(f"layer={name!r} does not lead to the network's outputs.")
        maps, gradients = (tf.cast(each, tf.float32) for each in (maps, gradients))
        if getattr(watched, "data_format", "channels_last") == "channels_first":
            maps, gradients = (tf.transpose(each, (0, 2, 3, 1)) for each in (maps, gradients))
        weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))

    one_each = [tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)]
    specs = [*(spec_of(None, t) for t in x), *one_each, tf.TensorSpec([None], tf.float32)]
    return forgetting_gradients(maps_of), specs


@contextmanager
def _outputs_of(layer: keras.Layer, tape: tf.GradientTape) -> Iterator[list[tf.Tensor]]:
    """Collect and watch what a layer returns, also in a network within, and in a frozen one."""
    seen: list[tf.Tensor] = []
    call, own = layer.call, vars(layer).get("call")

    def watched_call(*args, **kwargs):
        outputs = call(*args, **kwargs)
        tape.watch(outputs)
        seen.append(outputs)
        return outputs

    layer.call = watched_call
    try:
        yield seen
    finally:
        if own is None:
            del vars(layer)["call"]
        else:
            layer.call = own


def last_convolution(layers: list[keras.Layer]) -> keras.Layer:
    """Return the last convolution of images whose maps have more than one place.

    Raises
    ------
    ValueError
        If there is no convolution of images.
    """
    found = [each for each in layers if is_convolution(each) and "2D" in type(each).__name__]
    if not found:
        names = ", ".join(each.name for each in layers)
        raise ValueError(
            f"The network has no convolution of images. Its layers are: {names}. Use an estimator "
            "with convolutions, or name a layer whose outputs are maps as `layer`."
        )
    # Maps of a single place cannot tell one place of an image from another.
    return next((each for each in reversed(found) if _n_places(each) != 1), found[-1])


def _n_places(layer: keras.Layer) -> int | None:
    """Return how many places a map of a layer has, None if that is not known."""
    try:
        shape = layer.output.shape[1:]
    except (AttributeError, ValueError):  # of a layer within a class of its own
        return None
    height, width = shape[1:] if layer.data_format == "channels_first" else shape[:-1]
    return height * width if height and width else None
