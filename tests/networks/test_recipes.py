"""What users' classes and functions hold and read decides a network, and nothing else does."""

import copy
import functools
import pickle
import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor
from skdl._engine.compiled import store

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
VALUES = X[:, 0]
LABELS = (VALUES > 0).astype(int)
ALPHA = 1.0


def regressor(**parameters):
    return DenseRegressor((4,), **{"epochs": 1, "random_state": 0} | parameters)


def first_loss(loss):
    return regressor(loss=loss).fit(X, VALUES).history_["loss"][0]


def squared(y_true, y_pred):
    return keras.ops.mean((y_true - y_pred) ** 2, axis=-1)


def fivefold(y_true, y_pred):
    return 5 * squared(y_true, y_pred)


class Factor(keras.losses.Loss):
    """Without get_config."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = self.stored(factor)

    stored = np.float32

    def call(self, y_true, y_pred):
        return self.factor * squared(y_true, y_pred)


class TensorFactor(Factor):
    stored = staticmethod(tf.constant)


class InnerFunction(Factor):
    def stored(self, factor):
        return lambda loss: factor * loss

    def call(self, y_true, y_pred):
        return self.factor(squared(y_true, y_pred))


class Function(keras.losses.Loss):
    def __init__(self, function=squared, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, y_true, y_pred):
        return self.function(y_true, y_pred)


@pytest.mark.parametrize(
    ("default", "given"),
    [*((cls(), cls(5.0)) for cls in (Factor, TensorFactor, InnerFunction)),
     (Function(), Function(fivefold))],
    ids=lambda loss: type(loss).__name__,
)  # fmt: skip
def test_losses_keep_what_their_configuration_leaves_out(default, given):
    assert_allclose(first_loss(given), 5 * first_loss(default), rtol=1e-5)


def test_metrics_that_lose_a_function_are_refused():
    class Mean(keras.metrics.Mean):
        def __init__(self, function=squared, name="mean"):
            super().__init__(name=name)
            self.function = function

        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(self.function(y_true, y_pred))

        def get_config(self):
            return {"name": self.name}

    with pytest.raises(ValueError, match=r"metrics=.*get_config does not give back function"):
        regressor(metrics=[Mean(fivefold)]).fit(X, VALUES)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_fitted_estimators_with_functions_are_copied(copied):
    net = regressor(loss=squared, metrics=[fivefold]).fit(X, VALUES)
    new = copied(net)
    assert_array_equal(new.predict(X), net.predict(X))
    assert new.partial_fit(X, VALUES).n_iter_ == 2


def test_lambdas_are_copied():
    net = regressor(activation=lambda x: keras.ops.relu(x)).fit(X, VALUES)
    assert_array_equal(copy.deepcopy(net).predict(X), net.predict(X))


def helper(x):
    return ALPHA * x


def by_helper(y_true, y_pred):
    return helper(squared(y_true, y_pred))


def by_nested(y_true, y_pred):
    return (lambda x: ALPHA * x)(squared(y_true, y_pred))


class ByMethod(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ALPHA * squared(y_true, y_pred)


class ByInstance:
    def __call__(self, y_true, y_pred):
        return self.scaled(squared(y_true, y_pred))

    @staticmethod
    def scaled(x):
        return ALPHA * x


@pytest.mark.parametrize(
    "loss",
    slow_but(
        [by_nested],
        [by_helper, by_nested, ByMethod(), ByInstance(), functools.partial(by_helper)],
    ),
    ids=lambda loss: getattr(loss, "__name__", type(loss).__name__),
)
def test_what_functions_read_indirectly_is_read_as_it_is_now(loss, monkeypatch):
    first = first_loss(loss)
    monkeypatch.setitem(globals(), "ALPHA", 5.0)
    assert_allclose(first_loss(loss), 5 * first, rtol=1e-5)


def test_values_of_the_users_modules_are_read_as_they_are_now(tmp_path, monkeypatch):
    (tmp_path / "settings_of_a_user.py").write_text("ALPHA = 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    import settings_of_a_user

    def loss(y_true, y_pred):
        return settings_of_a_user.ALPHA * squared(y_true, y_pred)

    first = first_loss(loss)
    settings_of_a_user.ALPHA = 5.0
    assert_allclose(first_loss(loss), 5 * first, rtol=1e-5)


class Locked:
    """Cannot be pickled."""

    def __init__(self):
        self.factor, self.lock = 1.0, threading.Lock()

    def __call__(self, y_true, y_pred):
        return self.factor * squared(y_true, y_pred)


def test_functions_that_cannot_be_pickled_share_programs():
    activation = functools.partial(lambda x, k: keras.ops.relu(x) * k, k=2.0)
    loss = Locked()
    store.templates.clear()
    net = regressor(activation=activation, loss=loss).fit(X, VALUES)
    assert net.partial_fit(X, VALUES).n_iter_ == 2
    assert len(store.templates) == 1
    first = first_loss(loss)
    loss.factor = 5.0
    assert_allclose(first_loss(loss), 5 * first, rtol=1e-5)


def test_the_global_dtype_policy_changes_no_network():
    before = regressor(epochs=2).fit(X, VALUES)
    store.templates.clear()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        during = regressor(epochs=2).fit(X, VALUES)
        outputs = np.asarray(before.model_(X), float) * before.y_scale_ + before.y_mean_
        assert_array_equal(outputs[:, 0], before.predict(X))
    finally:
        keras.config.set_dtype_policy("float32")
    after = regressor(epochs=2).fit(X, VALUES)
    for net in (during, after):
        assert_array_equal(net.predict(X), before.predict(X))
        assert type(net.model_.optimizer) is keras.optimizers.Adam


def noise():
    return keras.layers.GaussianNoise(0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"kernel_initializer": keras.initializers.HeNormal()},
        lambda: {"activation": noise()},
        lambda: {"activation": keras.saving.serialize_keras_object(noise())},
        lambda: {"activation": keras.layers.PReLU(keras.initializers.HeNormal())},
    ],
    ids=["initializer", "layer", "configuration", "layer of an initializer"],
)
def test_objects_without_a_seed_leave_the_global_generator_alone(make):
    parameters = make()
    before = random.getstate()
    one, same = (regressor(**parameters).fit(X, VALUES) for _ in range(2))
    one.model_  # noqa: B018 - builds the network once more
    assert random.getstate() == before
    assert_array_equal(one.predict(X), same.predict(X))


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": keras.losses.categorical_crossentropy},
        {"loss": keras.losses.sparse_categorical_crossentropy},
        {"loss": functools.partial(keras.losses.categorical_crossentropy, from_logits=True)},
        {"metrics": [keras.metrics.categorical_accuracy]},
    ],
    ids=["one hot", "sparse", "partial", "metric"],
)
def test_functions_of_classes_are_refused_for_one_unit(parameters):
    with pytest.raises(ValueError, match="needs one unit per class, but binary targets"):
        DenseClassifier((4,), epochs=1, **parameters).fit(X, LABELS)


def test_partials_get_the_form_of_the_labels_that_they_need():
    function = keras.losses.sparse_categorical_crossentropy
    loss = functools.partial(function, from_logits=False)
    settings = {"hidden_layer_sizes": (4,), "epochs": 1, "random_state": 0}
    found = DenseClassifier(loss=loss, **settings).fit(X, np.arange(40) % 3)
    expected = DenseClassifier(**settings).fit(X, np.arange(40) % 3)
    assert_allclose(found.history_["loss"], expected.history_["loss"], rtol=1e-5)


def test_initialisers_that_hide_their_seed_are_refused():
    class Normal(keras.initializers.Initializer):
        def __init__(self, seed=None):
            self._seed = seed

        def __call__(self, shape, dtype=None):
            return keras.random.normal(shape, dtype=dtype, seed=self._seed)

        def get_config(self):
            return {"seed": self._seed}

    with pytest.raises(ValueError, match=r"kernel_initializer=.*Normal.*set `self.seed`"):
        regressor(kernel_initializer=Normal()).fit(X, VALUES)


class Described(keras.losses.Loss):
    """With a full get_config, but unknown to Keras."""

    def __init__(self, factor=1.0, reduction="sum_over_batch_size", name=None):
        super().__init__(name, reduction)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * squared(y_true, y_pred)

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


class Doubled(keras.metrics.MeanSquaredError):
    """A metric unknown to Keras."""

    def result(self):
        return 2 * super().result()


class Slow(keras.optimizers.SGD):
    """An optimizer unknown to Keras."""


@pytest.mark.parametrize("loss", [Factor(2.0), Described(2.0)], ids=["attributes", "config"])
def test_objects_of_own_classes_survive_clones_and_pickles(loss):
    """Those of a notebook are no classes that Keras could find by their names."""
    net = regressor(loss=loss, metrics=[Doubled(name="doubled")], optimizer=Slow(0.01))
    net.fit(X, VALUES)
    for other in (pickle.loads(pickle.dumps(net)), clone(net), copy.deepcopy(net)):
        assert other.loss is not loss
        assert other.loss.factor == 2
        assert other.metrics[0].name == "doubled"
        assert type(other.optimizer) is Slow
        again = other.fit(X, VALUES)
        assert again.history_ == net.history_
    assert_array_equal(pickle.loads(pickle.dumps(net)).predict(X), net.predict(X))
    assert net.loss is loss
