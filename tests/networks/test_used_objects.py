"""Keras objects that were used before are taken as their configuration, or refused: why is told."""

import copy
import inspect
import threading

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdl import DenseClassifier, DenseRegressor
from skdl._networks.objects import metric_recipes, optimizer_recipe
from skdl._networks.recipes import Recipe

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
VALUES = X[:, 0]
LABELS = (VALUES > 0).astype(int)


def classes(module, base, *without):
    found = [thing for thing in vars(module).values() if inspect.isclass(thing)]
    return [
        cls for cls in dict.fromkeys(found) if issubclass(cls, base) and cls not in {base, *without}
    ]


def made(cls):
    needed = {"num_classes": 2, "target_class_ids": [0], "inner_optimizer": keras.optimizers.SGD()}
    needed |= dict.fromkeys(("recall", "precision", "specificity", "sensitivity"), 0.5)
    parameters = inspect.signature(cls).parameters.values()
    return cls(**{p.name: needed[p.name] for p in parameters if p.default is p.empty and p.kind == 1
                  and p.name in needed})  # fmt: skip


@pytest.mark.parametrize(
    "optimizer",
    [
        *map(
            made,
            classes(keras.optimizers, keras.optimizers.Optimizer, keras.optimizers.MultiOptimizer),
        ),
        keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
        keras.optimizers.Adam(use_ema=True, weight_decay=0.1),
        keras.optimizers.RMSprop(centered=True, momentum=0.5),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_used_optimizers_are_taken_as_their_configuration(optimizer):
    new = optimizer_recipe(optimizer)
    kernel = keras.Variable(np.ones((3, 2), np.float32))
    for _ in range(2):
        optimizer.apply([keras.ops.ones((3, 2))], [kernel])
    used = optimizer_recipe(optimizer)
    assert type(used) is Recipe
    assert used.key == new.key


def test_used_metrics_are_taken_as_their_configuration():
    Y, P = np.eye(2, dtype=np.float32)[LABELS], np.full((40, 2), 0.5, np.float32)
    bases = keras.metrics.MeanMetricWrapper, keras.metrics.Mean, keras.metrics.Sum
    for cls in classes(keras.metrics, keras.metrics.Metric, *bases):
        metric = made(cls)
        (new,) = metric_recipes(metric)
        sparse = cls.__name__.startswith("Sparse")
        metric.update_state(LABELS if sparse else Y, P)
        (used,) = metric_recipes(metric)
        assert used.key == new.key, cls


def test_what_another_fit_used_trains_as_new():
    settings = {"hidden_layer_sizes": (4,), "epochs": 2, "random_state": 0}
    optimizer = keras.optimizers.SGD(0.1, momentum=0.5)
    activation = keras.layers.PReLU()
    parameters = {"optimizer": optimizer, "activation": activation, "metrics": ["auc", "f1_score"]}
    net = DenseClassifier(**settings, **parameters).fit(X, LABELS)
    activation(X)
    optimizer.apply([keras.ops.ones(2)], [keras.Variable(np.ones(2, np.float32))])
    model = net.model_
    used = model.layers[0].activation, model.optimizer, model._compile_metrics.metrics
    assert model.optimizer.built
    other = DenseClassifier(
        **settings, optimizer=used[1], activation=used[0], metrics=used[2],
        kernel_initializer=model.layers[0].kernel_initializer,
    ).fit(X, LABELS)  # fmt: skip
    assert other.history_ == net.history_
    assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    again = DenseClassifier(**settings, **parameters).fit(X, LABELS)
    assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    assert optimizer.built
    assert int(optimizer.iterations) == 1


class Failing(keras.optimizers.SGD):
    def get_config(self):
        raise AttributeError("no moments yet")


class Strict(keras.optimizers.SGD):
    """Whose constructor refuses what get_config returns."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate)


class Locked(keras.optimizers.SGD):
    def get_config(self):
        return super().get_config() | {"lock": threading.Lock()}


class Counting(keras.optimizers.SGD):
    calls = 0

    def update_step(self, *arguments):
        self.calls += 1
        return super().update_step(*arguments)


def excluding():
    optimizer = keras.optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def adapted():
    layer = keras.layers.Normalization()
    layer.adapt(X)
    return layer


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"optimizer": Failing()}, "its get_config raised AttributeError: no moments yet"),
        ({"optimizer": Strict(0.1)}, "Strict.from_config raised.*TypeError.*unexpected keyword"),
        ({"optimizer": Locked()}, "configuration cannot be copied TypeError: cannot pickle"),
        ({"optimizer": excluding()}, "get_config does not give back _exclude_from_weight_decay"),
        ({"activation": adapted()}, "get_config does not give back"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_true_reason_is_told(parameters, reason):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))}=.*{reason}") as raised:
        DenseRegressor(**parameters).fit(X, VALUES)
    assert "_NoRecipe" not in str(raised.value)


def test_what_a_users_class_counted_is_named():
    optimizer = Counting()
    optimizer.apply([keras.ops.ones(2)], [keras.Variable(np.ones(2, np.float32))])
    with pytest.raises(ValueError, match="does not give back calls"):
        DenseRegressor(optimizer=optimizer).fit(X, VALUES)


def test_a_rate_that_training_changed_is_part_of_the_configuration():
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.learning_rate = 1e-9
    net = DenseRegressor((4,), optimizer=optimizer, epochs=1, random_state=0).fit(X, VALUES)
    still = copy.deepcopy(net).set_params(learning_rate=1e-9).fit(X, VALUES)
    assert_allclose(net.predict(X), still.predict(X))
