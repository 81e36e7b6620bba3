"""The layers of a network and how they are joined, cut to what a picture can show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# Longest column and widest row of a picture; what is more is drawn as one box.
_MOST_RANKS, _MOST_BESIDE = 20, 4
_LARGEST_COUNT = 2000  # nodes; a larger network is not walked through


@dataclass(frozen=True)
class Node:
    """A layer or operation, or several of them in one box.

    Parameters
    ----------
    kind : str
        Its class.
    name : str
        Its own name.
    note : str, default=""
        The shape of its outputs, or what is known before they are.
    n_parameters : int, default=None
        None where nothing is to be said of them.
    n_layers : int, default=1
        Number of layers within.
    is_part : bool, default=True
        False for a box that stands for several.
    """

    kind: str
    name: str
    note: str = ""
    n_parameters: int | None = None
    n_layers: int = 1
    is_part: bool = True


@dataclass
class Graph:
    """Nodes, and pairs of their positions: from one to the one that takes its outputs."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    joined: bool = True  # whether the edges are known

    @classmethod
    def chain(cls, nodes: Sequence[Node], joined: bool = True) -> Graph:
        """Return nodes one behind the other."""
        return cls(list(nodes), [(i, i + 1) for i in range(len(nodes) - 1)], joined)

    def behind(self, other: Graph) -> Graph:
        """Return a graph of another and, behind it, this one without its inputs."""
        into = {end for _, end in self.edges}
        inputs = {i for i, node in enumerate(self.nodes) if i not in into and _is_input(node)}
        from_ = {start for start, _ in other.edges}
        last = [i for i in range(len(other.nodes)) if i not in from_]
        places, nodes = {}, list(other.nodes)
        for i, node in enumerate(self.nodes):
            if i not in inputs:
                places[i] = len(nodes)
                nodes.append(node)
        edges = list(other.edges)
        for start, end in self.edges:
            starts = last if start in inputs else [places[start]]
            edges += [(each, places[end]) for each in starts]
        return Graph(nodes, edges, self.joined and other.joined)

    def ranks(self) -> list[int]:
        """Return how many nodes are at most before each."""
        ranks = [0] * len(self.nodes)
        for start, end in sorted(self.edges):  # every edge leads on in the list
            ranks[end] = max(ranks[end], ranks[start] + 1)
        # An input of a late layer stands right before it.
        after: dict[int, int] = {}
        for start, end in self.edges:
            after[start] = min(after.get(start, len(self.nodes)), ranks[end] - 1)
        into = {end for _, end in self.edges}
        return [after.get(i, rank) if i not in into else rank for i, rank in enumerate(ranks)]

    def cut(self) -> Graph:
        """Return a graph that a picture can show: its middle, and wide rows, are one box each."""
        ranks = self.ranks()
        n_ranks = max(ranks, default=0) + 1
        boxes = [[i] for i in range(len(self.nodes))]
        if n_ranks > _MOST_RANKS:
            first = _MOST_RANKS // 2
            last = n_ranks - (_MOST_RANKS - first - 1)
            boxes = [[i] for i, rank in enumerate(ranks) if rank < first]
            boxes.append([i for i, rank in enumerate(ranks) if first <= rank < last])
            boxes += [[i] for i, rank in enumerate(ranks) if rank >= last]
        cut = self._of(boxes)
        rows: dict[int, list[int]] = {}
        for i, rank in enumerate(cut.ranks()):
            rows.setdefault(rank, []).append(i)
        boxes = []
        for row in rows.values():
            kept = row if len(row) <= _MOST_BESIDE else row[: _MOST_BESIDE - 1]
            boxes += [[i] for i in kept] + [row[len(kept) :]] * (len(kept) < len(row))
        return cut._of(boxes)

    def _of(self, boxes: list[list[int]]) -> Graph:
        """Return the graph whose nodes are these ones together, in an order that leads on."""
        boxes = sorted(boxes, key=min)
        place = {i: box for box, members in enumerate(boxes) for i in members}
        nodes = [
            self.nodes[members[0]] if len(members) == 1 else _together(self.nodes, members)
            for members in boxes
        ]
        edges = {(place[start], place[end]) for start, end in self.edges}
        # A box of many may begin before what leads into it.
        order = _in_order(len(nodes), sorted((a, b) for a, b in edges if a != b))
        new = {old: position for position, old in enumerate(order)}
        return Graph(
            [nodes[old] for old in order],
            sorted((new[a], new[b]) for a, b in edges if a != b),
            self.joined,
        )


