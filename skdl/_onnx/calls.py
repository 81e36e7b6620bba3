"""One call of a Keras layer or operation: its arguments by name, and the masks that come with it.

Keras hands masks on beside the values: `Embedding(mask_zero=True)` and `Masking` make them, some
layers use them, most pass them on and others drop them. What is here follows `Layer.__call__`.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from skdl._networks.keras import keras
from skdl._onnx.graph import Graph


class Value(str):
    """The name of a value in the graph; other strings are arguments of layers."""

    __slots__ = ()


class Call:
    """A call of a layer with values of a graph.

    Parameters
    ----------
    graph : Graph
        With the masks of its values.
    operation : keras.Operation
        Layer, or operation of `keras.ops`.
    args, kwargs : tuple and dict
        Arguments, in which a `Value` stands for each tensor.
    """

    def __init__(self, graph: Graph, operation: Any, args: tuple, kwargs: dict[str, Any]):
        signature = inspect.signature(operation.call)
        self.arguments = signature.bind_partial(*args, **kwargs).arguments
        self.inputs = values_in((args, kwargs))
        self.first = next(iter(self.arguments.values()), None)
        self._graph, self._names = graph, signature.parameters
        self.mask = self._given_mask()
        self.masks_before = self._masks_before()

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)

    def mask_of(self, name: str) -> Any:
        """Return an argument's mask, which is an argument as well (`query_mask` of `query`)."""
        given = self.arguments.get(f"{name}_mask")
        value = self.arguments.get(name)
        return given if given is not None or value is None else self._graph.masks.get(value)

    def others(self, known: tuple[str, ...]) -> list[str]:
        """Return the names of arguments that are neither the first, known nor left out."""
        ignored = {next(iter(self.arguments), None), "training", *known}
        return [
            name
            for name, value in self.arguments.items()
            if name not in ignored
            and any(part is not None and part is not False for part in keras.tree.flatten(value))
        ]

    def _given_mask(self):
        given = self.arguments.get("mask")
        n_tensors = sum(bool(values_in(value)) for value in self.arguments.values())
        if given is None and "mask" in self._names and n_tensors == 1:
            return keras.tree.map_structure(self._mask_or_none, self.first)
        return given

    def _mask_or_none(self, value):
        return self._graph.masks.get(value) if isinstance(value, Value) else None

    def _masks_before(self):
        """Return the masks that a layer may hand on."""
        if self.mask is not None:
            return keras.tree.flatten(self.mask)
        return [self._mask_or_none(value) for value in keras.tree.flatten(self.first)]


def values_in(structure: Any) -> list[Value]:
    """Return the values in arguments, in the order of Keras."""
    return [value for value in keras.tree.flatten(structure) if isinstance(value, Value)]


def hand_masks_on(graph: Graph, layer: Any, call: Call, outputs: list[Value]) -> None:
    """Note the masks of a layer's outputs, made from those before the call."""
    previous = call.masks_before
    if not isinstance(layer, keras.Layer) or not layer.supports_masking:
        return
    if all(output in graph.masks for output in outputs):
        return
    owner = type(layer).compute_mask.__qualname__.partition(".")[0]
    if owner not in _RULES:
        if any(mask is not None for mask in previous):
            raise ValueError(
                f"to_onnx cannot convert layer {layer.name!r}, of class {type(layer).__name__}, "
                "of inputs with a mask."
            )
        return
    masks = _RULES[owner](graph, layer, call, previous)
    for output, mask in zip(outputs, masks, strict=False):
        if mask is not None:
            graph.masks.setdefault(output, mask)


def _of_embedding(graph, layer, call, previous):
    ids = call.inputs[0]
    if ids not in graph.integers:
        ids = graph.cast(ids, np.int64)
    return [graph("Not", graph("Equal", ids, np.array(0, np.int64)))]


def _of_masking(graph, layer, call, previous):
    return [unmasked(graph, layer, call.inputs[0])]


def unmasked(graph: Graph, layer: Any, x: str, keepdims: bool = False) -> str:
    """Return where a `Masking` layer sees steps with values other than its own."""
    if x in graph.integers:
        x = graph.cast(x, graph.dtype)
    other = graph("Not", graph("Equal", x, float(layer.mask_value)))
    return _any(graph, other, keepdims)


def _any(graph, flags, keepdims=False):
    numbers = graph.cast(flags, np.int64)
    return graph.cast(graph.reduced("ReduceMax", numbers, -1, keepdims), np.bool_)


def _of_recurrent(graph, layer, call, previous):
    n = 2 if getattr(layer, "merge_mode", "concat") is None else 1
    return previous[:1] * n if layer.return_sequences else [None]


def _of_merge(graph, layer, call, previous):
    if any(mask is None for mask in previous):
        return [None]
    either, *others = previous
    for mask in others:
        either = graph("Or", either, mask)
    return [either]


def _of_concatenate(graph, layer, call, previous):
    if all(mask is None for mask in previous):
        return [None]
    flags = []
    for value, mask in zip(call.inputs, previous, strict=True):
        if mask is None:
            mask = graph.constant(np.array(True))
        elif len(graph.shapes[value]) > 2:
            mask = graph.expanded(mask, 2)
        flags.append(graph("Expand", mask, graph("Shape", value)))
    return [_any(graph, graph("Concat", *flags, axis=layer.axis))]


# By the class whose `compute_mask` a layer has.
_RULES = {
    "Layer": lambda graph, layer, call, previous: previous,
    "Embedding": _of_embedding,
    "Masking": _of_masking,
    "RNN": _of_recurrent,
    "Bidirectional": _of_recurrent,
    "Merge": _of_merge,
    "Concatenate": _of_concatenate,
    "Attention": lambda graph, layer, call, previous: previous[:1],
    "GlobalAveragePooling1D": lambda graph, layer, call, previous: [None],
    "Dot": lambda graph, layer, call, previous: [None],
}
