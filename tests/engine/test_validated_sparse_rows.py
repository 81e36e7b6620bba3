"""Validation on sparse rows, part by part, and rows held out without a copy of the matrix."""

import keras
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor, KerasClassifier
from skdl._engine.compiled import sparse_parts

N_ROWS, N_COLUMNS = 300, 40
RNG = np.random.default_rng(0)
DENSE = RNG.integers(1, 9, (N_ROWS, N_COLUMNS)) * (RNG.random((N_ROWS, N_COLUMNS)) < 0.2) / 3
Y = (DENSE[:, :5].sum(axis=1) > 2).astype(int)
SETTINGS = {"epochs": 3, "batch_size": 32, "random_state": 0}
LONG = {"epochs": 30, "learning_rate": 0.1}


def rows(dtype="float32", container=scipy.sparse.csr_matrix):
    return container(DENSE.astype("float32").astype(dtype))


def own_network(meta):
    """Return a network that begins with a dense layer."""
    layers = keras.layers
    inputs = keras.Input(meta["X_shape_"][1:])
    hidden = layers.Dense(6, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))


def convolving_network(meta):
    """Return a network that sparse rows are made dense for."""
    layers = keras.layers
    inputs = keras.Input(meta["X_shape_"][1:])
    maps = layers.Conv1D(2, 5)(layers.Reshape((-1, 1))(inputs))
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.Flatten()(maps)))


def assert_same(one, other):
    assert one.history_ == other.history_
    assert_array_equal(one.predict(rows()), other.predict(rows()))


@pytest.fixture
def small_parts(monkeypatch):
    """Let a part be one batch of all but the smallest."""
    monkeypatch.setattr(sparse_parts, "_VALUES", 40)


# The loss of the first is measured in steps of many rows, that of the second in batches.
@pytest.mark.parametrize("loss", ["auto", keras.losses.BinaryCrossentropy(reduction="sum")])
def test_parts_change_no_bit_of_what_is_measured(loss, monkeypatch):
    X, y, weight = rows(), Y, 1.0 + Y
    net = DenseClassifier((6,), loss=loss, metrics=["accuracy", "auc"], l2=0.01, **SETTINGS)
    whole = net.fit(X[:200], y[:200], weight[:200], X_val=X[200:], y_val=y[200:])
    expected = whole.history_, whole.predict_proba(X)
    monkeypatch.setattr(sparse_parts, "_VALUES", 40)
    net.fit(X[:200], y[:200], weight[:200], X_val=X[200:], y_val=y[200:])
    assert net.training_program_ == "graph"
    assert net.history_ == expected[0]
    assert_array_equal(net.predict_proba(X), expected[1])


@pytest.mark.parametrize(("estimator", "container"), [
    (DenseClassifier((6,)), scipy.sparse.csr_array),
    (DenseRegressor((6,)), scipy.sparse.csr_matrix),
    (KerasClassifier(own_network), scipy.sparse.csr_array),
    (KerasClassifier(convolving_network), scipy.sparse.csr_matrix),
])  # fmt: skip
def test_held_out_rows_are_those_of_dense_rows(estimator, container, small_parts):
    """And float64 or whole numbers train as the same values in the network's dtype."""
    net = estimator.set_params(**SETTINGS, validation_split=0.3)
    X = rows("float64", container)
    net.fit(X, Y)
    stored = [net.history_, net.predict(X)]
    assert_same(net.fit(rows(), Y), net)
    assert net.history_ == stored[0]
    assert_array_equal(net.predict(rows()), stored[1])
    dense = net.fit(DENSE.astype(np.float32), Y)
    for name, values in dense.history_.items():
        np.testing.assert_allclose(stored[0][name], values, rtol=1e-5, err_msg=name)


def test_early_stopping_and_many_classes(small_parts):
    X, y = rows(), np.arange(N_ROWS) % 12
    net = DenseClassifier((6,), early_stopping=True, patience=1, **SETTINGS | LONG)
    found, dense = (net.fit(x, y).best_epoch_ for x in (X, X.toarray()))
    assert found == dense < 30
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    net = DenseClassifier((6,), loss=loss, validation_split=0.2, **SETTINGS)
    found, dense = (net.fit(x, y).history_["val_loss"] for x in (X, X.toarray()))
    np.testing.assert_allclose(found, dense, rtol=1e-5)


def test_by_keras_on_the_same_rows(small_parts):
    every_batch = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    for dtype in ("float32", "float64"):
        net = DenseClassifier((6,), validation_split=0.3, **SETTINGS)
        ours = net.fit(rows(dtype), Y).history_
        theirs = net.set_params(callbacks=every_batch).fit(rows(dtype), Y)
        assert theirs.training_program_ == "keras"
        for name, values in theirs.history_.items():
            np.testing.assert_allclose(ours[name], values, rtol=1e-5, err_msg=name)


def test_one_of_two_is_sparse():
    X, net = rows("float64"), DenseClassifier((6,), **SETTINGS)
    nets = [
        DenseClassifier((6,), **SETTINGS).fit(train[:200], Y[:200], X_val=held[200:], y_val=Y[200:])
        for train, held in ((DENSE, X), (DENSE, DENSE), (X, DENSE), (X, X))
    ]
    assert_same(nets[0], nets[1])
    assert_same(nets[2], nets[3])
    assert net.fit(X, Y).training_program_ == "graph"


def test_images_that_are_sparse_are_held_out_as_before():
    net = ConvNetClassifier(
        (2,), image_shape=(8, 5), validation_split=0.3, epochs=2, random_state=0
    )
    pixels = rows() / DENSE.max()
    assert net.fit(pixels, Y).history_ == net.fit(pixels.toarray(), Y).history_


@pytest.mark.parametrize("n_twice", [0, 1])
def test_values_in_two_parts_are_added_up(n_twice):
    """Which SciPy does where it converts them, so that nothing is left to be added later."""
    X = rows("float64")
    places = X.tocoo()
    twice = [np.concatenate([each, each[:n_twice]]) for each in (places.row, places.col)]
    values = np.concatenate([X.data, np.zeros(n_twice)])
    order = np.argsort(twice[0], kind="stable")
    begins = np.append(0, np.cumsum(np.bincount(twice[0], minlength=N_ROWS)))
    again = scipy.sparse.csr_matrix((values[order], twice[1][order], begins), X.shape)
    nets = [DenseClassifier((6,), **SETTINGS).fit(each, Y) for each in (X, again)]
    assert_same(*nets)


def test_sparse_validation_rows_beside_dense_ones_of_a_network_that_takes_no_sparse_rows():
    net = KerasClassifier(convolving_network, **SETTINGS)
    dense = net.fit(DENSE, Y, X_val=DENSE, y_val=Y).history_
    assert net.fit(DENSE, Y, X_val=scipy.sparse.csr_matrix(DENSE), y_val=Y).history_ == dense
