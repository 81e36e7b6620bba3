"""`KerasClassifier` and `KerasRegressor`: what a function is given, and what it may return."""

import pickle
import random

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from skdl import KerasClassifier, KerasRegressor, load, save
from skdl._engine.compiled.store import templates
from skdl.exceptions import UntrustedTypesError

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
TWO = (X[:, 0] > 0).astype(int)
THREE = np.array(["a", "b", "c"])[np.argmax(X[:, :3], axis=1)]
LABELS = (X[:, :3] > 0).astype(int)
VALUES = X[:, 0] - X[:, 1]
TOKENS = RNG.integers(0, 20, (60, 6))


def make_model(input_shape, n_outputs, output_activation, hidden=8, rate=0.0):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            L.Dense(hidden, activation="relu"),
            L.Dropout(rate),
            L.Dense(n_outputs, activation=output_activation),
        ]
    )


def dense(units, activation=None):
    return lambda: keras.Sequential([keras.Input((4,)), L.Dense(units, activation=activation)])


def classifier(model=make_model, **parameters):
    return KerasClassifier(model, **{"epochs": 1, "random_state": 0} | parameters)


def regressor(model=make_model, **parameters):
    return KerasRegressor(model, **{"epochs": 1, "random_state": 0} | parameters)


# Hyperparameters.


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
    assert list(net.history_) == ["accuracy", "loss"]


# What a function may return.


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


# Inputs.


def test_several_inputs_by_columns():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcd")).assign(city=TOKENS[:, 0])

    def make(input_shape):
        numbers = keras.Input(input_shape["numbers"], name="numbers")
        city = keras.Input((1,), dtype="int32", name="city")
        x = L.Concatenate()([numbers, L.Flatten()(L.Embedding(20, 3)(city))])
        return keras.Model([city, numbers], L.Dense(1)(x))

    columns = {"numbers": slice("a", "c"), "city": "city"}
    net = regressor(make, inputs=columns, epochs=2).fit(table, VALUES)
    rows = {"numbers": X[:, :3], "city": TOKENS[:, :1]}
    assert_allclose(net.predict(table), net.model_.predict(rows, verbose=0)[:, 0], atol=1e-6)
    by_position = regressor(make, inputs={"numbers": [0, 1, 2], "city": [4]}, epochs=2)
    assert_allclose(by_position.fit(table, VALUES).predict(table), net.predict(table))
    for wrong, message in [
        ({"numbers": [0, 1, 2]}, "with the inputs .'city', 'numbers'."),
        ({"numbers": ["a", "b", "e"], "city": "city"}, "asks for the column 'e'"),
        ({"numbers": [0, 1, 9], "city": [4]}, "asks for column 9"),
    ]:
        with pytest.raises(ValueError, match=message):
            regressor(make, inputs=wrong).fit(table, VALUES)
    with pytest.raises(ValueError, match=r"inputs=\{'city': \[...\], ...\}"):
        regressor(lambda: make({"numbers": (3,)})).fit(table, VALUES)


def embedding(input_shape, vocabulary=20):
    return keras.Sequential(
        [keras.Input(input_shape), L.Embedding(vocabulary, 3), L.Flatten(), L.Dense(1)]
    )


@pytest.mark.parametrize("token", [20, -1, 0.5])
def test_unknown_tokens_are_refused(token):
    wrong = TOKENS.astype(float)
    wrong[3, 2] = token
    for rows in (wrong, wrong.astype(int)) if token != 0.5 else (wrong,):
        with pytest.raises(ValueError, match=f"the token {token}.*from 0 to 19"):
            regressor(embedding).fit(rows, VALUES)
        with pytest.raises(ValueError, match=f"the token {token}.*from 0 to 19"):
            regressor(embedding).fit(TOKENS, VALUES).predict(rows)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad", "nadam"])
