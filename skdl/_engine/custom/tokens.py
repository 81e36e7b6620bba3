"""Token ids that a network computes before an embedding looks them up, checked on the host.

What an embedding does with an id beyond its rows depends on the device: an error, another row, or
zeros. Negative ids count from the end, and fractions are cut off, without a word.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from skdl._common.sparse_rows import SparseRows
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines

_ROWS = 4096  # that are checked at a time
_checks: weakref.WeakKeyDictionary[keras.Model, Callable | None] = weakref.WeakKeyDictionary()


def check_inner_tokens(
    model: keras.Model, direct: list[Any], x: Any, inputs: tuple, name: str
) -> None:
    """Raise a ValueError if an embedding is to look up what is no token of its own.

    Parameters
    ----------
    model : keras.Model
        Built.
    direct : list of keras.layers.Embedding
        Those that inputs feed themselves, whose tokens were checked.
    x : array or ColumnGroups
        Rows as the network takes them.
    inputs : tuple of (str or None, tuple, str)
        Name, shape of a row and dtype of each input of x.
    name : str
        Of the function that built the network.
    """
    if model not in _checks:
        inner = [
            layer
            for layer in model._flatten_layers()
            if isinstance(layer, keras.layers.Embedding)
            and not any(layer is each for each in direct)
        ]
        _checks[model] = _checking(model, inner, inputs) if inner else None
    check = _checks[model]
    if check is None or isinstance(x, SparseRows):
        return
    arrays = getattr(x, "arrays", {None: x})
    for start in range(0, len(x), _ROWS):
        rows = {key: array[start : start + _ROWS] for key, array in arrays.items()}
        with tf.device("CPU"):
            found = check(rows.get(None, rows))
        for layer, limit, wrong in found:
            if (values := wrong.numpy()).size:
                raise ValueError(
                    f"The rows of X lead the network of model={name} to the token {values[0]:g}, "
                    f"but its layer {layer!r} knows whole numbers from 0 to {limit - 1} alone "
                    f"(input_dim={limit})."
                )


def _checking(model, embeddings, inputs):
    """Return a function from rows to the wrong tokens of each embedding.

    What it traces is the network up to its embeddings; the rest is never computed.
    """

    def wrong(x: Any) -> list[tf.Tensor]:
        rows = {key: tf.cast(x if key is None else x[key], dtype) for key, _, dtype in inputs}
        tokens = _looked_up(model, embeddings, rows.get(None, rows))
        here = tf.compat.v1.get_default_graph()
        found = []
        for layer in embeddings:
            # Not those of a loop, whose tensors are not to be had out here.
            flat = [
                tf.cast(tf.reshape(t, [-1]), "float64")
                for each, t in tokens
                if each is layer and getattr(t, "graph", here) is here
            ]
            ids = tf.concat(flat or [tf.zeros([0], "float64")], 0)
            known = (ids >= 0) & (ids < layer.input_dim) & (ids == tf.floor(ids))
            found.append(tf.boolean_mask(ids, ~known)[:1])
        return found

    traced = tf.function(wrong, autograph=False, reduce_retracing=True)
    named = [(layer.name, layer.input_dim) for layer in embeddings]
    return lambda x: [(*each, ids) for each, ids in zip(named, traced(x), strict=True)]


def _looked_up(model, embeddings, rows):
    """Return what embeddings are called with while a network is called."""
    tokens = []

    def recording(layer: Any) -> Callable:
        call = layer.call

        def record(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            tokens.append((layer, tf.convert_to_tensor(inputs)))
            return call(tf.zeros_like(inputs), *args, **kwargs)

        return record

    for layer in embeddings:
        vars(layer)["call"] = recording(layer)
    try:
        model(rows, training=False)
    finally:
        for layer in embeddings:
            del vars(layer)["call"]
    return tokens
