"""TensorFlow keeps some memory for every name of a variable for ever: fits use few names."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone

from skdl import DenseClassifier, KerasClassifier, TextBoWClassifier

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
y = np.arange(40) % 2


def own_network():
    layers = [keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dropout(0.1)]
    return keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])


def names_of(fit):
    """Return the names under which TensorFlow makes variables in a fit."""
    names = []

    def note(next_creator, **arguments):
        variable = next_creator(**arguments)
        names.append(variable.name)
        return variable

    with tf.variable_creator_scope(note):
        fit()
    return names


@pytest.mark.parametrize(
    "net",
    [
        DenseClassifier((5,), metrics=["auc"], epochs=1),
        DenseClassifier((5,), callbacks=keras.callbacks.ReduceLROnPlateau("loss"), epochs=1),
        DenseClassifier((5,), optimizer={"class_name": "Adam", "config": {}}, epochs=1),
        KerasClassifier(own_network, metrics="auc", epochs=1),
    ],
    ids=["metrics", "callbacks", "configuration", "own network"],
)
def test_later_fits_use_the_names_of_the_first(net):
    names_of(lambda: net.fit(X, y))  # which makes the compiled network as well
    known = names_of(lambda: net.fit(X, y))
    for _ in range(2):
        assert set(names_of(lambda: net.set_params(learning_rate=0.01).fit(X, y))) <= set(known)


def test_clones_use_the_names_of_the_first():
    net = DenseClassifier((5,), optimizer=keras.optimizers.Adam(), epochs=1).fit(X, y)
    known = names_of(lambda: clone(net))
    assert set(names_of(lambda: clone(net))) == set(known)


def test_variables_of_a_network_have_different_names_and_those_of_keras(tmp_path):
    net = DenseClassifier((5,), metrics=["auc"], epochs=1, random_state=0).fit(X, y)
    model = net.model_
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    names = [variable.value.name for variable in variables]
    assert len(set(names)) == len(names)
    assert [variable.path for variable in model.variables[:2]] == [
        "dense_network/hidden_1/kernel",
        "dense_network/hidden_1/bias",
    ]
    model.export(tmp_path / "network", verbose=False)
    served = tf.saved_model.load(tmp_path / "network")
    np.testing.assert_allclose(served.serve(X)[:, 0], net.predict_proba(X)[:, 1], rtol=1e-5)


def test_texts_of_sparse_rows():
    texts = ["good film", "bad film", "good", "bad"] * 3
    net = TextBoWClassifier(hidden_layer_sizes=(3,), epochs=1)
    names_of(lambda: net.fit(texts, [1, 0, 1, 0] * 3))
    known = names_of(lambda: net.fit(texts, [1, 0, 1, 0] * 3))
    assert set(names_of(lambda: net.fit(texts, [1, 0, 1, 0] * 3))) <= set(known)
