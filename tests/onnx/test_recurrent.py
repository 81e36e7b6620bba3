"""Recurrent layers and masks as ONNX nodes, beside Keras's own values."""

import numpy as np
import onnxruntime
import pytest
from onnx_networks import GivenNetwork, assert_same_blocks, randomized

from skdl import to_onnx
from skdl._networks.keras import keras

layers, ops = keras.layers, keras.ops

_rng = np.random.default_rng(0)
ROWS = _rng.normal(size=(7, 6, 3)).astype("float32")
TOKENS = _rng.integers(1, 9, (7, 6)).astype("int32")
# Padded at the end, at the begin, within, and altogether.
for _padded in (ROWS, TOKENS):
    _padded[0, 4:] = _padded[1, :3] = _padded[2, 2] = _padded[3] = 0

CELLS = {"LSTM": layers.LSTM, "GRU": layers.GRU, "SimpleRNN": layers.SimpleRNN}
OPTIONS = [
    {},
    {"go_backwards": True},
    {"return_sequences": True},
    {"return_sequences": True, "go_backwards": True},
    {"return_sequences": True, "zero_output_for_mask": True},
    {"use_bias": False, "unroll": True},
    {"activation": "softsign"},
    {"activation": "gelu"},
    {"activation": layers.LeakyReLU(0.3)},
    {"dropout": 0.5, "recurrent_dropout": 0.5},
]
OPTIONS_BY_KIND = {
    "LSTM": [{"recurrent_activation": "hard_sigmoid"}],
    "GRU": [
        {"reset_after": False},
        {"reset_after": False, "use_bias": False},
        {"reset_after": False, "activation": "elu"},
    ],
    "SimpleRNN": [],
}


def every_option(kind):
    """Return branches of one recurrent layer each."""
    branches = {}
    for options in OPTIONS + OPTIONS_BY_KIND[kind]:
        branches[kind, str(options)] = CELLS[kind](4, **options)
    for mode, sequences in (("concat", 1), ("sum", 1), ("mul", 0), ("ave", 1), ("concat", 0)):
        layer = CELLS[kind](4, return_sequences=bool(sequences))
        branches[kind, mode, sequences] = layers.Bidirectional(layer, merge_mode=mode)
    return branches


@pytest.mark.slow
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_every_option(kind, masked):
    before = layers.Masking(0.0) if masked else (lambda x: x)
    assert_same_blocks(every_option(kind), ROWS, before)


@pytest.mark.parametrize(
    ("options", "masked", "operator"),
    [
        ({}, False, "LSTM"),
        ({}, True, "LSTM"),
        ({"go_backwards": True, "return_sequences": True}, True, "LSTM"),
        ({"activation": "gelu"}, False, "Scan"),
        ({"zero_output_for_mask": True}, True, "Scan"),
    ],
)
def test_operator(options, masked, operator):
    """Runtimes are quick at LSTM, which becomes a loop only where it computes something else."""
    inputs = keras.Input((6, 3))
    x = layers.LSTM(2, **options)(layers.Masking()(inputs) if masked else inputs)
    n = int(np.prod(x.shape[1:]))
    net = GivenNetwork(randomized(keras.Model(inputs, ops.reshape(x, (-1, n)))))
    model = to_onnx(net.fit(ROWS, np.zeros((7, n))), ROWS)
    assert {node.op_type for node in model.graph.node} & {"LSTM", "Scan"} == {operator}


def _decoded(kind, **options):
    def branch(x):
        _, *states = kind(4, return_state=True)(x)
        return kind(4, **options)(x, initial_state=states)

    return branch


def _states(x):
    _, *states = layers.Bidirectional(layers.LSTM(4, return_state=True))(x)
    return layers.Bidirectional(layers.LSTM(4))(x, initial_state=states)


def _used_twice(x):
    layer = layers.LSTM(3, return_sequences=True)
    return layer(layer(x))


