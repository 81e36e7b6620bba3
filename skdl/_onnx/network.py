"""Keras models as ONNX nodes: the walk over their layers.

A layer is converted by the function (graph, layer, *inputs) that LAYERS holds under its class,
which returns the name of its output, or a list of names. Operations of `keras.ops` are called by
(graph, operation, *arguments).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl._networks.keras import keras
from skdl._onnx.activations import activate
from skdl._onnx.calls import Call, Value, hand_masks_on, values_in
from skdl._onnx.graph import Graph

LAYERS: dict[str, Callable[..., Any]] = {}
# Arguments of a call beside the first that a converter knows, by the name of the class.
_ARGUMENTS: dict[str, tuple[str, ...]] = {}
# Where the models that compute what their layers do, in turn, are defined.
_MODELS = ("keras.src.models.functional", "keras.src.models.sequential")


def converts(*names: str, arguments: tuple[str, ...] = ()) -> Callable:
    """Register the converter of layers by the names of their classes."""

    def register(function):
        LAYERS.update(dict.fromkeys(names, function))
        _ARGUMENTS.update(dict.fromkeys(names, arguments))
        return function

    return register


def add_model(graph: Graph, model: keras.Model, *inputs: str) -> list[Value]:
    """Add all layers of a sequential or functional model and return its outputs."""
    model = getattr(model, "_functional", None) or model
    values = dict(zip(map(id, model.inputs), map(Value, inputs), strict=True))
    for name, tensor in zip(inputs, model.inputs, strict=True):
        graph.shapes.setdefault(name, tensor.shape)  # an outer model may know more of it
    for depth in sorted(model._nodes_by_depth, reverse=True):  # Keras's own order
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            args, kwargs = node.arguments.fill_in(values)
            tensors = node.outputs
            whole = not tensors[0].dtype.startswith(("float", "bfloat"))
            outputs = add_layer(
                graph, node.operation, args, kwargs, [t.shape for t in tensors], whole
            )
            values.update(zip(map(id, tensors), outputs, strict=True))
    return [values[id(tensor)] for tensor in model.outputs]


def add_layer(
    graph: Graph,
    layer: Any,
    args: tuple,
    kwargs: dict[str, Any] | None = None,
    shapes: list[tuple] | None = None,
    whole: bool = False,
) -> list[Value]:
    """Add a call of a layer and return its outputs.

    Parameters
    ----------
    graph : Graph
        Holds the values that are given.
    layer : keras.Operation
        Layer, model or operation.
    args, kwargs : tuple and dict
        Arguments of the call, in which a `Value` stands for each tensor.
    shapes : list of tuple, default=None
        Of the outputs; None, where the layer tells them.
    whole : bool, default=False
        Whether the outputs are integers or booleans.

    Raises
    ------
    ValueError
        If there is no converter for such a layer or for such a call of it.
    """
    call = Call(graph, layer, args, kwargs or {})
    convert, given = _converter(graph, layer, call)
    if not (whole or _is_model(layer) or type(layer).__name__ == "Embedding"):
        given = keras.tree.map_structure(lambda value: _as_float(graph, value), given)
    outer, graph.layer, graph.call = (graph.layer, graph.call), layer, call
    found = convert(graph, layer, *given)
    graph.layer, graph.call = outer
    outputs = [Value(name) for name in ([found] if isinstance(found, str) else found)]
    for i, output in enumerate(outputs):
        if shapes is not None:
            graph.shapes[output] = shapes[i]
        if whole:
            graph.integers.add(output)
    hand_masks_on(graph, layer, call, outputs)
    return outputs


def _converter(graph, layer, call):
    """Return the function for a call, and what to call it with after graph and layer."""
    cls = type(layer)
    if _is_model(layer):
        _check_arguments(layer, call, ("mask",))
        given = _in_order(layer, call.first)
        for value, mask in zip(given, keras.tree.flatten(call.mask), strict=False):
            if mask is not None:
                graph.masks[value] = mask
        return add_model, given
    name = cls.__name__ if isinstance(layer, keras.Layer) else f"ops.{cls.__name__}"
    # A class of the same name from elsewhere may compute anything.
    if name not in LAYERS or cls.__module__.split(".")[0] != "keras":
        known = ", ".join(sorted(name for name in LAYERS if not name.startswith("ops.")))
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r}, of class {cls.__name__}. It converts "
            f"{known} of Keras, and models of them."
        )
    if name.startswith("ops."):
        return LAYERS[name], list(call.arguments.values())
    _check_arguments(layer, call, _ARGUMENTS[name])
    return LAYERS[name], values_in(call.first)


def _check_arguments(layer, call, known):
    others = call.others(known)
    if others:
        raise ValueError(
            f"to_onnx cannot convert layer {layer.name!r}, of class {type(layer).__name__}, when "
            f"it is called with {', '.join(others)}."
        )


def _is_model(layer):
    """Tell whether a layer is a model of Keras that computes what its layers do in turn."""
    functional = getattr(layer, "_functional", None) or layer
    own = isinstance(layer, keras.Model) and type(layer).call.__module__
    return own in _MODELS and hasattr(functional, "_nodes_by_depth")


def check_model(model: keras.Model) -> None:
    """Raise a ValueError if a network has a `call` of its own, which nothing can be told of."""
    if not _is_model(model):
        raise ValueError(
            f"to_onnx cannot convert network {model.name!r}, of class {type(model).__name__}: it "
            "is computed by Python code of its own. Build it as keras.Model(inputs, outputs) or "
            "keras.Sequential."
        )


def _in_order(model, given):
    """Return values for a model's inputs, which may be given by name."""
    struct = getattr(getattr(model, "_functional", None) or model, "_inputs_struct", None)
    if isinstance(given, dict) and not isinstance(struct, dict):
        return [given[tensor.name] for tensor in model.inputs]
    return values_in(given)


def _as_float(graph, value):
    if isinstance(value, Value) and value in graph.integers:
        shape = graph.shapes.get(value)
        value = Value(graph.cast(value, graph.dtype))
        graph.shapes[value] = shape
    return value


def activated(graph: Graph, activation: Any, x: str) -> str:
    """Return an activation of a value: a function of Keras, or a layer."""
    if isinstance(activation, keras.Layer):
        return add_layer(graph, activation, (Value(x),))[0]
    return activate(graph, activation, x)


def weights(variable: Any) -> Any:
    """Return a layer's variable as an array; NumPy does not compute in bfloat16."""
    array = keras.ops.convert_to_numpy(variable)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array
