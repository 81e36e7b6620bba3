"""Files of `KerasClassifier` and `KerasRegressor`: only the user's function has to be trusted."""

import keras
import numpy as np
import pytest
from forged_files import forged, members_of, refused
from mutations import put
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import KerasClassifier, KerasRegressor
from skdl.exceptions import UntrustedTypesError

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
THREE = np.array(list("abc"), dtype=object)[np.arange(40) % 3]
VALUES = X[:, 0] - X[:, 1]
PARAMETERS = {"epochs": 1, "random_state": 0, "warm_start": True}


def make_model(input_shape, n_outputs, meta, hidden=3, layer=None):
    assert meta["n_features_in_"] == input_shape[-1]
    layers = [L.Dense(hidden), layer or L.ReLU(), L.Dropout(0.1), L.Dense(n_outputs)]
    return keras.Sequential([keras.Input(input_shape), *layers])


def several_inputs(input_shape):
    numbers = keras.Input(input_shape["numbers"], name="numbers")
    city = keras.Input((1,), dtype="int32", name="city")
    x = L.Concatenate()([numbers, L.Flatten()(L.Embedding(40, 2)(city))])
    return keras.Model([numbers, city], L.Dense(1)(x))


def ready(loss="categorical_crossentropy"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), L.Dense(3), L.PReLU(), L.Dense(3, "softmax")])
    if loss is not None:
        model.compile("sgd", loss, weighted_metrics=["accuracy"])
    return model


def classifier(model=make_model, **parameters):
    return KerasClassifier(model, **PARAMETERS | parameters)


def table():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(X, columns=list("abcd")).assign(city=np.arange(40))


CASES = {
    "logits": lambda: (classifier(metrics="accuracy"), X, THREE),
    "binary": lambda: (classifier(make_model), X, THREE == "a"),
    "hyperparameters": lambda: (
        make_pipeline(
            StandardScaler(), classifier(model_params={"hidden": 2, "layer": L.LeakyReLU(0.3)})
        ),
        X,
        THREE,
    ),
    "several inputs": lambda: (
        KerasRegressor(
            several_inputs, inputs={"numbers": slice("a", "c"), "city": "city"}, **PARAMETERS
        ),
        table(),
        VALUES,
    ),
    "bfloat16": lambda: (KerasRegressor(make_model, dtype="mixed_bfloat16", **PARAMETERS), X, X),
    "ready": lambda: (classifier(ready(), metrics=None), X, THREE),
}


SLOW = {"binary", "bfloat16", "hyperparameters", "logits"}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] * (case in SLOW)) for case in CASES]
)
def test_only_the_function_is_named_to_be_trusted(case, tmp_path):
    net, rows, y = CASES[case]()
    path = tmp_path / "net.skdl"
    skdl.save(net.fit(rows, y), path)
    names = [] if case == "ready" else [f"{__name__}.make_model"]
    if case == "several inputs":
        names = [f"{__name__}.several_inputs"]
    if names:
        assert refused(path, names[0], UntrustedTypesError).names == names
    loaded = skdl.load(path, trusted=names)
    assert_array_equal(loaded.predict(rows), net.predict(rows))
    anew = clone(loaded)
    assert_array_equal(anew.fit(rows, y).predict(rows), net.predict(rows))
    assert_array_equal(loaded.fit(rows, y).predict(rows), net.fit(rows, y).predict(rows))


def test_a_function_that_was_changed_is_an_error(tmp_path, monkeypatch):
    path, net = tmp_path / "net.skdl", classifier()
    skdl.save(net.fit(X, THREE), path)
    wider = lambda meta, n_outputs: make_model((4,), n_outputs, meta, hidden=7)  # noqa: E731
    wider.__name__ = wider.__qualname__ = "make_model"
    monkeypatch.setattr("test_own_networks.make_model", wider)
    refused(path, "argument|another network now", trusted=[f"{__name__}.make_model"])


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "net.skdl"
    skdl.save(classifier(ready(None)).fit(X, THREE), path)
    return members_of(path)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (
            ("builder", "model"),
            {"$": "function", "name": "keras.Sequential"},
            "that is not trusted",
        ),
        (("builder", "model"), "relu", "function that is not trusted"),
        (("builder", "inputs"), {"$": "tuple", "items": []}, "no inputs"),
        (("builder", "inputs", "items", 0, "items", 1, "items"), [10**12], "no inputs"),
        (("builder", "dtype"), "float8", "of the dtype"),
        (("config", "extras"), {"jit_compile": True}, "compiled with"),
        (("config", "optimizer"), "adam", "no optimizer"),
        (("state", "target_shape"), {"$": "tuple", "items": [10**12]}, "wrong shape"),
        (("state", "_constants"), "", "another network"),
        (("state", "_arrays"), [], "another network"),
    ],
)
def test_changed_networks_are_refused(members, path, value, match, tmp_path):
    about, tree, arrays = members
    number = next(n for n, p in enumerate(about["parts"]) if p["$"] == "own_network")
    changed = put(about, ("parts", number, *path), value)
    refused(forged(tmp_path / "changed.skdl", changed, tree, arrays), match)


def test_columns_and_classes_are_as_fit_leaves_them(tmp_path):
    net, rows, y = CASES["several inputs"]()
    net.fit(rows, y)
    net._columns["city"] = np.array([5])
    skdl.save(net, tmp_path / "net.skdl")
    refused(tmp_path / "net.skdl", "other columns", trusted=[several_inputs])
    net = classifier(ready(None)).fit(X, THREE)
    for name, value in (("link", "relu"), ("n_units", 4), ("kind", "binary"), ("one_hot", 3)):
        before = getattr(net._targets, name)
        setattr(net._targets, name, value)
        skdl.save(net, tmp_path / "net.skdl")
        refused(tmp_path / "net.skdl", "its network has")
        setattr(net._targets, name, before)