CELL_NETWORKS = {
    "stacked cells": lambda x: layers.RNN(
        [layers.LSTMCell(3), layers.GRUCell(4), layers.SimpleRNNCell(2)]
    )(x),
    "stacked cells, all steps": lambda x: layers.RNN(
        [layers.GRUCell(3), layers.LSTMCell(2)], return_sequences=True, go_backwards=True
    )(x),
    "states handed on": _decoded(layers.LSTM),
    "states handed on, all steps": _decoded(layers.GRU, return_sequences=True),
    "states of both directions": _states,
    "both directions apart": lambda x: ops.concatenate(
        layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode=None)(x), axis=-1
    ),
    "directions of two kinds": layers.Bidirectional(
        layers.LSTM(4, go_backwards=True, return_sequences=True),
        backward_layer=layers.GRU(4, return_sequences=True),
    ),
    "used twice": _used_twice,
    "a mask of its own": lambda x: layers.LSTM(3)(x, mask=x[:, :, 0] > 0),
}


@pytest.mark.parametrize("masked", [pytest.param(False, marks=pytest.mark.slow), True])
def test_cells_and_states(masked):
    assert_same_blocks(CELL_NETWORKS, ROWS, layers.Masking() if masked else lambda x: x)


def _attention_twice(x):
    """Attention takes the mask from its query, but not from what was given a mask before."""
    attend = [layers.MultiHeadAttention(2, 3) for _ in range(2)]
    found = [layer(x, x) for layer in attend]
    return ops.concatenate([*found, layers.LSTM(4, return_sequences=True)(x)], axis=-1)


def _inner(x):
    inputs = keras.Input((6, 4))
    inner = keras.Model(inputs, layers.GRU(4, return_sequences=True)(inputs))
    return layers.GRU(3)(layers.Add()([inner(x), inner(x * 2.0)]))


def _sequences(x):
    return layers.LSTM(4, return_sequences=True)(x)


def _unmasked(x):
    return ops.tanh(x)


MASKED = {
    "one after another": lambda x: layers.GRU(3)(_sequences(x)),
    "through layers that pass masks on": lambda x: layers.GRU(3)(
        layers.LayerNormalization()(layers.BatchNormalization()(layers.Dense(4, "relu")(x)))
    ),
    "through operations, which drop them": lambda x: layers.GRU(3)(x * 2.0),
    "mean of the steps": layers.GlobalAveragePooling1D(),
    "mean of the steps, with their axis": layers.GlobalAveragePooling1D(keepdims=True),
    "two masks added": lambda x: layers.GRU(3)(layers.Add()([x, _sequences(x)])),
    "a mask and none": lambda x: layers.GRU(3)(layers.Add()([x, _unmasked(x)])),
    "features side by side": lambda x: layers.GRU(3)(layers.Concatenate()([x, _sequences(x)])),
    "features of a mask and none": lambda x: layers.GRU(3)(layers.Concatenate()([x, _unmasked(x)])),
    "steps in a row": lambda x: layers.GRU(3)(layers.Concatenate(axis=1)([x, _sequences(x)])),
    "steps of a mask and none": lambda x: layers.GRU(3)(
        layers.Concatenate(axis=1)([x, _unmasked(x)])
    ),
    "each step": lambda x: layers.GRU(3)(layers.TimeDistributed(layers.Dense(3))(x)),
    "attention": lambda x: layers.LSTM(3)(layers.Attention()([x, x])),
    "attention by sums": lambda x: layers.Attention(use_scale=True, score_mode="concat")(
        [x, _sequences(x), x]
    ),
    "additive attention": lambda x: layers.AdditiveAttention()([x, _sequences(x)]),
    "attention to the past": lambda x: layers.Attention()([x, x], use_causal_mask=True),
    "heads": lambda x: layers.GRU(3)(layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)])),
    "heads with dropout": lambda x: layers.MultiHeadAttention(2, 3, dropout=0.1)(x, x),
    "heads, to the past": lambda x: layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True),
    "heads with dropout, to the past": lambda x: layers.MultiHeadAttention(2, 3, dropout=0.1)(
        x, x, use_causal_mask=True
    ),
    "heads' shares": lambda x: layers.MultiHeadAttention(2, 3)(x, x, return_attention_scores=True)[
        1
    ],
    "a mask of the query": lambda x: layers.MultiHeadAttention(2, 3)(x, _unmasked(x)),
    "a mask of value and key": lambda x: layers.MultiHeadAttention(2, 3)(
        _unmasked(x), x, key=_sequences(x)
    ),
    "attention twice": _attention_twice,
    "a model within": _inner,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_masks_of_embeddings():
    embed = layers.Embedding(9, 4, mask_zero=True)
    assert_same_blocks(MASKED, TOKENS, embed, "int32")