def test_embeddings_are_updated_by_the_sum_of_their_gradients(optimizer, monkeypatch):
    """As the kernel of a dense layer on one-hot tokens is, by every program."""

    def one_hot():
        model = keras.Sequential(
            [
                keras.Input((6, 20)),
                L.Dense(3, use_bias=False),
                L.Flatten(),
                L.Dense(1),
            ]
        )
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        return model

    def from_there(input_shape):
        model = embedding(input_shape)
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        return model

    start = [v.numpy() for v in embedding((6,)).variables]
    rows = np.eye(20, dtype=np.float32)[TOKENS]
    parameters = {"optimizer": optimizer, "learning_rate": 0.01, "epochs": 3}
    expected = regressor(one_hot, **parameters).fit(rows, VALUES).predict(rows)

    class EveryBatch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            pass

    for callbacks in (None, [EveryBatch()]):
        net = regressor(from_there, callbacks=callbacks, **parameters).fit(TOKENS, VALUES)
        assert_allclose(net.predict(TOKENS), expected, rtol=1e-4, atol=1e-5)


def test_rows_of_any_rank_and_dtype():
    images = RNG.integers(0, 256, (30, 6, 6, 1), dtype=np.uint8)

    def make(input_shape):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                L.Rescaling(1 / 255),
                L.Conv2D(2, 3),
                L.Flatten(),
                L.Dense(1),
            ]
        )

    net = regressor(make).fit(images, VALUES[:30])
    assert net.input_shape_ == (6, 6, 1)
    assert_allclose(
        net.predict(images), net.model_.predict(images, verbose=0)[:, 0], rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match=r"rows of shape \(6, 5, 1\)"):
        net.predict(images[:, :, :5])
    dense_net = regressor(epochs=3).fit(X, VALUES)
    sparse = regressor(epochs=3).fit(csr_matrix(X), VALUES)
    assert_allclose(sparse.predict(csr_matrix(X)), dense_net.predict(X), rtol=1e-4, atol=1e-5)
    tokens = regressor(embedding).fit(csr_matrix(TOKENS), VALUES)  # with their zeros
    assert_array_equal(tokens.predict(csr_matrix(TOKENS)), tokens.predict(TOKENS))


def test_windows_of_a_series():
    series = np.sin(np.arange(80) / 5)
    windows = np.lib.stride_tricks.sliding_window_view(series[:-1], 8)[:, :, None]

    def make(input_shape):
        return keras.Sequential([keras.Input(input_shape), L.GRU(4), L.Dense(1)])

    scores = cross_val_score(regressor(make, epochs=2), windows, series[8:], cv=TimeSeriesSplit(3))
    assert np.isfinite(scores).all()


def test_dtype_holds_for_all_layers():
    net = regressor(dtype="float64").fit(X.astype(float), VALUES)
    assert {layer.dtype_policy.name for layer in net.model_.layers} == {"float64"}
    assert {v.dtype for v in net.model_.variables if "seed" not in v.path} == {"float64"}
    assert keras.config.dtype_policy().name == keras.config.floatx() == "float32"


# Randomness and state.


def test_random_state_decides_all_and_global_generators_are_put_back():
    class Own(keras.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=shape[-1:], initializer="random_normal")

        def call(self, inputs):
            return inputs * self.w * self.constant

    def make(seed=None):
        layer = Own()
        layer.constant = np.random.rand(4).astype("float32") + random.random()  # noqa: NPY002
        layer.more = tf.random.normal((2,)).numpy()
        model = keras.Sequential([keras.Input((4,)), layer, L.Dropout(0.3), L.Dense(1)])
        layer.w.assign(layer.w + layer.more.sum())
        return model

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    tf.random.set_seed(1)
    first = random.random(), np.random.rand(), keras.random.normal((1,)).numpy()[0]  # noqa: NPY002
    name = keras.layers.Dense(1).name
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    nets = [regressor(make, random_state=seed, epochs=3).fit(X, VALUES) for seed in (0, 0, 1)]
    assert (random.random(), np.random.rand()) == first[:2]  # noqa: NPY002
    assert int(keras.layers.Dense(1).name.rpartition("_")[2] or 0) == 1 + int(
        name.rpartition("_")[2] if "_" in name else 0
    )
    assert_array_equal(nets[0].predict(X), nets[1].predict(X))
    assert (nets[0].predict(X) != nets[2].predict(X)).any()
    for net in nets:  # the constants of one are not in the program of another
        assert_allclose(net.predict(X), net.model_.predict(X, verbose=0)[:, 0], atol=1e-6)
    again = cloudpickle.loads(cloudpickle.dumps(nets[2]))
    assert_array_equal(again.predict(X), nets[2].predict(X))


