"""Recurrent layers of Keras as ONNX nodes.

LSTM, GRU and SimpleRNN become the operators of ONNX where these compute the same [1]_. Of masks
they know lengths alone, so that steps that count are moved to the front, and their outputs back.
They know neither all activations, nor float64, nor cells within others: `Scan` runs those, step by
step, by a graph that is Keras's own cell.

References
----------
.. [1] ONNX operators, LSTM, GRU and RNN. https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from skdl._networks.keras import keras
from skdl._onnx.calls import values_in
from skdl._onnx.graph import Body, Graph
from skdl._onnx.network import activated, converts, weights

# Activations that the operators of ONNX have too.
_ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softsign": "Softsign"}
# Where the gates of a Keras cell are in the operator: ONNX has input, output, forget, candidate
# for Keras's input, forget, candidate, output.
_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}
_OPERATORS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}


@converts("LSTM", "GRU", "SimpleRNN", "RNN", arguments=("initial_state", "mask"))
def _recurrent(graph, layer, x):
    initial = values_in(graph.call["initial_state"])
    return _given_back(layer, *_run(graph, layer, x, graph.call.mask, initial))


@converts("Bidirectional", arguments=("initial_state", "mask"))
def _bidirectional(graph, layer, x):
    initial, mask = values_in(graph.call["initial_state"]), graph.call.mask
    half = len(initial) // 2
    directions = (layer.forward_layer, initial[:half]), (layer.backward_layer, initial[half:])
    (ahead, *states), (back, *others) = [
        _given_back(each, *_run(graph, each, x, mask, given)) for each, given in directions
    ]
    if layer.return_sequences:
        back = _reversed(graph, back, 1)
    states = states + others
    if layer.merge_mode is None:
        return [ahead, back, *states]
    merge = {
        "concat": partial(graph, "Concat", axis=-1),
        "sum": partial(graph, "Add"),
        "mul": partial(graph, "Mul"),
        "ave": lambda a, b: graph("Div", graph("Add", a, b), 2.0),
    }[layer.merge_mode]
    return [merge(ahead, back), *states]


def _given_back(layer, sequence, last, states):
    return [sequence if layer.return_sequences else last, *(states if layer.return_state else [])]


def _run(graph, layer, x, mask, initial):
    """Return the outputs of all steps (None unless the layer wants them), the last, and states."""
    name = type(layer).__name__
    if name not in {*_OPERATORS, "RNN"} or type(layer).__module__.split(".")[0] != "keras":
        raise _not_converted(graph, layer)
    if layer.stateful:
        raise ValueError(f"to_onnx cannot convert layer {layer.name!r} with stateful=True.")
    functions = [getattr(layer.cell, f, None) for f in ("recurrent_activation", "activation")]
    functions = [_operator_activation(f) for f in functions if f is not None]
    if mask is not None:
        mask = graph.cast(mask, np.bool_)
    # With `zero_output_for_mask`, the last output is zero where the last step is padded.
    kept = mask is None or layer.return_sequences or not layer.zero_output_for_mask
    has_operator = name != "RNN" and graph.dtype == np.float32 and None not in functions
    if has_operator and kept and not initial:
        return _operator(graph, layer, x, mask, functions)
    return _scan(graph, layer, x, mask, initial)


def _operator_activation(function):
    name = getattr(function, "__name__", "")
    return _ACTIVATIONS.get(name) if function is getattr(keras.activations, name, None) else None


def _not_converted(graph, part):
    return ValueError(
        f"to_onnx cannot convert layer {graph.layer.name!r}, which runs {type(part).__name__}. It "
        f"converts LSTM, GRU and SimpleRNN, and RNN of {', '.join(_CELLS)}."
    )


def _operator(graph, layer, x, mask, functions):
    """Add the operator of ONNX, which wants the steps first."""
    name, cell = type(layer).__name__, layer.cell
    order = _GATES[name]

    def gates(array):  # (inputs, gates of Keras) to (1, gates of ONNX, inputs)
        parts = np.split(array, len(order), axis=-1)
        return np.concatenate([parts[i] for i in order], axis=-1).T[None]

    biases = np.zeros((2, layer.units * len(order)))
    if layer.use_bias:
        given = np.atleast_2d(weights(cell.bias))
        biases[: len(given)] = given
    biases = np.concatenate([gates(bias) for bias in biases], axis=-1)
    attributes: dict[str, Any] = {"hidden_size": layer.units}
    if name == "LSTM":
        functions = [*functions, functions[-1]]
    elif name == "GRU":
        attributes["linear_before_reset"] = int(layer.reset_after)
    if layer.go_backwards:
        x = _reversed(graph, x, 1)
    lengths = []
    if mask is not None:
        mask = _reversed(graph, mask, 1) if layer.go_backwards else mask
        x, length = _kept_first(graph, x, mask)
        lengths.append(length)
    sequence, *states = graph.several(
        *(_OPERATORS[name], 3 if name == "LSTM" else 2, graph("Transpose", x, perm=[1, 0, 2])),
        *(gates(weights(cell.kernel)), gates(weights(cell.recurrent_kernel)), biases, *lengths),
        activations=functions,
        **attributes,
    )
    first = np.array([0], np.int64)
    states = [graph("Squeeze", state, first) for state in states]
    if layer.return_sequences:
        sequence = graph("Transpose", graph("Squeeze", sequence, first + 1), perm=[1, 0, 2])
        if mask is not None:
            sequence = _back_in_place(graph, layer, sequence, mask)
    return sequence, states[0], states


def _kept_first(graph, x, mask):
    """Return sequences with the steps that count in front, in their order, and their numbers."""
    n_steps = graph("Shape", x, start=1, end=2)
    zero, one = np.array(0, np.int64), np.array(1, np.int64)
    end = graph("Squeeze", n_steps, np.array([0], np.int64))
    positions = graph("Range", zero, end, one)
    places = graph("Where", mask, positions, graph("Add", positions, end))
    _, order = graph.several("TopK", 2, places, n_steps, largest=0)
    x = graph("GatherElements", x, _for_each_feature(graph, order, x), axis=1)
    counts = graph.reduced("ReduceSum", graph.cast(mask, np.int64), 1, keepdims=False)
    return x, graph.cast(counts, np.int32)


def _back_in_place(graph, layer, sequence, mask):
    """Return the output of each step, or of the last before it that counts."""
    counts = graph("CumSum", graph.cast(mask, np.int64), np.array(1, np.int64))
    before = graph("Max", graph("Sub", counts, np.array(1, np.int64)), np.array(0, np.int64))
    order = _for_each_feature(graph, before, sequence)
    sequence = graph("GatherElements", sequence, order, axis=1)
    seen = mask if layer.zero_output_for_mask else graph("Greater", counts, np.array(0, np.int64))
    return graph("Where", graph.expanded(seen, 2), sequence, 0.0)


def _for_each_feature(graph, order, x):
    return graph("Expand", graph.expanded(order, 2), graph("Shape", x))


def _reversed(graph, x, axis):
    backwards, end = np.array([-1], np.int64), np.array([np.iinfo(np.int64).min])
    return graph("Slice", x, backwards, end, np.array([axis], np.int64), backwards)


def _scan(graph, layer, x, mask, initial):
    """Run a layer's cell step by step; steps that are masked leave the states as they are."""
    cell, body = layer.cell, graph.body()
    sizes = keras.tree.flatten(cell.state_size)
    n_outputs = getattr(cell, "output_size", None) or sizes[0]
    states = [body.input((None, size)) for size in sizes]
    before = body.input((None, n_outputs))
    step = body.input((None, graph.shapes[x][-1]))
    output, new = _step(body, cell, step, states)
    steps = [x]
    if mask is not None:
        kept = body.input((None, 1), bool)
        steps.append(graph.expanded(mask, 2))
        new = [body("Where", kept, after, state) for after, state in zip(new, states, strict=True)]
        otherwise = 0.0 if layer.zero_output_for_mask else before
        output = body("Where", kept, output, otherwise)
    found = [(state, (None, size)) for state, size in zip(new, sizes, strict=True)]
    found += [(output, (None, n_outputs))] * (2 if layer.return_sequences else 1)
    begin = [*(initial or [_zeros(graph, x, size) for size in sizes]), _zeros(graph, x, n_outputs)]
    each = {"scan_output_axes": [1]} if layer.return_sequences else {}
    *states, last = graph.several(
        *("Scan", len(found), *begin, *steps),
        body=body.finished(found),
        num_scan_inputs=len(steps),
        scan_input_axes=[1] * len(steps),
        scan_input_directions=[int(layer.go_backwards)] * len(steps),
        **each,
    )
    if layer.return_sequences:
        *states, end = states
        return last, end, states
    return None, last, states


