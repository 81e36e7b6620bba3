"""`KerasClassifier` and `KerasRegressor` as ONNX models, which `to_onnx` compares with predict."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from onnx_networks import GivenNetwork, randomized
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from skdl import (
    DenseClassifier,
    KerasClassifier,
    KerasRegressor,
    TokenSequencer,
    register_onnx_converters,
    to_onnx,
)
from skdl._networks.keras import keras

skl2onnx = pytest.importorskip("skl2onnx")
layers = keras.layers
QUICK = {"epochs": 1, "random_state": 0}


def run(model, X):
    """Return what ONNX Runtime computes for rows, by the names of the outputs."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    if isinstance(X, pd.DataFrame):
        feeds = {i.name: X[[i.name]].to_numpy() for i in session.get_inputs()}
    else:
        feeds = {"X": X}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def dense(input_shape, units, activation=None):
    """Return a network of one hidden layer."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Dense(4, "relu"),
            layers.Dense(units, activation),
        ]
    )


NAMES = np.array(["first", "second", "third"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "activation", "targets", "loss"),
    [
        (3, None, lambda y: NAMES[y], "auto"),
        (3, "sigmoid", lambda y: y, "categorical_crossentropy"),
        (1, None, lambda y: NAMES[(y > 0) * 1], "auto"),
        (2, "softmax", lambda y: y > 0, "auto"),
        (2, None, lambda y: NAMES[(y > 0) * 1], "auto"),
        (3, None, lambda y: np.stack([y > 0, y > 1, y != 1], axis=1).astype(int), "auto"),
    ],
)
def test_probabilities_and_logits(iris, units, activation, targets, loss):
    X, y = iris
    net = KerasClassifier(
        dense, model_params={"units": units, "activation": activation}, loss=loss, **QUICK
    ).fit(X, targets(y))
    found = run(to_onnx(net, X), X)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-5)
    assert (found["label"] == net.predict(X)).mean() > 0.98


def test_bfloat16(iris):
    """All weights of such a network are in bfloat16, which becomes float32."""
    X, y = iris
    net = DenseClassifier(4, dtype="bfloat16", **QUICK).fit(X, y)
    found = run(to_onnx(net, X, tolerance=0.05), X)["probabilities"]
    np.testing.assert_allclose(found, net.predict_proba(X), atol=0.05)


@pytest.mark.slow
def test_sigmoids_that_are_all_zero(iris):
    def build(input_shape):
        zeros = keras.initializers.Constant(-1e4)
        last = layers.Dense(3, "sigmoid", bias_initializer=zeros, trainable=False)
        return keras.Sequential([keras.Input(input_shape), layers.Dense(2), last])

    X, y = iris
    net = KerasClassifier(build, loss="categorical_crossentropy", **QUICK).fit(X, y)
    found = run(to_onnx(net, X), X)
    np.testing.assert_array_equal(found["probabilities"], net.predict_proba(X))
    np.testing.assert_allclose(found["probabilities"], 1 / 3)


@pytest.mark.slow
def test_values_in_either_precision(diabetes):
    X, y = diabetes
    for dtype in (None, "float64"):
        net = KerasRegressor(dense, model_params={"units": 2}, dtype=dtype, **QUICK)
        net.fit(X, np.stack([y, -y], axis=1))
        found = run(to_onnx(net, X), X)["variable"]
        tolerance = 1e-12 if dtype else 1e-5
        np.testing.assert_allclose(found, net.predict(X), rtol=tolerance, atol=tolerance)


def _of_groups():
    numbers = keras.Input((2,), name="numbers")
    city = keras.Input((1,), name="city", dtype="int32")
    embedded = layers.Flatten()(layers.Embedding(5, 3)(city))
    merged = layers.Concatenate()([layers.Dense(4)(numbers), embedded])
    return numbers, city, layers.Dense(1, "sigmoid")(merged)


def groups():
    """Return a network of two inputs, in a list."""
    numbers, city, outputs = _of_groups()
    return keras.Model([city, numbers], outputs)


def groups_by_name():
    """Return a network of two inputs, in a dict."""
    numbers, city, outputs = _of_groups()
    return keras.Model({"numbers": numbers, "city": city}, outputs)


@pytest.mark.parametrize("build", [groups_by_name, pytest.param(groups, marks=pytest.mark.slow)])
def test_groups_of_columns(build):
    """X keeps its columns: they become the network's inputs within the model."""
    steps = np.arange(60)
    table = pd.DataFrame({"bmi": steps / 3, "city": steps % 5, "age": steps % 50 + 0.5})
    inputs = {"numbers": ["age", "bmi"], "city": ["city"]}
    net = KerasClassifier(build, inputs=inputs, **QUICK).fit(table, steps % 2)
    model = to_onnx(net, table)
    assert [i.name for i in model.graph.input] == ["bmi", "city", "age"]
    expected = net.predict_proba(table)
    np.testing.assert_allclose(run(model, table)["probabilities"], expected, atol=1e-5)
    net = KerasClassifier(build, inputs={"numbers": [2, 0], "city": slice(1, 2)}, **QUICK)
    for dtype in ("float64", "float32"):
        X = table.to_numpy(dtype)
        expected = net.fit(X, steps % 2).predict_proba(X)
        np.testing.assert_allclose(run(to_onnx(net, X), X)["probabilities"], expected, atol=1e-5)


