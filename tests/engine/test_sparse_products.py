"""Networks on sparse rows train and predict as on dense ones, few units or many."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from skdl import DenseClassifier
from skdl._engine.compiled.kernels import sparse_product
from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras

# TensorFlow has one product of sparse rows for few units, and another is used for many.
FEW, MANY = 31, 32


def words(n_rows, n_columns, seed=0, density=0.05):
    """Return a CSR matrix of random values, whose first and last rows are empty."""
    random = np.random.default_rng(seed)
    X = random.random((n_rows, n_columns)) * (random.random((n_rows, n_columns)) < density)
    X[[0, -1]] = 0
    return scipy.sparse.csr_matrix(X, dtype=np.float32)


@pytest.mark.parametrize("units", [FEW, MANY, 33])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_and_their_gradients(units, dtype):
    X = words(50, 200).astype(dtype)
    layer = keras.layers.Dense(units, dtype=dtype)
    layer.build((None, 200))
    call = sparse_product(layer)

    @tf.function(autograph=False)
    def both(indices, values, shape, upstream):
        with tf.GradientTape() as tape:
            outputs = call(tf.SparseTensor(indices, values, shape))
        return outputs, *tape.gradient(outputs, [layer.kernel.value, layer.bias.value], upstream)

    upstream = np.random.default_rng(1).normal(size=(50, units)).astype(dtype)
    coo = X.tocoo()
    found = both(np.stack([coo.row, coo.col], 1).astype(np.int64), coo.data, X.shape, upstream)
    kernel = layer.kernel.numpy()
    expected = X @ kernel, X.T @ upstream, upstream.sum(axis=0)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == dtype
        assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("units", [FEW, MANY])
def test_sparse_rows_train_like_dense_rows(units):
    """With weights, penalties and a last, smaller batch, each filled up to 16 values."""
    X, y = words(90, 200), np.arange(90) % 3
    weight = 1.0 + y
    nets = [
        DenseClassifier(
            (units, 4), l1=1e-4, l2=1e-3, epochs=4, batch_size=16, learning_rate=0.01,
            random_state=0,
        ).fit(rows, y, weight)
        for rows in (X.toarray(), X)
    ]  # fmt: skip
    assert [net.training_program_ for net in nets] == ["graph", "graph"]
    assert_allclose(nets[1].history_["loss"], nets[0].history_["loss"], rtol=1e-5)
    pairs = zip(*(net.model_.get_weights() for net in nets), strict=True)
    for dense, sparse in pairs:
        assert_allclose(sparse, dense, atol=1e-4)
    nets[1].partial_fit(X, y)
    assert np.isfinite(nets[1].predict_proba(X)).all()


@pytest.mark.parametrize("units", [FEW, MANY, 33])
def test_a_row_alone_is_predicted_to_the_same_bits(units):
    """Also with columns in any order, values in two parts, and rows that are all empty."""
    X, y = words(40, 100), np.arange(40) % 2
    net = DenseClassifier((units,), epochs=1, random_state=0).fit(X, y)
    together = net.predict_proba(X)
    assert_array_equal(np.vstack([net.predict_proba(X[i]) for i in range(40)]), together)
    order = np.random.default_rng(0).permutation(40)
    assert_array_equal(net.predict_proba(X[order]), together[order])
    halves = [np.repeat(np.flatnonzero(row), 2)[::-1] for row in X.toarray()]
    columns, rows = np.concatenate(halves), np.repeat(np.arange(40), [len(h) for h in halves])
    begins = np.append(0, np.cumsum([len(h) for h in halves]))
    in_halves = scipy.sparse.csr_matrix((X.toarray()[rows, columns] / 2, columns, begins), X.shape)
    assert_allclose(net.predict_proba(in_halves), together, atol=1e-6)
    nothing = scipy.sparse.csr_matrix((3, 100), dtype=np.float32)
    assert_array_equal(net.predict_proba(nothing), np.repeat(together[:1], 3, axis=0))
    empty = DenseClassifier((units,), epochs=1, batch_size=2, random_state=0).fit(
        nothing, [0, 1, 1]
    )
    assert np.isfinite(empty.predict_proba(nothing)).all()
