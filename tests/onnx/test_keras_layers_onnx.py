"""Convolutions, normalisations, attention, shapes and operations, beside Keras's own values."""

import numpy as np
import pytest
from onnx_networks import assert_same_blocks

from skdl._networks.keras import keras

layers, ops = keras.layers, keras.ops

_rng = np.random.default_rng(0)
SEQUENCES = _rng.normal(size=(5, 9, 4)).astype("float32")
IMAGES = _rng.normal(size=(4, 6, 7, 4)).astype("float32")
VOLUMES = _rng.normal(size=(3, 4, 5, 6, 2)).astype("float32")
BY_DIMENSIONS = {1: SEQUENCES, 2: IMAGES, 3: VOLUMES}


def _of(name, n):
    return getattr(layers, name.replace("?", f"{n}D"))


def sliding(n):
    """Return convolutions and pooling of every geometry in n dimensions."""
    branches = {}

    def add(name, *args, **options):
        branches[name, args, str(options)] = _of(name, n)(*args, **options)

    for padding in ("valid", "same"):
        add("Conv?", 3, 2, dilation_rate=2, padding=padding, activation="relu")
        for strides in (1, 2, 3):
            options = {"strides": strides, "padding": padding}
            add("Conv?", 3, 2, **options)
            add("MaxPooling?", 2, **options)
            add("AveragePooling?", 3 if padding == "same" else 2, **options)
            for size in (1, 2, 3, 4):
                add("Conv?Transpose", 2, size, **options)
        for more in (0, 1):
            add("Conv?Transpose", 2, 3, strides=2, padding=padding, output_padding=more)
    for kind in ("Max", "Average"):
        for keepdims in (False, True):
            add(f"Global{kind}Pooling?", keepdims=keepdims)
    add("ZeroPadding?", 1)
    add("Cropping?", 1)
    add("UpSampling?", 2)
    add("SpatialDropout?", 0.5)
    if n < 3:
        add("SeparableConv?", 3, 2, padding="same", depth_multiplier=2)
        add("DepthwiseConv?", 2, depth_multiplier=2, use_bias=False)
    return branches


@pytest.mark.slow
@pytest.mark.parametrize("n", BY_DIMENSIONS)
def test_sliding(n):
    assert_same_blocks(sliding(n), BY_DIMENSIONS[n])


def test_what_differs_by_axis():
    branches = {
        "causal": layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        "causal, with strides": layers.Conv1D(4, 3, padding="causal", strides=2),
        "padded at the begin": layers.ZeroPadding1D((2, 0)),
        "cut at the end": layers.Cropping1D((0, 2)),
    }
    assert_same_blocks(branches, SEQUENCES)
    branches = {
        "padded": layers.ZeroPadding2D(((1, 0), (2, 3))),
        "cut": layers.Cropping2D(((0, 1), (2, 0))),
        "enlarged": layers.UpSampling2D((2, 3)),
        "strides": layers.Conv2DTranspose(2, (2, 3), strides=(3, 1), padding="same"),
    }
    assert_same_blocks(branches, IMAGES)


def test_normalisations():
    branches = {
        f"LayerNormalization(axis={axis}, {options})": layers.LayerNormalization(
            axis=axis, **options
        )
        for axis in (-1, 1, [1, 2], [-1])
        for options in ({}, {"center": False}, {"scale": False})
    }
    branches |= {
        "RMSNormalization": layers.RMSNormalization(),
        "UnitNormalization": layers.UnitNormalization(),
        "UnitNormalization(1)": layers.UnitNormalization(axis=1),
        "UnitNormalization((1, 2))": layers.UnitNormalization(axis=(1, 2)),
        "BatchNormalization(1)": layers.BatchNormalization(axis=1),
        "Normalization": layers.Normalization(mean=[0.1, 0, 1, 2], variance=[1, 2, 3, 4]),
        "Normalization, inverted": layers.Normalization(
            mean=[0.1, 0, 1, 2], variance=[1, 2, 3, 4], invert=True
        ),
        "SpectralNormalization": layers.SpectralNormalization(layers.Dense(3)),
    }
    X = SEQUENCES.copy()
    X[0, 1] = 0  # of no length
    assert_same_blocks(branches, X, atol=2e-5)
    branches = {
        f"GroupNormalization({groups}, axis={axis}, {options})": layers.GroupNormalization(
            groups, axis=axis, **options
        )
        for groups, axis in ((1, -1), (2, -1), (-1, -1), (3, 1))
        for options in ({}, {"center": False, "scale": False})
    }
    assert_same_blocks(branches, IMAGES, atol=2e-5)


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
def test_deprecated_rms_scaling():
    """Which divides by the standard deviation, and does not centre."""
    branches = {
        str(axis): layers.LayerNormalization(axis=axis, rms_scaling=True) for axis in (-1, 1)
    }
    assert_same_blocks(branches, SEQUENCES, atol=2e-5)


def _heads(**options):
    return layers.MultiHeadAttention(2, 3, **options)