def _zeros(graph, x, size):
    n_rows = graph("Shape", x, start=0, end=1)
    shape = graph("Concat", n_rows, np.array([size], np.int64), axis=0)
    return graph("Expand", np.zeros((1, size)), shape)


# Cells: one step, from inputs and states to an output and new states.


def _step(body: Body, cell: Any, x: str, states: list[str]) -> tuple[str, list[str]]:
    name = type(cell).__name__
    if name not in _CELLS or type(cell).__module__.split(".")[0] != "keras":
        raise _not_converted(body, cell)
    return _CELLS[name](body, cell, x, states)


def _linear(graph: Graph, x: str, kernel: Any, bias: Any = None) -> str:
    x = graph("MatMul", x, kernel)
    return x if bias is None else graph("Add", x, bias)


def _lstm_step(body, cell, x, states):
    hidden, carry = states
    bias = weights(cell.bias) if cell.use_bias else None
    z = body(
        "Add",
        _linear(body, x, weights(cell.kernel), bias),
        _linear(body, hidden, weights(cell.recurrent_kernel)),
    )
    sizes = np.full(4, cell.units, np.int64)
    i, f, candidate, o = body.several("Split", 4, z, sizes, axis=1)
    i, f, o = (activated(body, cell.recurrent_activation, gate) for gate in (i, f, o))
    candidate = activated(body, cell.activation, candidate)
    carry = body("Add", body("Mul", f, carry), body("Mul", i, candidate))
    hidden = body("Mul", o, activated(body, cell.activation, carry))
    return hidden, [hidden, carry]