def _together(nodes: list[Node], members: list[int]) -> Node:
    n_layers = sum(nodes[i].n_layers for i in members)
    counts = [nodes[i].n_parameters for i in members]
    kinds = {nodes[i].kind for i in members}
    kind = kinds.pop() if len(kinds) == 1 else "layers"
    return Node(
        f"{n_layers:,} more", kind, "", sum(n or 0 for n in counts), n_layers, is_part=False
    )


def _in_order(n: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return nodes so that every edge leads on, else in their order."""
    waiting = [0] * n
    after: list[list[int]] = [[] for _ in range(n)]
    for start, end in edges:
        waiting[end] += 1
        after[start].append(end)
    ready, order = [i for i in range(n) if not waiting[i]], []
    while ready:
        ready.sort()
        node = ready.pop(0)
        order.append(node)
        for end in after[node]:
            waiting[end] -= 1
            ready += [end] * (not waiting[end])
    return order


def graph_of(models: Sequence[keras.Model]) -> Graph | None:
    """Return the graph of networks one behind the other, None where there is nothing to draw."""
    graph: Graph | None = None
    for model in models:
        own = _graph_of_one(model)
        if own is None:
            return None
        graph = own if graph is None else own.behind(graph)
    return graph if graph is not None and graph.nodes else None


def _graph_of_one(model: keras.Model) -> Graph | None:
    functional = getattr(model, "_functional", None) or model  # what a Sequential holds
    by_depth = getattr(functional, "_nodes_by_depth", None)
    counted: set[int] = set()
    if by_depth is None:  # a class of its own, whose calls are not known
        layers = model.layers
        if len(layers) > _LARGEST_COUNT:
            return None
        return Graph.chain([_node(layer, None, counted) for layer in layers], joined=False)
    made = {id(each): i for i, each in enumerate(functional._operations)}  # in their order
    calls = [
        call
        for depth in sorted(by_depth, reverse=True)
        for call in sorted(by_depth[depth], key=lambda call: made.get(id(call.operation), 0))
    ]
    if len(calls) > _LARGEST_COUNT:
        return None
    place = {id(call): i for i, call in enumerate(calls)}
    nodes = [_node(call.operation, call.outputs, counted) for call in calls]
    edges = {
        (place[id(parent)], i)
        for i, call in enumerate(calls)
        for parent in call.parent_nodes
        if id(parent) in place
    }
    order = _in_order(len(nodes), sorted(edges))
    new = {old: position for position, old in enumerate(order)}
    return Graph([nodes[old] for old in order], sorted((new[a], new[b]) for a, b in edges))


def _node(operation: Any, outputs: list[Any] | None, counted: set[int]) -> Node:
    """Return the node of one call; `counted` are the layers whose parameters were counted."""
    is_layer = hasattr(operation, "count_params")
    kind = type(operation).__name__
    note = shapes_of(operation) if outputs is None else joined_shapes(outputs)
    count = None
    if is_layer and kind != "InputLayer":
        new = id(operation) not in counted and getattr(operation, "built", True)
        count = operation.count_params() if new else 0
        if not new and operation.weights:
            note = f"{note}, shared" if note else "shared"
    counted.add(id(operation))
    return replace(
        Node(kind.removesuffix("Layer") or kind, operation.name, note, count),
        n_layers=sum(1 for _ in _layers_within(operation)) or 1,
    )


def _layers_within(operation: Any) -> Iterable[Any]:
    """Yield the layers of a network that is used as a layer."""
    for layer in getattr(operation, "layers", ()):
        if type(layer).__name__ != "InputLayer":
            yield from _layers_within(layer) if getattr(layer, "layers", ()) else (layer,)


def _is_input(node: Node) -> bool:
    return node.kind == "Input"


def shapes_of(layer: Any) -> str:
    """Return the shapes of a layer's outputs, without the axis of rows; "" where not known."""
    from skdl._networks.keras import keras

    try:
        outputs = keras.tree.flatten(layer.output)
    except (AttributeError, ValueError):  # used in several places, or within a class of its own
        return ""
    return joined_shapes(outputs)


def joined_shapes(tensors: Iterable[Any]) -> str:
    """Return shapes without the axis of rows, such as "28 x 28 x 1"."""
    return "; ".join(
        " x ".join("?" if size is None else str(size) for size in tensor.shape[1:])
        for tensor in tensors
    )


def n_trainable(models: Sequence[keras.Model]) -> int:
    """Return the number of parameters that training changes."""
    return sum(math.prod(v.shape) for model in models for v in model.trainable_variables)