def test_attention():
    branches = {
        "dot products": lambda x: layers.Attention()([x, x]),
        "scaled, with keys": lambda x: layers.Attention(use_scale=True)([x, x * 2.0, x + 1.0]),
        "by sums": lambda x: layers.Attention(score_mode="concat")([x, x]),
        "by scaled sums": lambda x: layers.Attention(score_mode="concat", use_scale=True)([x, x]),
        "to the past": lambda x: layers.Attention()([x, x], use_causal_mask=True),
        "shares": lambda x: layers.Attention()([x, x], return_attention_scores=True)[1],
        "additive": lambda x: layers.AdditiveAttention()([x, x]),
        "additive, without scale": lambda x: layers.AdditiveAttention(use_scale=False)([x, x]),
        "heads": lambda x: _heads()(x, x),
        "heads of other sequences": lambda x: _heads(value_dim=2)(x, x[:, :5], key=x[:, 2:7]),
        "heads, to the past": lambda x: _heads()(x, x, use_causal_mask=True),
        "heads, nearby": lambda x: _heads(sliding_window=2)(x, x),
        "heads, nearby and past": lambda x: _heads(sliding_window=3)(x, x, use_causal_mask=True),
        "heads with a gate": lambda x: _heads(use_gate=True, use_bias=False)(x, x),
        "heads, other outputs": lambda x: _heads(output_shape=(2, 3))(x, x),
        "heads with a mask": lambda x: _heads()(
            x, x, attention_mask=ops.matmul(x, ops.transpose(x, (0, 2, 1))) > 0
        ),
    }
    assert_same_blocks(branches, SEQUENCES)


def _model_by_names(x):
    a, b = keras.Input((9, 4), name="a"), keras.Input((9, 4), name="b")
    inner = keras.Model([b, a], {"apart": layers.Subtract()([a, b]), "same": a})
    found = inner({"a": x, "b": layers.Dense(4)(x)})
    return ops.concatenate([found["apart"], found["same"]], axis=1)


def test_shapes_and_merging():
    branches = {
        "permuted": layers.Permute((2, 1)),
        "reshaped": layers.Reshape((-1, 6)),
        "repeated": lambda x: layers.RepeatVector(3)(x[:, 0]),
        "each step": layers.TimeDistributed(
            keras.Sequential([layers.Dense(3), layers.LayerNormalization()])
        ),
        "einsum": layers.EinsumDense("abc,cd->abd", (9, 5), bias_axes="d", activation="relu"),
        "einsum with dots": layers.EinsumDense("...x,xy->...y", 5),
        "softmax over steps": layers.Softmax(axis=1),
        "means": lambda x: layers.Average()([x, layers.Dense(4)(x), x]),
        "differences": lambda x: layers.Subtract()([x, layers.Dense(4)(x)]),
        "values and vectors": lambda x: layers.Add()([x, x[:, 0]]),
        "products of vectors": lambda x: layers.Dot(1)([x[:, 0], x[:, 1]]),
        "cosines": lambda x: layers.Dot(-1, normalize=True)([x[:, 0], x[:, 1]]),
        "products of matrices": lambda x: layers.Dot((2, 1))([x, layers.Permute((2, 1))(x)]),
        "products over steps": lambda x: layers.Dot((1, 1))([x, layers.Dense(2)(x)]),
        "a model by names": _model_by_names,
    }
    assert_same_blocks(branches, SEQUENCES)
    branches = {
        "images": layers.TimeDistributed(layers.Conv1D(3, 2)),
        "sequences": layers.TimeDistributed(layers.LSTM(3)),
        "flat": layers.TimeDistributed(layers.Flatten()),
    }
    assert_same_blocks(branches, IMAGES)


def test_operations():
    names = ("elu", "gelu", "leaky_relu", "log_softmax", "relu", "relu6", "selu", "sigmoid")
    names += ("silu", "softmax", "softplus", "tanh", "exp", "absolute", "square")
    branches = {name: getattr(ops, name) for name in names}
    branches |= {
        "last": lambda x: x[:, -1],
        "backwards": lambda x: x[:, ::-1, 1],
        "every other": lambda x: x[:, 1:-1:2],
        "dots": lambda x: x[..., -3:-1],
        "new axis": lambda x: x[:, None, 2],
        "flip": lambda x: ops.flip(x, axis=1),
        "arithmetic": lambda x: 1.0 - (x * 2 + 3) / 4,
        "power": lambda x: ops.sqrt(ops.power(x, 2) + 1.0) - ops.log(ops.exp(x)),
        "extremes": lambda x: ops.maximum(x, -x) + ops.minimum(x, 0.1),
        "choice": lambda x: ops.where(ops.logical_and(x > 0, ops.logical_not(x > 1)), x, 0.5),
        "mean": lambda x: ops.mean(x, axis=1),
        "sum": lambda x: ops.sum(x, axis=(1, 2), keepdims=True),
        "max and min": lambda x: ops.max(x, axis=-1) + ops.min(x, axis=-1),
        "stack": lambda x: ops.stack([x[:, 0], x[:, 1]], axis=-1),
        "axes": lambda x: ops.reshape(
            ops.transpose(ops.expand_dims(x, -1), (0, 2, 1, 3)), (-1, 18, 2)
        ),
        "squeeze": lambda x: ops.squeeze(x[:, 1:2], axis=1),
        "positions": lambda x: (
            x * ops.cast(ops.cumsum(ops.ones_like(x, dtype="int32"), axis=1) - 1, "float32")
        ),
        "sums of products": lambda x: ops.einsum("abc,adc->abd", x, x),
        "of length 1": lambda x: ops.normalize(x, axis=1),
        "whole numbers": lambda x: ops.cast(ops.cast(x * 3.0, "int32") + 1, "float32") * x,
    }
    assert_same_blocks(branches, SEQUENCES)
