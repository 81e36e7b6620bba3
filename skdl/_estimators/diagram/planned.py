"""The layers that parameters ask for, before data tell their shapes; without loading Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdl._common.counts import counted
from skdl._estimators.diagram.graph import Graph, Node, graph_of
from skdl._networks.builders.conv_sizes import convolutions
from skdl._networks.builders.dense import layer_sizes
from skdl._networks.builders.per_layer import fraction, per_layer, yes_or_no

_LARGE = (2**20, 2**20)  # an image that no convolution makes vanish


def planned_graph(estimator: Any) -> Graph | None:
    """Return the layers of an estimator that is not fitted, None where they are not known.

    They are not where a function will build the network, or where a parameter is invalid.
    """
    if hasattr(estimator, "model"):
        model = estimator.model
        built = hasattr(model, "layers") and getattr(model, "built", False)
        return graph_of([model]) if built else None
    if not hasattr(estimator, "hidden_layer_sizes"):
        return None
    try:
        nodes = [Node("Input", "inputs"), *_planned(estimator), Node("Dense", "output")]
    except (TypeError, ValueError):  # which fit will raise
        return None
    return Graph.chain(nodes)


def _planned(net):
    """Yield the layers between the inputs and the output."""
    if hasattr(net, "augmentation"):
        for name, value in (net.augmentation or {}).items():
            if value:
                yield Node(f"Random{name.capitalize()}", name)
    if hasattr(net, "filters"):
        yield from _convolutions(net)
    if hasattr(net, "backbone"):
        is_name = isinstance(net.backbone, str)
        name = net.backbone if is_name else getattr(net.backbone, "name", "backbone")
        yield Node("Backbone", str(name), "" if net.weights is None else _weights(net.weights))
        kind = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}
        is_pooled = net.pooling in kind
        yield Node(kind.get(net.pooling, "Flatten"), "pooling" if is_pooled else "flatten")
    yield from _dense(net)


def _weights(weights):
    return f"{weights} weights" if isinstance(weights, str) and len(weights) < 20 else ""


def _convolutions(net):
    network = convolutions(
        _LARGE,
        net.filters,
        net.kernel_size,
        net.strides,
        net.padding,
        net.dilation_rate,
        net.pool_size,
        net.conv_dropout,
    )
    for number, conv in enumerate(network, start=1):
        name = f"conv_{number}"
        yield Node("Conv2D", name, f"{counted(conv.filters, 'filter')}, {_by(conv.kernel_size)}")
        if net.batch_normalization:
            yield Node("BatchNormalization", f"{name}_normalization")
        if max(conv.pool_size) > 1:
            yield Node("MaxPooling2D", f"{name}_pooling", _by(conv.pool_size))
        if conv.dropout:
            yield Node("Dropout", f"{name}_dropout", f"{conv.dropout:g}")
    yield Node("Flatten", "flatten")


def _dense(net):
    sizes = layer_sizes(net.hidden_layer_sizes)
    hidden = "hidden_layer_sizes", sizes
    normalized = False if hasattr(net, "filters") else getattr(net, "batch_normalization", False)
    settings = zip(
        sizes,
        per_layer("dropout", net.dropout, hidden, fraction),
        per_layer("batch_normalization", normalized, hidden, yes_or_no),
        strict=True,
    )
    for number, (units, rate, normalizes) in enumerate(settings, start=1):
        name = f"hidden_{number}"
        yield Node("Dense", name, f"{counted(units, 'unit')}")
        if normalizes:
            yield Node("BatchNormalization", f"{name}_normalization")
        if rate:
            yield Node("Dropout", f"{name}_dropout", f"{rate:g}")


def _by(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