def _gru_step(body, cell, x, states):
    (hidden,), n = states, cell.units
    kernel, recurrent = weights(cell.kernel), weights(cell.recurrent_kernel)
    biases = np.zeros((2, 3 * n))
    if cell.use_bias:
        given = np.atleast_2d(weights(cell.bias))
        biases[: len(given)] = given

    def gate(part):
        inputs = _linear(body, x, kernel[:, part], biases[0, part])
        states = _linear(body, hidden, recurrent[:, part], biases[1, part])
        return activated(body, cell.recurrent_activation, body("Add", inputs, states))

    update, reset, rest = gate(slice(0, n)), gate(slice(n, 2 * n)), slice(2 * n, None)
    if cell.reset_after:
        past = body("Mul", reset, _linear(body, hidden, recurrent[:, rest], biases[1, rest]))
    else:
        past = _linear(body, body("Mul", reset, hidden), recurrent[:, rest])
    inputs = _linear(body, x, kernel[:, rest], biases[0, rest])
    candidate = activated(body, cell.activation, body("Add", inputs, past))
    kept = body("Mul", update, hidden)
    hidden = body("Add", kept, body("Mul", body("Sub", 1.0, update), candidate))
    return hidden, [hidden]


def _simple_step(body, cell, x, states):
    bias = weights(cell.bias) if cell.use_bias else None
    inputs = _linear(body, x, weights(cell.kernel), bias)
    past = _linear(body, states[0], weights(cell.recurrent_kernel))
    hidden = activated(body, cell.activation, body("Add", inputs, past))
    return hidden, [hidden]


def _stacked_step(body, cell, x, states):
    new, left = [], list(states)
    for inner in cell.cells:
        n_states = len(keras.tree.flatten(inner.state_size))
        x, own = _step(body, inner, x, left[:n_states])
        new, left = new + own, left[n_states:]
    return x, new


_CELLS = {
    "LSTMCell": _lstm_step,
    "GRUCell": _gru_step,
    "SimpleRNNCell": _simple_step,
    "StackedRNNCells": _stacked_step,
}