@pytest.mark.parametrize("network", ["int32", "float32"])
@pytest.mark.parametrize("given", ["int32", "int64", "uint8", "float32", "float64"])
def test_tokens_of_any_dtype(network, given):
    """By networks that are converted and compared by `to_onnx` itself."""
    inputs = keras.Input((6,), dtype=network)
    embedded = layers.Embedding(9, 2, mask_zero=True)(inputs)
    net = GivenNetwork(randomized(keras.Model(inputs, layers.LSTM(1)(embedded))))
    X = TOKENS.astype(given)
    model = to_onnx(net.fit(X, np.zeros(len(X))), X, tolerance=None)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    expected = keras.ops.convert_to_numpy(net.model(X.astype("int32")))
    np.testing.assert_allclose(session.run(None, {"X": X})[0], expected, atol=1e-6)
    wrong = [X + np.array(9, X.dtype)]
    wrong += [X - np.array(1, X.dtype)] if X.dtype.kind != "u" else []
    wrong += [X + np.array(0.5, X.dtype)] if X.dtype.kind == "f" else []
    for tokens in wrong:  # as `predict`, ONNX Runtime refuses what the embedding does not know
        with pytest.raises(Exception, match="out of data bounds"):
            session.run(None, {"X": tokens})


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_sequences_of_any_length():
    inputs = keras.Input((None, 3))
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True))(layers.Masking()(inputs))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)])
    x = layers.TimeDistributed(layers.Dense(4, "relu"))(x)
    x = layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(x)
    outputs = ops.concatenate([layers.LSTM(2)(x), layers.GlobalMaxPooling1D()(x)], axis=-1)
    net = GivenNetwork(randomized(keras.Model(inputs, outputs))).fit(ROWS, np.zeros((7, 6)))
    session = onnxruntime.InferenceSession(to_onnx(net, ROWS).SerializeToString())
    assert session.get_inputs()[0].shape[2] == 3
    for length in (1, 6, 11):
        X = np.random.default_rng(length).normal(size=(4, length, 3)).astype("float32")
        expected = keras.ops.convert_to_numpy(net.model(X))
        np.testing.assert_allclose(session.run(None, {"X": X})[0], expected, atol=1e-5)


def test_float64():
    branches = {
        "operator": layers.LSTM(3, dtype="float64"),  # ONNX Runtime has it in float32 alone
        "scan": layers.GRU(3, activation="gelu", dtype="float64"),
        "attention": lambda x: layers.MultiHeadAttention(2, 3, dtype="float64")(
            x, x, use_causal_mask=True
        ),
    }
    assert_same_blocks(branches, ROWS.astype("float64"), dtype="float64")


class Own(layers.LSTMCell):
    """A cell of the user's."""


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.RNN(Own(2), name="mine"), "layer 'mine', which runs Own"),
        (layers.TimeDistributed(layers.Lambda(lambda x: x, name="it")), "layer 'it', of class Lam"),
        (layers.LSTM(1, activation=lambda x: x, name="bent"), "<lambda>' of layer 'bent'"),
        (layers.ConvLSTM1D(1, 1, name="both"), "layer 'both', of class ConvLSTM1D"),
    ],
)
def test_what_cannot_be_converted_is_named(layer, message):
    X = ROWS[..., None] if isinstance(layer, layers.ConvLSTM1D) else ROWS
    inputs = keras.Input(X.shape[1:])
    net = GivenNetwork(keras.Model(inputs, layers.Flatten()(layer(inputs))))
    with pytest.raises(ValueError, match=message):
        to_onnx(net.fit(X, np.zeros((7, net.model.output_shape[1]))), X)
