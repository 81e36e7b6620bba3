"""`KerasClassifier` and `KerasRegressor`: what a function is given, and what it may return."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from users_networks import THREE, TWO, VALUES, L, X, classifier, dense, regressor

LABELS = (X[:, :3] > 0).astype(int)


def test_hyperparameters_are_parameters_of_the_estimator():
    given = {"hidden": 5}
    net = classifier(model_params=given)
    assert {"model__hidden": 5, "model__rate": 0.0}.items() <= net.get_params().items()
    assert "model__hidden" not in net.get_params(deep=False)
    net.set_params(model__rate=0.1)
    assert net.model_params == {"hidden": 5, "rate": 0.1}
    assert given == {"hidden": 5}
    assert clone(net).get_params() == net.get_params()
    assert clone(net).model_params is not net.model_params
    with pytest.raises(ValueError, match=r"model__hiden.*Did you mean 'hidden'.*hidden, rate"):
        net.set_params(model__hiden=3)
    with pytest.raises(ValueError, match="'n_outputs', which follows"):
        net.set_params(model__n_outputs=3)
    for name in ("optimizer__learning_rate", "fit__epochs", "callbacks__patience"):
        with pytest.raises(ValueError, match=f"{name} is not a parameter.*set "):
            net.set_params(**{name: 1})


def test_a_grid_over_hyperparameters(iris):
    search = GridSearchCV(
        classifier(learning_rate=0.05), {"epochs": [1, 10], "model__hidden": [2, 16]}, cv=3
    ).fit(*iris)
    best = search.best_estimator_
    assert best.model_.layers[0].units == search.best_params_["model__hidden"]


def test_values_reach_the_function_as_they_were():
    received = []

    def make(layer, sizes, table, other=None):
        received.append((layer, sizes, table))
        sizes.append(3)
        table["a"] = 2
        return keras.Sequential([keras.Input((4,)), L.Dense(3), layer, L.Dense(1)])

    layer, sizes, table = L.PReLU(), [1, 2], {"a": np.ones(2)}
    net = regressor(make, model_params={"layer": layer, "sizes": sizes, "table": table})
    net.fit(X, VALUES).fit(X, VALUES)
    assert [type(each) for each in received[0]] == [L.PReLU, list, dict]
    assert (sizes, list(table), layer.built) == ([1, 2], ["a"], False)
    assert received[0][0] is not received[1][0]
    with pytest.raises(ValueError, match="needs a value for 'table'"):
        regressor(make, model_params={"layer": layer, "sizes": sizes}).fit(X, VALUES)


def test_what_a_function_is_given():
    seen = {}

    def make(meta, input_shape, n_features, n_classes, dtype, seed, compile_kwargs, **others):
        seen.update(locals())
        model = keras.Sequential([keras.Input(input_shape), L.Dense(n_classes, "softmax")])
        model.compile(**compile_kwargs)
        return model

    net = classifier(make, model_params={"more": 1}, metrics="accuracy", learning_rate=0.5)
    net.fit(X, THREE)
    assert (seen["input_shape"], seen["n_features"], seen["n_classes"]) == ((4,), 4, 3)
    assert (seen["dtype"], seen["seed"], seen["others"]) == (None, 0, {"more": 1})
    meta = seen["meta"]
    assert (meta["target_type_"], meta["n_features_in_"], meta["n_outputs_"]) == (
        "multiclass",
        4,
        1,
    )
    assert meta["classes_"].tolist() == ["a", "b", "c"]
    assert float(net.model_.optimizer.learning_rate) == 0.5
    assert set(net.history_) == {"accuracy", "loss"}


@pytest.mark.parametrize(
    ("y", "units", "activation", "link"),
    [
        (TWO, 1, "sigmoid", lambda z: z),
        (TWO, 1, None, expit),
        (TWO, 2, "softmax", lambda z: z),
        (TWO, 2, None, lambda z: softmax(z, axis=1)),
        (THREE, 3, "softmax", lambda z: z),
        (THREE, 3, None, lambda z: softmax(z, axis=1)),
        (LABELS, 3, "sigmoid", lambda z: z),
        (LABELS, 3, None, expit),
    ],
)
def test_forms_of_outputs(y, units, activation, link):
    net = classifier(dense(units, activation), epochs=60, learning_rate=0.1, metrics="accuracy")
    net.fit(X, y)
    outputs = link(net.model_.predict(X, verbose=0).astype(float))
    expected = np.hstack([1 - outputs, outputs]) if units == 1 else outputs
    assert_allclose(net.predict_proba(X), expected, atol=1e-5)
    assert (net.predict(X) == y).mean() > 0.85
    labels = net.predict(X) == y
    assert_allclose(net.history_["accuracy"][-1], labels.mean(), atol=0.05)


@pytest.mark.parametrize(
    ("model", "loss", "message"),
    [
        (dense(2, "softmax"), "auto", "2 output units, but must return 3 units, one per class"),
        (dense(3), "categorical_crossentropy", "are linear, but loss=.*takes probabilities"),
        (
            dense(3, "softmax"),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "are probabilities",
        ),
        (dense(3, "tanh"), "auto", "is 'tanh'; for multiclass targets it must be 'softmax'"),
        (lambda: None, "auto", "must return a keras.Model, received None"),
        (
            lambda: keras.Sequential([keras.Input((4, 1)), L.Dense(3)]),
            "auto",
            r"outputs of shape \(None, 4, 3\)",
        ),
        (
            lambda: keras.Sequential([keras.Input((5,)), L.Dense(3)]),
            "auto",
            r"rows of shape \(5,\), but those of X have shape \(4,\)",
        ),
        (
            lambda: keras.Sequential([keras.Input((4,), batch_size=8), L.Dense(3)]),
            "auto",
            "fixed batch size 8",
        ),
    ],
)
def test_wrong_networks_are_named(model, loss, message):
    with pytest.raises((ValueError, TypeError), match=message):
        classifier(model, loss=loss).fit(X, THREE)


def test_several_outputs_are_refused():
    def make():
        inputs = keras.Input((4,))
        return keras.Model(inputs, [L.Dense(1)(inputs), L.Dense(1)(inputs)])

    with pytest.raises(ValueError, match="has 2 outputs"):
        regressor(make).fit(X, VALUES)


def test_a_function_that_raises_is_named():
    def make():
        raise KeyError("units")

    with pytest.raises(KeyError) as caught:
        regressor(make).fit(X, VALUES)
    assert "model=make" in caught.value.__notes__[0]


def test_the_same_network_twice_is_refused():
    model = dense(1)()
    kept = []

    def make():
        if not kept:
            kept.append(dense(1)())
        return kept[0]

    with pytest.raises(ValueError, match="returned before"):
        regressor(make).fit(X, VALUES)
    before = model.get_weights()
    assert regressor(lambda: model).fit(X, VALUES).model_ is not model
    assert_array_equal(model.get_weights()[0], before[0])


def test_another_structure_at_each_call_is_refused():
    widths = iter(range(3, 20))

    def make():
        return keras.Sequential([keras.Input((4,)), L.Dense(next(widths)), L.Dense(1)])

    with pytest.raises(ValueError, match="another network each time"):
        regressor(make).fit(X, VALUES)


def test_a_compiled_network_trains_as_it_was_compiled():
    def make(rate=0.5):
        model = dense(1)()
        model.compile(keras.optimizers.SGD(rate), "mean_absolute_error", metrics=["mse"])
        return model

    net = regressor(make, model_params={"rate": 0.25}).fit(X, VALUES)
    optimizer = net.model_.optimizer
    assert (type(optimizer).__name__, float(optimizer.learning_rate)) == ("SGD", 0.25)
    assert list(net.history_) == ["loss", "mse"]
    net = regressor(make, optimizer="rmsprop", loss="mse", metrics="mae").fit(X, VALUES)
    assert type(net.model_.optimizer).__name__ == "RMSprop"
    assert list(net.history_) == ["loss", "mae"]


def test_a_ready_network_is_copied():
    model = dense(1)()
    model.compile("sgd", "mse")
    model.fit(X, VALUES, verbose=0)
    before = [w.copy() for w in model.get_weights()]
    nets = [regressor(model, random_state=seed, shuffle=False).fit(X, VALUES) for seed in (0, 1)]
    for net in nets:
        assert net.model_ is not model
        assert type(net.model_.optimizer).__name__ == "SGD"
    assert_array_equal(nets[0].predict(X), nets[1].predict(X))  # begin with the same weights
    assert_array_equal(model.get_weights()[0], before[0])
    assert_allclose(clone(nets[0]).fit(X, VALUES).predict(X), nets[0].predict(X))


def test_layers_from_outside_are_copied():
    base = keras.Sequential([keras.Input((4,)), L.Dense(5, activation="relu")], name="base")
    base.trainable = False
    before = base.get_weights()

    def make():
        return keras.Sequential([keras.Input((4,)), base, L.Dense(1)])

    nets = [regressor(make, random_state=seed).fit(X, VALUES) for seed in (0, 1)]
    for net in nets:
        assert_array_equal(net.model_.get_layer("base").get_weights()[0], before[0])
        assert net.model_.get_layer("base") is not base
        assert_allclose(net.model_.predict(X, verbose=0)[:, 0], net.predict(X), atol=1e-6)