def test_state_outside_of_the_network_is_refused():
    outside = tf.Variable(1.0, name="outside")

    class Leaking(keras.Layer):
        def __init__(self, how):
            super().__init__()
            self.how = how

        def call(self, inputs, training=False):
            return self.how(inputs)

    def make(how):
        return keras.Sequential([keras.Input((4,)), Leaking(how), L.Dense(1)])

    for how, message in [
        (lambda x: x * outside, "not its own: 'outside"),
        (lambda x: x + tf.random.normal((4,)), "RandomStandardNormal"),
        (lambda x: x + keras.random.normal((4,)), "without a seed of its own"),
    ]:
        with pytest.raises(ValueError, match=message):
            regressor(make, model_params={"how": how}).fit(X, VALUES)


def test_stateful_layers_are_refused():
    def make():
        return keras.Sequential([keras.Input((4, 1)), L.LSTM(2, stateful=True), L.Dense(1)])

    with pytest.raises(ValueError, match="stateful"):
        regressor(make).fit(X[:, :, None], VALUES)


def test_functions_of_a_notebook_share_programs():
    """In a worker process each task brings the functions as new objects."""
    net = regressor(make_model).fit(X, VALUES)
    n_before = len(templates)
    pickled = cloudpickle.dumps(clone(net).set_params(model=lambda **k: dense(3)()))
    assert pickled
    source = "def make():\n    import keras\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(7, activation=lambda x: x * 2), keras.layers.Dense(1)])"  # noqa: E501
    for _ in range(3):
        scope = {"__name__": "__main__"}
        exec(source, scope)
        regressor(cloudpickle.loads(cloudpickle.dumps(scope["make"]))).fit(X, VALUES)
    assert len(templates) == n_before + 1


class OwnModel(keras.Model):
    def __init__(self, units=1):
        super().__init__()
        self.dense = L.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


def test_subclassed_models_are_builders():
    net = regressor(OwnModel, epochs=2).fit(X, VALUES)
    assert net.get_params()["model__units"] == 1
    assert_allclose(net.predict(X), net.model_.predict(X, verbose=0)[:, 0], atol=1e-6)
    again = pickle.loads(pickle.dumps(net))
    assert_array_equal(again.predict(X), net.predict(X))
    linear = classifier(OwnModel, epochs=2).fit(X, TWO)  # outputs without an activation
    assert_allclose(
        linear.predict_proba(X)[:, 1], expit(linear.model_.predict(X, verbose=0)[:, 0]), atol=1e-6
    )


def test_pickles_go_on_where_they_were(tmp_path):
    net = classifier(epochs=2, warm_start=True, model_params={"rate": 0.3}).fit(X, THREE)
    joblib.dump(net, tmp_path / "net.joblib")
    others = [pickle.loads(pickle.dumps(net)), joblib.load(tmp_path / "net.joblib")]
    net.fit(X, THREE)
    for other in others:
        assert_array_equal(other.fit(X, THREE).predict_proba(X), net.predict_proba(X))
    assert net.n_iter_ == 4
    with pytest.raises(ValueError, match="cannot go on"):
        net.set_params(model__hidden=3).fit(X, THREE)


def test_partial_fit_and_two_softmax_units():
    net = classifier(dense(2, "softmax"))
    for _ in range(3):
        net.partial_fit(X, TWO, classes=[0, 1])
    assert net.n_iter_ == 3
    assert net.predict_proba(X).shape == (60, 2)


def test_a_saved_file_names_the_function(tmp_path):
    """It is called when the network is built, so whoever loads the file has to trust it."""
    pytest.importorskip("skops")
    net = classifier(epochs=2).fit(X, THREE)
    save(net, tmp_path / "net.skdl")
    with pytest.raises(UntrustedTypesError, match="make_model") as caught:
        load(tmp_path / "net.skdl")
    loaded = load(tmp_path / "net.skdl", trusted=caught.value.names)
    assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