@pytest.mark.slow
def test_groups_behind_a_transformer():
    steps = np.arange(60)
    cities = np.array(["oslo", "rome", "bern", "kiel", "bari"])[steps % 5]
    table = pd.DataFrame({"city": cities, "bmi": steps / 3, "age": steps % 50 + 0.5})
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["age", "bmi"]), ("c", OrdinalEncoder(), ["city"])]
    )
    net = KerasClassifier(groups, inputs={"numbers": [0, 1], "city": [2]}, **QUICK)
    pipeline = make_pipeline(columns, net).fit(table, steps % 2)
    found = run(to_onnx(pipeline, table), table)
    np.testing.assert_allclose(found["probabilities"], pipeline.predict_proba(table), atol=1e-5)


def of_words(input_shape, n_outputs, output_activation):
    """Return a network of token ids."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Embedding(20, 4, mask_zero=True),
            layers.LSTM(3),
            layers.Dense(n_outputs, output_activation),
        ]
    )


def test_texts_as_token_ids():
    texts = ["a fine film", "what a bad plot", "bad bad film", "fine actors and plot"] * 3
    pipeline = make_pipeline(TokenSequencer(20), KerasClassifier(of_words, **QUICK))
    pipeline.fit(texts, [0, 1, 1, 0] * 3)
    with pytest.raises(ValueError, match=r"cannot convert TokenSequencer.*pipeline\[1:\]"):
        to_onnx(pipeline, texts)
    ids = pipeline[0].transform(texts)
    model = to_onnx(pipeline[1:], ids)
    assert model.graph.input[0].type.tensor_type.elem_type == 6  # int32
    expected = pipeline.predict_proba(texts)
    np.testing.assert_allclose(run(model, ids)["probabilities"], expected, atol=1e-5)


def of_windows(n_outputs):
    """Return a network of sequences of any length."""
    return keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.GRU(4),
            layers.Dense(n_outputs, "softmax"),
        ]
    )


def of_images(n_outputs):
    """Return a network of bytes."""
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(3, 3),
            layers.Flatten(),
            layers.Dense(n_outputs, "softmax"),
        ]
    )


@pytest.mark.slow
def test_sequences_and_images():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 6, 3)), np.arange(30) % 3
    net = KerasClassifier(of_windows, **QUICK).fit(X, y)
    model, longer = to_onnx(net, X), rng.normal(size=(5, 11, 3))
    expected = net.model_.predict(longer, verbose=0)
    np.testing.assert_allclose(run(model, longer)["probabilities"], expected, atol=1e-5)
    images = rng.integers(0, 255, (30, 6, 6)).astype("uint8")
    net = KerasClassifier(of_images, **QUICK).fit(images, y)
    to_onnx(net, images)


@pytest.mark.parametrize("opset", [15, 17, 22])
def test_target_opset(opset):
    inputs = keras.Input((6,))
    x = layers.LayerNormalization()(layers.Embedding(9, 4, mask_zero=True)(inputs))
    x = layers.LSTM(3, return_sequences=True)(layers.MultiHeadAttention(1, 2)(x, x))
    network = randomized(keras.Model(inputs, layers.GRU(2)(x)))
    X = np.arange(180).reshape(30, 6) % 9
    model = to_onnx(GivenNetwork(network).fit(X, np.zeros((30, 2))), X, target_opset=opset)
    assert {o.domain: o.version for o in model.opset_import}[""] == opset
    np.testing.assert_allclose(run(model, X)["variable"], network(X), atol=1e-5)


@pytest.mark.slow
def test_searches_ensembles_and_skl2onnx_itself(iris):
    X, y = iris
    net = KerasClassifier(dense, model_params={"units": 3}, **QUICK)
    pipeline = make_pipeline(StandardScaler(), net)
    search = GridSearchCV(pipeline, {"kerasclassifier__epochs": [1, 2]}, cv=2).fit(X, y)
    to_onnx(search, X)
    to_onnx(VotingClassifier([("a", net), ("b", net)], voting="soft").fit(X, y), X, tolerance=2e-5)
    register_onnx_converters()
    model = skl2onnx.to_onnx(pipeline.fit(X, y), X[:1], options={"zipmap": False})
    found = run(model, X)["probabilities"]
    np.testing.assert_allclose(found, pipeline.predict_proba(X), atol=1e-5)


class Subclassed(keras.Model):
    """A network computed by Python code."""

    def __init__(self):
        super().__init__()
        self.last = layers.Dense(3, "softmax")

    def call(self, x):
        """Return probabilities."""
        return self.last(x)


class OwnStep(keras.Model):
    """A functional network with a training step of its own."""

    def train_step(self, data):
        """Train on a batch."""
        return super().train_step(data)


class OwnLayer(layers.Dense):
    """A layer of the user's."""


def of_own_layer():
    """Return a network with a layer of the user's."""
    return keras.Sequential([keras.Input((4,)), OwnLayer(3, activation="softmax", name="mine")])


def of_own_step():
    """Return a functional network of a class of the user's."""
    inputs = keras.Input((4,))
    return OwnStep(inputs, layers.Dense(3, "softmax")(inputs))


@pytest.mark.slow
def test_classes_of_the_users(iris):
    X, y = iris
    net = KerasClassifier(Subclassed, loss="sparse_categorical_crossentropy", **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="of class Subclassed: it is computed by Python code"):
        to_onnx(net, X)
    net = KerasClassifier(of_own_layer, **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="layer 'mine', of class OwnLayer"):
        to_onnx(net, X)
    to_onnx(KerasClassifier(of_own_step, **QUICK).fit(X, y), X)
