"""Hidden layers with settings of their own, and activations by the names of their classes."""

import pickle

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from slow_cases import slow_but

import skdl
from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    TextBoWClassifier,
    build_convnet,
    build_dense,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
EACH = {
    "dropout": [0.5, 0.0, 0.25],
    "activation": ["tanh", "relu", keras.layers.PReLU()],
    "batch_normalization": (False, True, False),
}


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_each_hidden_layer_has_settings_of_its_own(tmp_path):
    net = DenseClassifier((6, 4, 3), epochs=2, random_state=0, **EACH).fit(X, Y)
    model = net.model_
    assert kinds(model) == [
        *("Dense", "Dropout", "Dense", "BatchNormalization", "Dense", "Dropout", "Dense"),
    ]  # fmt: skip
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [getattr(layer.activation, "__name__", "") for layer in dense[:2]] == ["tanh", "relu"]
    assert isinstance(dense[2].activation, keras.layers.PReLU)
    assert [layer.rate for layer in model.layers if "dropout" in layer.name] == [0.5, 0.25]
    built = build_dense((5,), 1, "sigmoid", hidden_layer_sizes=(6, 4, 3), seed=0, **EACH)
    assert kinds(built) == kinds(model)
    n_prelu = 3  # which Keras counts once it was called
    assert model.count_params() == 6 * 6 + 7 * 4 + 4 * 4 + 5 * 3 + n_prelu + 4
    skdl.save(net, tmp_path / "net.skdl")
    expected = net.predict_proba(X)
    for copy in (skdl.load(tmp_path / "net.skdl"), pickle.loads(pickle.dumps(net))):
        assert_array_equal(copy.predict_proba(X), expected)
    assert_array_equal(clone(net).fit(X, Y).predict_proba(X), expected)


def test_onnx_of_layers_with_settings_of_their_own():
    pytest.importorskip("skl2onnx")
    each = EACH | {"activation": ["tanh", "ReLU", "LeakyReLU"]}
    net = DenseClassifier((6, 4, 3), epochs=1, random_state=0, **each).fit(X, Y)
    skdl.to_onnx(net, X)  # which compares the outputs


@pytest.mark.slow
def test_one_value_for_all_is_the_same_as_one_each():
    one = DenseRegressor((4, 4), dropout=0.2, activation="elu", batch_normalization=True)
    each = DenseRegressor(
        (4, 4), dropout=np.array([0.2, 0.2]), activation=["elu"] * 2, batch_normalization=[True] * 2
    )
    found, expected = (
        net.set_params(epochs=2, random_state=0).fit(X, X[:, 0]).predict(X) for net in (one, each)
    )
    assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropout": [0.5]}, r"dropout=\(0.5,\) has length 1, but hidden_layer_sizes=\(6, 4\)"),
        ({"activation": ("relu",) * 3}, "activation=.* has length 3.*has length 2.*one value each"),
        ({"batch_normalization": [True]}, r"batch_normalization=\(True,\) has length 1"),
        ({"dropout": [0.5, 1.0]}, "dropout must be in .* received 1.0"),
        ({"dropout": "half"}, "'dropout' parameter.*'half'"),
        ({"batch_normalization": [True, "no"]}, "must be True or False.*'no'"),
        ({"activation": ["relu", "rleu"]}, "activation='rleu'.*'relu'"),
        ({"activation": ["relu", "glu"]}, "activation='glu'.*fewer or more outputs"),
    ],
)
def test_wrong_lengths_and_entries_are_named(parameters, message):
    for net in (DenseClassifier((6, 4), epochs=1), TextBoWClassifier(hidden_layer_sizes=(6, 4))):
        rows = X if isinstance(net, DenseClassifier) else ["fine film", "bad plot"] * 20
        with pytest.raises(ValueError, match=message):
            net.set_params(**parameters).fit(rows, Y)


def test_heads_of_convolutional_networks_have_dropout_of_their_own():
    given = {"filters": 2, "hidden_layer_sizes": (5, 4), "dropout": (0.0, 0.5)}
    model = build_convnet((8, 8, 1), 2, **given)
    assert kinds(model)[-4:] == ["Dense", "Dense", "Dropout", "Dense"]
    with pytest.raises(ValueError, match=r"dropout=.* has length 3"):
        build_convnet((8, 8, 1), 2, **given | {"dropout": (0.0, 0.5, 0.5)})
    with pytest.raises(ValueError, match="'activation' parameter"):
        ConvNetClassifier(activation=["relu", "relu"]).fit(X.reshape(40, 5, 1), Y)


@pytest.mark.parametrize(
    ("name", "same"),
    slow_but([("Tanh", "tanh")], [
        ("ReLU", "relu"),
        ("ELU", "elu"),
        ("Tanh", "tanh"),
        ("HardSigmoid", "hard_sigmoid"),
        ("LeakyReLU", keras.layers.LeakyReLU()),
        ("PReLU", keras.layers.PReLU()),
    ]),
)  # fmt: skip
def test_activations_by_the_names_of_their_classes(name, same):
    nets = [DenseRegressor(4, activation=a, epochs=1, random_state=0) for a in (name, same)]
    found, expected = (net.fit(X, X[:, 0]).predict(X) for net in nets)
    assert_array_equal(found, expected)
    assert nets[0].activation == name
    built = (build_dense((5,), 1, hidden_layer_sizes=4, activation=a, seed=0) for a in (name, same))
    found, expected = (model.predict(X, verbose=0) for model in built)
    assert_array_equal(found, expected)


def test_output_activations_by_the_names_of_their_classes():
    nets = [
        DenseRegressor(4, output_activation=name, epochs=1, random_state=0).fit(X, np.abs(X[:, 0]))
        for name in ("Softplus", "softplus")
    ]
    assert_array_equal(nets[0].predict(X), nets[1].predict(X))
    with pytest.raises(ValueError, match="y must hold values of at least 0"):
        nets[0].fit(X, X[:, 0])
