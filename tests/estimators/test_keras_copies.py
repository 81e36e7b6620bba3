"""Networks with layers and losses of a user's own are cloned, pickled and sent to processes.

Keras finds classes by registered names alone; those of a notebook or script are in no registry.
"""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skdl import KerasRegressor

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
VALUES = X[:, 0] - X[:, 1]


class Scale(L.Layer):
    def __init__(self, factor=2.0, **others):
        super().__init__(**others)
        self.factor = factor

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.w * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Forgetful(Scale):
    """Its configuration leaves out the factor."""

    def get_config(self):
        return L.Layer.get_config(self)


class Penalty(keras.regularizers.Regularizer):
    def __init__(self, factor=0.0):
        self.factor = factor

    def __call__(self, w):
        return self.factor * keras.ops.sum(w**2)

    def get_config(self):
        return {"factor": self.factor}


class Power(keras.losses.Loss):
    """Keras's configuration of it knows no exponent."""

    def __init__(self, exponent=2.0):
        super().__init__()
        self.exponent = exponent

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** self.exponent, axis=-1)


def half(x):
    return x / 2


def ready(layer=Scale, loss=None):
    hidden = L.Dense(5, activation=half, kernel_regularizer=Penalty(0.1))
    model = keras.Sequential([keras.Input((4,)), layer(3.0), hidden, L.Dense(1)])
    if loss is not None:
        model.compile(keras.optimizers.SGD(0.001, momentum=0.5), loss, metrics=["mae"])
    return model


def built(input_shape, layer=None, loss="mse"):
    model = keras.Sequential([keras.Input(input_shape), Scale(3.0), layer or L.ReLU(), L.Dense(1)])
    model.compile("adam", loss)
    return model


def regressor(model, **parameters):
    return KerasRegressor(model, **{"epochs": 1, "random_state": 0} | parameters)


def frozen():
    model = ready(loss=Power(3.0))
    model.layers[1].trainable = False
    return model


WAYS = [
    clone,
    copy.deepcopy,
    lambda net: pickle.loads(pickle.dumps(net)),
    lambda net: cloudpickle.loads(cloudpickle.dumps(net)),
]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: regressor(ready()), marks=pytest.mark.slow),
        pytest.param(lambda: regressor(ready(), loss=Power(3.0)), marks=pytest.mark.slow),
        pytest.param(lambda: regressor(frozen()), marks=pytest.mark.slow),
        lambda: regressor(built, model_params={"layer": Scale(0.5), "loss": Power(3.0)}),
    ],
    ids=["layers", "loss", "compiled", "hyperparameters"],
)
def test_copies_fit_and_predict_as_the_original(make):
    net = make()
    fitted = clone(net).fit(X, VALUES)
    assert_allclose(fitted.predict(X), fitted.model_.predict(X, verbose=0)[:, 0], atol=1e-6)
    for way in (WAYS[0], WAYS[-1]):
        assert_array_equal(way(net).fit(X, VALUES).predict(X), fitted.predict(X))
    for way in WAYS[1:]:
        assert_array_equal(way(fitted).predict(X), fitted.predict(X))


def test_a_copied_network_keeps_how_it_was_compiled():
    net = pickle.loads(pickle.dumps(regressor(frozen())))
    assert net.model.optimizer.get_config()["momentum"] == 0.5
    assert net.model._compile_config.config["loss"].exponent == 3.0
    assert [layer.trainable for layer in net.model.layers] == [True, False, True]
    expected = regressor(frozen()).model
    weights = RNG.normal(size=(4, 5))
    expected.layers[1].kernel.assign(weights)
    again = pickle.loads(pickle.dumps(regressor(expected))).model
    assert_allclose(again.layers[1].kernel, weights, rtol=1e-6)
    assert list(regressor(expected).fit(X, VALUES).history_) == ["loss", "mae"]


def test_pickles_of_one_network_are_equal():
    """They hold no time, so that caches find them again."""
    net = regressor(ready(loss="mse"))
    assert pickle.dumps(net) == pickle.dumps(net)


def test_what_a_configuration_leaves_out_is_an_error():
    """A copy would compute something else, without a word."""
    with pytest.raises(ValueError, match=r"get_config of its layers.*or pass the function"):
        regressor(ready(Forgetful)).fit(X, VALUES)
    with pytest.raises(ValueError, match="does not give back factor"):
        regressor(built, model_params={"layer": Forgetful(0.5)}).fit(X, VALUES)


def test_two_functions_of_one_name_are_an_error():
    def one():
        def half(x):
            return x * 3

        return half

    model = keras.Sequential([keras.Input((4,)), L.Dense(3, half), L.Dense(1, one())])
    with pytest.raises(ValueError, match=r"the name 'half'.*pass the function that builds it"):
        regressor(model).fit(X, VALUES)


def test_a_network_that_keras_cannot_copy_says_what_to_do():
    class Own(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = L.Dense(units)

        def call(self, x):
            return self.dense(x)

    model = Own(1)
    model(X)
    for copied in (lambda: regressor(model).fit(X, VALUES), lambda: clone(regressor(model))):
        with pytest.raises(ValueError, match=r"cannot be copied.*Pass the function that builds it"):
            copied()


# Runs as `__main__`, as a notebook does. Workers get its classes by their code.
SCRIPT = (
    Path(__file__).read_text().partition("WAYS = [")[0]
    + """
import tempfile
import joblib
from sklearn.model_selection import cross_val_score

if __name__ == "__main__":
    nets = [
        regressor(frozen()),
        regressor(built, model_params={"layer": Scale(0.5), "loss": Power(3.0)}),
    ]
    for net in nets:
        expected = cross_val_score(net, X, VALUES, cv=2)
        assert_array_equal(cross_val_score(net, X, VALUES, cv=2, n_jobs=2), expected)
        fitted = net.fit(X, VALUES)
        with joblib.Parallel(n_jobs=2) as parallel:
            (found,) = parallel([joblib.delayed(lambda net: net.predict(X))(fitted)])
        assert_array_equal(found, fitted.predict(X))
        with tempfile.TemporaryDirectory() as folder:
            joblib.dump(fitted, folder + "/net.joblib")
            again = joblib.load(folder + "/net.joblib")
        assert_array_equal(again.predict(X), found)
    print("as one by one")
"""
)


@pytest.mark.slow
@pytest.mark.processes
def test_classes_of_a_script_reach_its_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "as one by one"


def test_layers_given_as_hyperparameters_are_numbered_within_the_network():
    """What number Keras gave them in this process is chance, and could be that of another layer."""
    names = []
    for number in ("", "_1", "_7"):
        layer = keras.layers.Dense(3, name=f"dense{number}")
        net = regressor(built, model_params={"layer": layer}).fit(X, VALUES)
        names.append([each.name for each in net.model_.layers])
        assert layer.name == f"dense{number}"
    assert names == [["scale", "dense", "dense_1"]] * 3
    net = regressor(built, model_params={"layer": keras.layers.Dense(3, name="mine")}).fit(
        X, VALUES
    )
    assert [each.name for each in net.model_.layers] == ["scale", "mine", "dense"]
