"""What the layers of a network return in one forward pass."""

from __future__ import annotations

from collections.abc import Iterator

from skdl._networks.keras import keras


def output_shapes(model: keras.Model) -> Iterator[tuple]:
    """Yield the shape of the output of each call of a layer, of networks within a network too.

    Layers also know calls that are not this network's: those of another network that uses them,
    and those of a `keras.Sequential` that was built anew with every layer added. Nothing is known
    of a network that is a class of its own.
    """
    functional = getattr(model, "_functional", None) or model
    for nodes in getattr(functional, "_nodes_by_depth", {}).values():
        for node in nodes:
            within = []
            if isinstance(node.operation, keras.Model):
                within = list(output_shapes(node.operation))
            if not node.is_input:
                yield from within or (tuple(tensor.shape) for tensor in node.output_tensors)
