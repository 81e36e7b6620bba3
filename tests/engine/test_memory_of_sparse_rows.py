"""Sparse rows are copied and converted in parts, those to validate on and to predict too."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from skdl import DenseClassifier
from skdl._engine import device
from skdl._engine.compiled import sparse_parts, template
from skdl._estimators import base

N_ROWS, N_COLUMNS, N_VALUES = 20_000, 5_000, 100
Y = np.arange(N_ROWS) % 2
SMALL = {"epochs": 2, "batch_size": 1024, "random_state": 0}


def matrix(dtype=np.float32, container=scipy.sparse.csr_matrix):
    random = np.random.default_rng(0)
    n = N_ROWS * N_VALUES
    columns = random.integers(0, N_COLUMNS, n, dtype=np.int32)
    values = random.integers(1, 5, n).astype(dtype)
    begins = np.arange(N_ROWS + 1, dtype=np.int32) * N_VALUES
    X = container((values, columns, begins), (N_ROWS, N_COLUMNS))
    X.sum_duplicates()
    return X


def peak_of(function):
    """Return the largest memory of NumPy while a function runs, in sizes of the float32 rows."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / (8 * N_ROWS * N_VALUES)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_fit_and_predict_take_little_memory(dtype, monkeypatch):
    # An eighth of the matrix, as if it were large, and validation on some 1,000 rows at a time.
    monkeypatch.setattr(sparse_parts, "_VALUES", 2**18)
    monkeypatch.setattr(template, "_CHUNK_BYTES", 2**15)
    X, net = matrix(dtype), DenseClassifier((4,), **SMALL)
    net.fit(X[:2000], Y[:2000], X_val=X[:2000], y_val=Y[:2000])  # compiles
    assert peak_of(lambda: net.fit(X, Y)) < 0.75
    assert peak_of(lambda: net.predict(X)) < 0.75
    assert peak_of(lambda: net.fit(X, Y, X_val=X, y_val=Y)) < 0.75
    net.set_params(validation_split=0.5)
    assert peak_of(lambda: net.fit(X, Y)) < 0.75


@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_parts_and_copies_change_no_bit(container, monkeypatch):
    X = matrix(np.float64, container)
    arrays = [X.data, X.indices, X.indptr]
    before = [array.copy() for array in arrays]
    settings = SMALL | {"metrics": "accuracy", "dropout": 0.1, "validation_split": 0.1}
    nets = [DenseClassifier((4,), **settings).fit(X, Y)]
    assert nets[0].training_program_ == "graph"
    assert all(each is a for each, a in zip((X.data, X.indices, X.indptr), arrays, strict=True))
    for array, values in zip(arrays, before, strict=True):
        assert_array_equal(array, values)
    monkeypatch.setattr(base, "converts", lambda X, dtype: False)  # scikit-learn does
    for n_values in (1, 250_000):  # parts of one batch; of two, and one at the end
        monkeypatch.setattr(sparse_parts, "_VALUES", n_values)
        nets.append(DenseClassifier((4,), **settings).fit(X, Y))
    for net in nets[1:]:
        assert net.history_ == nets[0].history_
        assert_array_equal(net.predict_proba(X), nets[0].predict_proba(X))


@pytest.mark.parametrize("value", [1e300, np.nan])
def test_values_that_are_no_float32_are_refused(value):
    X = matrix(np.float64)
    X.data[5] = value
    with pytest.raises(ValueError, match=r"infinity|too large|NaN"):
        DenseClassifier(**SMALL).fit(X, Y)


def test_sparse_rows_are_never_too_large(monkeypatch):
    X = matrix()[:2000]
    monkeypatch.setattr(device, "memory_bytes", lambda: 40_000)
    net = DenseClassifier((4,), **SMALL)
    assert net.fit(X, Y[:2000]).training_program_ == "graph"
    assert net.fit(X[:50], Y[:50], X_val=X, y_val=Y[:2000]).training_program_ == "graph"
