"""Thousands of classes: predictions are made some rows at a time."""

import tracemalloc

import numpy as np
import pytest

from skdl import DenseClassifier, KerasClassifier, build_dense

N_ROWS, N_CLASSES = 20_000, 2_000


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(0)
    y = np.arange(N_ROWS) % N_CLASSES
    return rng.normal(size=(N_ROWS, 4)).astype(np.float32), y.astype(str)


def network(input_shape, n_classes):
    return build_dense(input_shape, n_classes, "softmax", hidden_layer_sizes=(4,))


@pytest.mark.parametrize(
    "estimator",
    [DenseClassifier((4,), epochs=1, batch_size=1000, random_state=0),
     KerasClassifier(network, epochs=1, batch_size=1000, random_state=0)],
)  # fmt: skip
def test_labels_are_predicted_some_rows_at_a_time(many, estimator):
    X, y = many
    estimator.fit(X, y)
    tracemalloc.start()
    try:
        labels = estimator.predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6  # the outputs for all rows would be 160 MB
    assert len(estimator.classes_) == N_CLASSES

    some = slice(None, None, 20)
    outputs = estimator.model_.predict(X[some], verbose=0)
    np.testing.assert_array_equal(labels[some], estimator.classes_[outputs.argmax(axis=1)])
    proba = estimator.predict_proba(X[some])
    np.testing.assert_allclose(proba, outputs / outputs.sum(1, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(proba.sum(1), 1)
