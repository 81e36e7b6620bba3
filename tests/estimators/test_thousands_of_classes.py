"""Targets of thousands of classes are never columns of zeros and ones for all rows."""

import pickle
import tracemalloc

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.metrics import log_loss

import skdl
from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    KerasClassifier,
    TabularClassifier,
    TextBoWClassifier,
    build_dense,
)
from skdl._engine import device

N_ROWS, N_CLASSES = 6_000, 3_000
ONE_HOT = N_ROWS * N_CLASSES * 4  # bytes
SETTINGS = {"hidden_layer_sizes": (4,), "epochs": 1, "batch_size": 500, "random_state": 0}


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    return X, rng.permutation(np.arange(N_ROWS) % N_CLASSES)


def network(input_shape, n_classes):
    return build_dense(input_shape, n_classes, "softmax", hidden_layer_sizes=(4,))


def peak(function, *arguments, **more):
    """Return the largest number of bytes that NumPy's arrays take in a call, made once before."""
    function(*arguments, **more)  # what is traced and compiled would take long, watched so
    tracemalloc.start()
    try:
        function(*arguments, **more)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


CROSS_ENTROPY = {"loss": "categorical_crossentropy"}


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(DenseClassifier(**SETTINGS), id="sparse labels", marks=pytest.mark.slow),
        pytest.param(
            DenseClassifier(**SETTINGS, **CROSS_ENTROPY, metrics="f1_score", early_stopping=True),
            id="metrics",
        ),
        pytest.param(
            DenseClassifier(**SETTINGS, metrics="auc", callbacks=keras.callbacks.TerminateOnNaN()),
            id="Model.fit",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            KerasClassifier(network, epochs=1, batch_size=500, random_state=0, **CROSS_ENTROPY),
            id="own network",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ConvNetClassifier(
                (2,), image_shape=(2, 2, 1), kernel_size=2, pool_size=None,
                **SETTINGS, **CROSS_ENTROPY,
            ),
            id="images",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_fit_holds_no_columns_of_classes(many, estimator):
    X, y = many
    assert peak(estimator.fit, X, y) < ONE_HOT / 2
    assert len(estimator.classes_) == estimator.n_outputs_ == N_CLASSES
    assert estimator.predict(X[:3]).shape == (3,)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_columns_of_a_batch_are_those_of_keras(sparse):
    """An epoch over one batch ends with the weights of Keras, trained on columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5)).astype(np.float32)
    X[X < 0] = 0
    y = np.arange(40) % 6
    settings = SETTINGS | {"epochs": 3, "shuffle": False}
    net = DenseClassifier(
        **settings, optimizer="sgd", loss="categorical_crossentropy", metrics=["f1_score"]
    )
    net.fit(csr_matrix(X) if sparse else X, y, X_val=X[:20], y_val=y[:20])
    still = DenseClassifier(**settings | {"epochs": 1}, optimizer="sgd", learning_rate=1e-30)
    model = build_dense((5,), 6, "softmax", hidden_layer_sizes=(4,))
    model.set_weights(still.fit(X, y).model_.get_weights())
    model.compile("sgd", "categorical_crossentropy", metrics=["f1_score"])
    columns = np.eye(6, dtype=np.float32)[y]
    history = model.fit(
        X, columns, 500, 3, verbose=0, shuffle=False, validation_data=(X[:20], columns[:20])
    ).history
    assert_allclose(net.history_["loss"], history["loss"], rtol=1e-5)
    assert_allclose(net.history_["val_loss"], history["val_loss"], rtol=1e-5)
    assert_allclose(net.history_["val_f1_score"], history["val_f1_score"], rtol=1e-5)
    for found, expected in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_parts_weights_files_and_onnx(many, tmp_path):
    X, y = many
    net = DenseClassifier(**SETTINGS)
    for part in np.split(np.arange(N_ROWS), 3):
        net.partial_fit(X[part], y[part], classes=np.arange(N_CLASSES))
    assert net.n_iter_ == 3
    some = X[:50]
    expected = net.predict_proba(some)
    assert_allclose(expected.sum(axis=1), 1)
    assert_allclose(net.predict_log_proba(some), np.log(expected))
    assert 0 <= net.score(X, y) < 0.1
    skdl.save(net, tmp_path / "net.skdl")
    for copy in (pickle.loads(pickle.dumps(net)), skdl.load(tmp_path / "net.skdl")):
        assert_array_equal(copy.predict_proba(some), expected)
    session = pytest.importorskip("onnxruntime").InferenceSession(
        skdl.to_onnx(net, some).SerializeToString()
    )
    labels, proba = session.run(None, {session.get_inputs()[0].name: some})
    assert_array_equal(labels, net.predict(some))
    assert_allclose(proba, expected, rtol=1e-4)


@pytest.mark.slow
def test_texts(many):
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(50)])
    X = [" ".join(each) for each in words[rng.integers(0, 50, (N_ROWS, 3))]]
    net = TextBoWClassifier(**SETTINGS, **CROSS_ENTROPY)
    assert peak(net.fit, X, many[1]) < ONE_HOT / 2
    assert net.predict(X[:3]).shape == (3,)


def test_errors_do_not_list_thousands_of_labels(many):
    X, y = many
    net = DenseClassifier(**SETTINGS).partial_fit(X, y, classes=np.arange(N_CLASSES))
    with pytest.raises(ValueError, match=r"\(3001 in all\)") as caught:
        net.partial_fit(X, y, classes=np.arange(N_CLASSES + 1))
    assert len(str(caught.value)) < 500
    with pytest.raises(ValueError, match=r"\(3000 in all\)"):
        DenseClassifier(**SETTINGS, class_weight={-1: 1.0}).fit(X, y)


def test_early_stopping_trains_on_most_rows_of_rare_classes(many):
    """One row of each of 3,000 classes would be half of the rows."""
    X, y = many
    steps = []

    class Steps(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            steps.append(self.params["steps"])

    net = DenseClassifier(**SETTINGS, early_stopping=True)
    net.set_params(callbacks=[Steps()]).fit(X, y)
    assert steps == [11]  # of 500 of the 5,400 rows that are left


@pytest.fixture(scope="module")
def ensemble(many):
    X, y = many
    settings = {"hidden_layer_sizes": (4,), "epochs": 1, "n_members": 2, "random_state": 0}
    return TabularClassifier(**settings, batch_size=500).fit(X, y)


def test_ensemble_of_members_that_lack_classes(many, ensemble):
    y = many[1]
    known = np.isfinite(ensemble.oof_predictions_).all(axis=1)
    assert known.mean() == pytest.approx(0.4)
    assert ensemble.oof_predictions_.shape == (N_ROWS, N_CLASSES)
    assert_allclose(ensemble.oof_predictions_[known].sum(axis=1), 1)
    loss = log_loss(y[known], ensemble.oof_predictions_[known], labels=ensemble.classes_)
    assert loss == pytest.approx(np.log(N_CLASSES), rel=0.1)


def test_predictions_of_rows_left_out_are_not_kept_beyond_a_quarter_of_memory(many, monkeypatch):
    X, y = many
    net = TabularClassifier(hidden_layer_sizes=(4,), epochs=1, n_members=1, batch_size=500)
    n_bytes = N_ROWS * N_CLASSES * 8
    monkeypatch.setattr(device, "memory_bytes", lambda: 4 * n_bytes - 4)
    net.fit(X, y)
    assert not hasattr(net, "oof_predictions_")
    with pytest.raises(AttributeError, match="quarter of the memory"):
        net.oof_predictions_  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'something'"):
        net.something  # noqa: B018
    copy = pickle.loads(pickle.dumps(net))
    assert_array_equal(copy.predict(X[:9]), net.predict(X[:9]))
    with pytest.raises(AttributeError, match="quarter of the memory"):
        copy.oof_predictions_  # noqa: B018


@pytest.mark.slow
def test_ten_thousand_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 8)).astype(np.float32)
    y = rng.permutation(np.arange(20_000) % 10_000)
    net = DenseClassifier(**SETTINGS, **CROSS_ENTROPY, validation_split=0.1)
    net.set_params(class_weight="balanced")
    assert peak(net.fit, X, y, sample_weight=np.arange(1.0, 20_001)) < 100e6  # columns: 800 MB
    assert peak(net.predict, X) < 350e6  # outputs: 800 MB
