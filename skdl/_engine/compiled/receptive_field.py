"""Which pixels of its maps a convolutional network looks at.

A window that does not fit into a map any more is left out (padding "valid"), so the last rows and
columns of an odd map are never pooled. Nothing of them, nor of what only they come from, reaches
the outputs or a gradient; computing without them is a fifth less work in a common network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skdl._networks.keras import keras
from skdl._networks.variables import flat_layers

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines


def sizes_seen(model: keras.Model) -> dict[keras.Layer, tuple[int, ...]]:
    """Return the height and width that reach the outputs, by layers that are given more."""
    seen, wanted = {}, None
    for layer, given, made in _maps(model):
        if not _is_of_windows(layer):
            wanted = None
            continue
        wanted = tuple(
            (n_windows - 1) * step + reach
            for n_windows, step, reach in zip(
                wanted or made, layer.strides, _reach(layer), strict=True
            )
        )
        if wanted != given:
            seen[layer] = wanted
    return seen


def _maps(model: keras.Model) -> Iterator[tuple[keras.Layer, tuple, tuple]]:
    """Yield a chain's layers from the last on, with the sizes each is given and makes.

    A layer that other networks use as well has no `input` of its own, so the calls are followed.
    Nothing is yielded where a layer stands in more than one place, which takes all of its maps.
    """
    layers = list(flat_layers(model))
    if type(model) is not keras.Sequential or len(set(layers)) < len(layers):
        return
    made = model.outputs[0]
    while True:
        layer, node, _ = made._keras_history
        inputs = layer._inbound_nodes[node].input_tensors
        if not inputs:
            return
        yield layer, tuple(inputs[0].shape[1:3]), tuple(made.shape[1:3])
        made = inputs[0]


@contextmanager
def only_seen_pixels(model: keras.Model) -> Iterator[None]:
    """Let the convolutions of a network traced within compute no pixel that nothing sees.

    Pooling leaves out what fits into no window by itself.
    """
    sizes = sizes_seen(model)
    calls = {layer: layer.call for layer in sizes if not _pools(layer)}
    try:
        for layer, call in calls.items():
            layer.call = _cropped(call, sizes[layer])
        yield
    finally:
        for layer, call in calls.items():
            layer.call = call


def _cropped(call: Callable, size: tuple[int, ...]) -> Callable:
    def cropped_call(inputs):
        if tuple(inputs.shape[1:3]) == size:  # those of a layer that follows one that was cropped
            return call(inputs)
        # The gradient of a slice by Python's brackets takes thirty times as long.
        return call(tf.slice(inputs, [0, 0, 0, 0], [-1, *size, -1]))

    return cropped_call


def _is_of_windows(layer: keras.Layer) -> bool:
    """Tell whether each pixel of a layer's output depends on one window of its inputs alone."""
    if type(layer) not in (keras.layers.Conv2D, keras.layers.MaxPooling2D):
        return False
    alone = layer.padding == "valid" and layer.data_format == "channels_last"
    if _pools(layer):
        return alone
    activation = layer.activation  # one of a user, or a layer, may look at the whole map
    own = activation is getattr(keras.activations, getattr(activation, "__name__", ""), None)
    return alone and own and layer.activity_regularizer is None


def _pools(layer: keras.Layer) -> bool:
    """Tell whether a layer is pooling and no convolution."""
    return isinstance(layer, keras.layers.MaxPooling2D)


def _reach(layer: keras.Layer) -> tuple[int, ...]:
    """Return the height and width of the windows of a layer."""
    if _pools(layer):
        return layer.pool_size
    sizes = zip(layer.kernel_size, layer.dilation_rate, strict=True)
    return tuple((size - 1) * gap + 1 for size, gap in sizes)
