"""early_stopping="auto": dense networks stop early where there are rows enough to tell when."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1000, 3)).astype("float32")
NOISE = RNG.integers(0, 2, 1000)  # nothing to learn: validation loss grows from the first epochs on
QUICK = {
    **{"epochs": 60, "patience": 2, "batch_size": 100, "learning_rate": 0.03, "random_state": 0},
    "early_stopping": "auto",
}


@pytest.mark.parametrize("cls", slow_but([DenseClassifier], [DenseClassifier, DenseRegressor]))
def test_from_1000_rows_it_is_as_true_and_below_as_false(cls):
    net = cls(8, **QUICK)
    assert cls().early_stopping is False
    automatic = net.fit(X, NOISE)
    asked = clone(net).set_params(early_stopping=True).fit(X, NOISE)
    assert automatic.n_iter_ < net.epochs
    assert automatic.history_ == asked.history_
    np.testing.assert_array_equal(automatic.predict(X), asked.predict(X))

    few = clone(net).fit(X[:999], NOISE[:999])
    refused = clone(net).set_params(early_stopping=False).fit(X[:999], NOISE[:999])
    assert few.n_iter_ == net.epochs
    assert few.history_ == refused.history_
    assert "val_loss" not in few.history_


def test_rows_of_weight_zero_do_not_count():
    weight = np.ones(1000)
    weight[0] = 0
    net = DenseClassifier(8, **QUICK).fit(X, NOISE, sample_weight=weight)
    assert "val_loss" not in net.history_


def test_training_that_is_too_short_to_be_stopped_keeps_all_rows():
    settings = {**QUICK, "epochs": 3, "patience": 3}
    assert "val_loss" not in DenseClassifier(8, **settings).fit(X, NOISE).history_
    settings["patience"] = 2
    assert "val_loss" in DenseClassifier(8, **settings).fit(X, NOISE).history_


@pytest.mark.parametrize("way", ["X_val", "validation_split"])
def test_validation_that_was_asked_for_is_watched_and_stops_nothing(way):
    settings = {**QUICK, "epochs": 12}
    if way == "X_val":
        net = DenseClassifier(8, **settings).fit(X, NOISE, X_val=X[:50], y_val=NOISE[:50])
    else:
        net = DenseClassifier(8, validation_split=0.2, **settings).fit(X, NOISE)
    assert net.n_iter_ == len(net.history_["val_loss"]) == 12


def test_batches_and_parts_of_data_are_trained_on_as_they_come():
    settings = {**QUICK, "epochs": 4}
    batches = tf.data.Dataset.from_tensor_slices((X, NOISE)).batch(100)
    held = tf.data.Dataset.from_tensor_slices((X[:100], NOISE[:100])).batch(100)
    assert "val_loss" not in DenseClassifier(8, **settings).fit(batches).history_
    watched = DenseClassifier(8, **settings).fit(batches, X_val=held)
    assert len(watched.history_["val_loss"]) == 4
    in_parts = DenseClassifier(8, **settings).partial_fit(X, NOISE, classes=[0, 1])
    assert "val_loss" not in in_parts.history_


def test_a_warm_start_stops_again():
    net = DenseClassifier(8, warm_start=True, **QUICK).fit(X, NOISE)
    first = net.n_iter_
    net.fit(X, NOISE)
    assert first < net.n_iter_ < first + net.epochs
    assert len(net.history_["val_loss"]) == net.n_iter_


@pytest.mark.parametrize("value", ["always", 1, None])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="early_stopping"):
        DenseClassifier(early_stopping=value).fit(X[:10], NOISE[:10])
