"""The validation loss is that of batches of `batch_size`, whichever program computes it."""

import keras
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor
from skdl._engine.compiled import programs, template
from skdl._engine.compiled.evaluation import is_mean_of_rows

losses = keras.losses


@keras.saving.register_keras_serializable("skdl_tests")
def squares(y_true, y_pred):
    """A loss that sums where Keras's own take the mean."""
    return keras.ops.sum((y_true - y_pred) ** 2)


@keras.saving.register_keras_serializable("skdl_tests")
def spread(y_true, y_pred):
    """A metric that compares the rows of a batch."""
    return keras.ops.max(y_pred) - keras.ops.min(y_pred)


BY_BATCH = {
    "sum": {"loss": losses.MeanSquaredError("sum")},
    "penalised sum": {"loss": losses.MeanSquaredError("sum"), "l2": 0.1},
    "weighted mean": {"loss": losses.MeanAbsoluteError("mean_with_sample_weight")},
    "function": {"loss": squares, "l1": 0.01},
    "dice": {"loss": "dice"},
    "tversky": {"loss": losses.Tversky(alpha=0.3)},
    "penalised outputs": {"activation": keras.layers.ActivityRegularization(l2=0.1)},
    "metric": {"metrics": [spread]},
}
BY_ROW = {
    "auto": {"metrics": ["mse", "binary_accuracy"], "l2": 0.1},
    "mean": {"loss": losses.BinaryFocalCrossentropy(reduction="mean")},
    "of each row": {"loss": losses.Dice(axis=1), "metrics": ["auc", "precision"]},
    "name": {"loss": "mean_absolute_error", "activation": keras.layers.PReLU()},
}


def data(n_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4)).astype(np.float32)
    return X * (X > -0.5), rng.integers(0, 2, n_rows)


USUAL = "tversky", "of each row"


@pytest.mark.parametrize("name", slow_but(USUAL, [*BY_BATCH, *BY_ROW]))
def test_as_keras_evaluates_in_batches(name, monkeypatch):
    X, y = data(90)
    settings = (BY_BATCH | BY_ROW)[name]
    every_batch = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    found = []
    for program in ("graph", "keras", "xla")[: 3 if name in {"auto", "penalised sum"} else 2]:
        monkeypatch.setattr(programs, "choose_program", lambda *args, program=program: program)
        net = DenseClassifier(
            (3,), epochs=2, batch_size=16, random_state=0, **settings,
            callbacks=every_batch if program == "keras" else None,
        ).fit(X[:40], y[:40], X_val=X, y_val=y)  # fmt: skip
        assert net.training_program_ == program
        measured = net.model_.evaluate(X, y[:, None], batch_size=16, verbose=0, return_dict=True)
        for each, value in measured.items():
            assert_allclose(net.history_[f"val_{each}"][-1], value, rtol=1e-4)
        found.append(net.history_)
    for each, values in found[0].items():
        for others in found[1:]:
            assert_allclose(others[each], values, rtol=1e-4)
    network = net._network
    by_row = is_mean_of_rows(network._template().model, network.target_shape)
    assert by_row == (name in BY_ROW)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size"])
def test_chunks_change_nothing(reduction, sparse, monkeypatch):
    X, y = data(90)
    X = scipy.sparse.csr_array(X) if sparse else X

    def val_loss():
        net = DenseRegressor(
            (3,), loss=losses.MeanSquaredError(reduction), epochs=1, batch_size=16, random_state=0
        )
        return net.fit(X, y, X_val=X, y_val=y).history_["val_loss"]

    expected = val_loss()
    monkeypatch.setattr(template, "_CHUNK_BYTES", 2000)
    assert_allclose(val_loss(), expected, rtol=1e-6)
