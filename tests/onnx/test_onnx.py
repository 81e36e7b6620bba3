"""ONNX models give what the estimators predict, computed by ONNX Runtime."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from onnx_networks import (
    UNITS,
    GivenClassifier,
    GivenRegressor,
    activations,
    activations_network,
    branches_network,
    randomized,
)
from onnx_runs import NAMES, QUICK, assert_same_classes, run
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    StandardScaler,
)
from slow_cases import slow_but

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    ImageReshaper,
    PretrainedFeatureClassifier,
    build_convnet,
    to_onnx,
)
from skdl._networks.keras import keras

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

QUICK_CONV = {"filters": (4, 6), "hidden_layer_sizes": 8, "epochs": 1, "random_state": 0}


@pytest.mark.parametrize(
    "dtype", slow_but(["float32", "int64"], ["float32", "float64", "int64", "uint8"])
)
@pytest.mark.parametrize(
    "targets",
    [
        lambda y: y,
        lambda y: NAMES[y],
        lambda y: pd.Series(NAMES[y], dtype="category"),
        lambda y: NAMES[(y > 1) * 1],
        lambda y: y * 2.0 - 1,
        lambda y: y > 0,
        lambda y: np.column_stack([y > 0, y != 1, y == 2]).astype(int),
    ],
    ids=["integers", "strings", "category", "binary", "floats", "booleans", "multilabel"],
)
def test_dense_classifier(iris, targets, dtype):
    X, y = iris[0].astype(dtype), targets(iris[1])
    net = DenseClassifier(**QUICK).fit(X, y)
    found = assert_same_classes(to_onnx(net, X), net, X)
    kind = np.asarray(net.predict(X)).dtype.kind
    assert found["label"].dtype.kind == ("O" if kind == "U" else kind)


def test_reference_is_keras_itself(iris):
    X, y = iris
    net = make_pipeline(
        StandardScaler(), DenseClassifier((8, 8), batch_normalization=True, dropout=0.3, epochs=2)
    ).fit(X, NAMES[y])
    scaled = ((X - X.mean(0)) / X.std(0)).astype("float32")
    outputs = net[-1].model_.predict(scaled, verbose=0)
    found = run(to_onnx(net, X), X)
    np.testing.assert_allclose(found["probabilities"], outputs, atol=1e-5)
    assert (found["label"] == np.sort(NAMES)[outputs.argmax(1)]).all()


@pytest.mark.parametrize("n_outputs", [None, 1, 3])
def test_regressor_gives_columns(diabetes, n_outputs):
    X, y = diabetes
    y = y if n_outputs is None else np.stack([y, -y, 2 * y][:n_outputs], axis=1)
    net = DenseRegressor(**QUICK).fit(X, y)
    found = run(to_onnx(net, X), X)
    assert list(found) == ["variable"]
    assert found["variable"].dtype == np.float64
    assert found["variable"].shape == (len(X), n_outputs or 1)
    expected = net.predict(X).reshape(len(X), -1)
    np.testing.assert_allclose(found["variable"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        pytest.param("float32", (64,), marks=pytest.mark.slow),
        pytest.param("float64", (64,), marks=pytest.mark.slow),
        pytest.param("uint8", (64,), marks=pytest.mark.slow),
        pytest.param("float32", (8, 8), marks=pytest.mark.slow),
        ("uint8", (8, 8, 1)),
        ("uint16", (8, 8, 1)),
    ],
)
def test_images(digits, dtype, shape):
    X, y = digits
    scale = {"uint8": 15, "uint16": 4000}.get(dtype, 1)
    X, y = (X * 16 * scale).astype(dtype).reshape(-1, *shape)[:200], y[:200]
    net = ConvNetClassifier(**QUICK_CONV).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)
    pipeline = make_pipeline(ImageReshaper(), net).fit(X, y)
    found = assert_same_classes(to_onnx(pipeline, X), pipeline, X)
    images = X.reshape(-1, 8, 8, 1).astype("float32") * pipeline[0].scale_
    outputs = pipeline[-1].model_.predict(images, verbose=0)
    np.testing.assert_allclose(found["probabilities"], outputs, atol=1e-5)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_convolutions_of_any_geometry(data):
    """Slow: builds, converts and runs a network for each example."""
    sizes, n_layers = st.integers(1, 3), data.draw(st.integers(1, 2))
    # Of one channel, TensorFlow 2.21 on CPUs makes random numbers for strides (1, n) that leave
    # maps of one column, with oneDNN; NumPy says that ONNX Runtime is right.
    channels = st.integers(2, 3)
    shape = (data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)), data.draw(channels))
    strides = [data.draw(st.tuples(sizes, sizes)) for _ in range(n_layers)]
    try:
        network = build_convnet(
            shape,
            3,
            "softmax",
            filters=[data.draw(channels) for _ in range(n_layers)],
            kernel_size=[data.draw(st.tuples(sizes, st.integers(1, 4))) for _ in range(n_layers)],
            strides=strides,
            padding=[data.draw(st.sampled_from(["same", "valid"])) for _ in range(n_layers)],
            dilation_rate=[
                data.draw(st.tuples(sizes, sizes)) if max(pair) == 1 else 1 for pair in strides
            ],
            pool_size=[data.draw(st.none() | sizes) for _ in range(n_layers)],
            batch_normalization=data.draw(st.booleans()),
            hidden_layer_sizes=(),
        )
    except ValueError:  # nothing is left of the image
        assume(False)
    X = np.random.default_rng(0).random((6, *shape)).astype("float32")
    net = GivenClassifier(randomized(network))
    net.image_shape = shape  # or images of few pixels would be warned of
    net.fit(X, np.arange(6) % 3)
    assert_same_classes(to_onnx(net, X, tolerance=None), net, X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation(dtype):
    names = activations()
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 2)), [[0, 0], [5, 5], [-9, 9], [30, -30]]])
    y = np.zeros((len(X), UNITS * len(names)))
    net = GivenRegressor(activations_network(2, dtype), dtype).fit(X, y)
    # Not compared by `to_onnx` itself, where exp of 50 would make all differences small.
    found = run(to_onnx(net, X, tolerance=None), X)["variable"]
    expected = net.model_.predict(X.astype(dtype), verbose=0)
    for i, name in enumerate(names):
        block = np.s_[:, UNITS * i : UNITS * (i + 1)]
        np.testing.assert_allclose(
            found[block], expected[block], rtol=2e-6, atol=2e-6, err_msg=name
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_graph_of_many_layers(digits, dtype):
    X, y = digits[0][:100, :56].reshape(-1, 7, 8), digits[1][:100]
    net = GivenClassifier(branches_network((7, 8, 1), 10, dtype), dtype).fit(X, y)
    found = assert_same_classes(to_onnx(net, X), net, X)
    outputs = net.model_.predict(X[..., None].astype(dtype), verbose=0)
    np.testing.assert_allclose(found["probabilities"], outputs, atol=1e-5)
    assert np.ptp(outputs, axis=0).max() > 0.05


def test_pretrained_backbones(digits):
    """Grey digits, shrunk and repeated in three channels for another network."""
    backbone = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.SeparableConv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0),
        ]
    )
    X, y = (digits[0][:100] * 255).astype("uint8").reshape(-1, 8, 8), digits[1][:100]
    arguments = {"weights": None, "preprocess": "ResNet50", "epochs": 1, "random_state": 0}
    net = PretrainedFeatureClassifier(backbone, hidden_layer_sizes=8, **arguments).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)


def test_augmentation_is_not_active(digits):
    X, y = digits[0][:100], digits[1][:100]
    augmentation = {"flip": "horizontal", "rotation": 0.1, "translation": 0.1, "shear": 0.1}
    net = ConvNetClassifier(**QUICK_CONV, augmentation=augmentation | {"zoom": 0.1}).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)


def test_float64_networks(iris):
    X, y = iris
    net = DenseClassifier(**QUICK, dtype="float64").fit(X, y)
    found = run(to_onnx(net, X), X)
    assert found["probabilities"].dtype == np.float64
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-14)


def test_bfloat16_needs_a_tolerance(iris):
    X, y = iris
    net = DenseClassifier(**QUICK, dtype="mixed_bfloat16").fit(X, y)
    with pytest.raises(ValueError, match=r"differs from predict_proba by .*bfloat16.*tolerance"):
        to_onnx(net, X)
    found = run(to_onnx(net, X, tolerance=0.05), X)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=0.05)


def test_networks_of_real_data(mnist_5k, boston):
    X, y = mnist_5k
    net = ConvNetClassifier(8, hidden_layer_sizes=16, epochs=1).fit(X[::10], y[::10])
    assert_same_classes(to_onnx(net, X), net, X[1::50])
    X, y = boston
    net = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), DenseRegressor(16, epochs=5)), transformer=StandardScaler()
    ).fit(X, y)
    values = run(to_onnx(net, X), X)["variable"][:, 0]
    np.testing.assert_allclose(values, net.predict(X), rtol=1e-4)


@pytest.mark.parametrize("opset", [15, 18, 22])
def test_target_opset(digits, opset):
    X, y = digits[0][:50], digits[1][:50]
    net = make_pipeline(MinMaxScaler(), ConvNetClassifier(**QUICK_CONV, padding="same")).fit(X, y)
    model = to_onnx(net, X, target_opset=opset)
    assert {o.domain: o.version for o in model.opset_import}[""] == opset
    assert_same_classes(model, net, X)
