"""The names that skops is told to trust, without skdl's own files."""

from importlib import import_module

import keras
import pytest
import skops.io
from numpy.testing import assert_array_equal
from registry import constructible, dense_network
from saved_estimators import backbone, data, made, net, outputs

import skdl

PARAMETERS = {
    "KerasClassifier": {"model": dense_network},
    "KerasRegressor": {"model": dense_network},
}
NAMES = sorted({*constructible(), *PARAMETERS})
OF_THE_USER = {f"{each.__module__}.{each.__qualname__}" for each in (dense_network, backbone)}


def by_skops(estimator):
    written = skops.io.dumps(estimator)
    untrusted = set(skops.io.get_untrusted_types(data=written))
    trusted = skdl.trusted_types() + sorted(untrusted & OF_THE_USER)
    return skops.io.loads(written, trusted=trusted)


def test_every_name_leads_to_something():
    names = skdl.trusted_types()
    assert names == sorted(set(names))
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_loads(name):
    if name in PARAMETERS:
        cls = getattr(skdl, name)
        estimator = cls(**PARAMETERS[name], epochs=1, random_state=0)
    else:
        estimator = made(name)
    X, y = data(estimator)
    loaded = by_skops(estimator.fit(X, y))
    assert_array_equal(outputs(loaded, X), outputs(estimator, X))


@pytest.mark.parametrize(
    "parameters",
    [
        {"optimizer": {"class_name": "RMSprop", "config": {"learning_rate": 0.01}}},
        {"dtype": "bfloat16"},
        {"loss": keras.losses.SparseCategoricalCrossentropy(), "metrics": ["accuracy"]},
        {"activation": "gelu", "batch_normalization": True, "dropout": 0.2},
        {"early_stopping": True, "kernel_initializer": keras.initializers.HeNormal()},
        {"callbacks": [keras.callbacks.ReduceLROnPlateau("loss"), "TerminateOnNaN"]},
    ],
    ids=lambda given: next(iter(given)),
)
def test_parameters_load(parameters):
    estimator = net(**parameters)
    X, y = data(estimator)
    loaded = by_skops(estimator.fit(X, y))
    assert_array_equal(outputs(loaded, X), outputs(estimator, X))
    assert_array_equal(outputs(loaded.fit(X, y), X), outputs(estimator.fit(X, y), X))
