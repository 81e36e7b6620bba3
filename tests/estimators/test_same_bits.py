"""What every public estimator promises of seeds, copies and pickles: the same bits."""

import os
import pickle
import random

import joblib
import keras
import numpy as np
import pytest
from every_estimator import DEFAULTS, data, each, outputs, quick
from numpy.testing import assert_array_equal
from sklearn.model_selection import (
    cross_validate,
)


@each
@pytest.mark.parametrize(
    "how", [pickle, pytest.param(joblib, marks=pytest.mark.slow)], ids=["pickle", "joblib"]
)
def test_round_trips_predict_and_go_on_to_the_last_bit(estimator, how, tmp_path):
    X, y = data(estimator)
    net = quick(estimator, dropout=0.3, warm_start=True).fit(X, y)
    if how is pickle:
        loaded = pickle.loads(pickle.dumps(net))
    else:
        joblib.dump(net, tmp_path / "net")
        loaded = joblib.load(tmp_path / "net")
    assert_array_equal(outputs(loaded, X), outputs(net, X))
    assert_array_equal(outputs(loaded.fit(X, y), X), outputs(net.fit(X, y), X))
    assert loaded.n_iter_ == net.n_iter_ == 8
    assert net.model_.built  # the same holds once the Keras model is there
    loaded = pickle.loads(pickle.dumps(net))
    assert_array_equal(outputs(loaded.partial_fit(X, y), X), outputs(net.partial_fit(X, y), X))


@each
def test_pickling_does_not_depend_on_scikeras(estimator):
    """Importing scikeras replaces how Keras's classes are pickled; skdl puts that back."""
    X, y = data(estimator)
    net = quick(estimator, optimizer=keras.optimizers.Adam(0.01)).fit(X, y)
    assert b"scikeras" not in pickle.dumps(net)
    assert "scikeras" not in keras.Model.__reduce__.__module__


@each
def test_same_seed_same_bits(estimator):
    X, y = data(estimator)
    settings = {"dropout": 0.2, "early_stopping": True, "epochs": 6}
    first = quick(estimator, **settings).fit(X, y)
    quick(estimator, random_state=None).fit(X, y)
    quick(estimator, random_state=9, activation="tanh").fit(X, y)
    again = quick(estimator, **settings).fit(X, y)
    assert_array_equal(outputs(first, X), outputs(again, X))
    assert first.history_ == again.history_
    other = quick(estimator, **settings, random_state=1).fit(X, y)
    assert np.abs(outputs(other, X) - outputs(first, X)).max() > 1e-4


@pytest.mark.processes(workers=True)
def test_same_seed_same_bits_in_another_process():
    fits = [(quick(estimator, dropout=0.2), *data(estimator)) for estimator in DEFAULTS]
    jobs = [joblib.delayed(fitted_in_its_process)(*fit) for fit in fits]
    for (net, X, y), (pid, there) in zip(fits, joblib.Parallel(n_jobs=2)(jobs), strict=True):
        here = net.fit(X, y)
        assert pid != os.getpid()
        assert_array_equal(outputs(there, X), outputs(here, X), type(net).__name__)


def fitted_in_its_process(net, X, y):
    return os.getpid(), net.fit(X, y)


@each
def test_global_generators_are_left_as_found(estimator):
    import tensorflow as tf

    X, y = data(estimator)

    def draws():
        return (
            random.random(),
            np.random.rand(),  # noqa: NPY002
            tf.random.uniform([1]).numpy()[0],
            float(keras.random.uniform([1])[0]),
        )

    found = []
    for fit in (False, True):
        keras.utils.set_random_seed(11)
        if fit:
            for state in (0, None, np.random.RandomState(0)):
                quick(estimator, random_state=state, dropout=0.2, early_stopping=True).fit(X, y)
        found.append(draws())
    assert found[0] == found[1]


@each
def test_random_state_instances_advance(estimator):
    X, y = data(estimator)
    state = np.random.RandomState(0)
    first = outputs(estimator.set_params(epochs=2, random_state=state).fit(X, y), X)
    second = outputs(estimator.fit(X, y), X)
    assert np.abs(first - second).max() > 1e-4
    estimator.set_params(random_state=np.random.RandomState(0))
    assert_array_equal(outputs(estimator.fit(X, y), X), first)


@each
def test_scores_in_parallel_searches_like_alone(estimator):
    X, y = data(estimator)
    kwargs = {"cv": 3, "return_train_score": True}
    alone = cross_validate(quick(estimator), X, y, **kwargs)
    with joblib.parallel_config("threading", n_jobs=2):
        threads = cross_validate(quick(estimator), X, y, **kwargs)
    assert_array_equal(alone["test_score"], threads["test_score"])
    assert_array_equal(alone["train_score"], threads["train_score"])
