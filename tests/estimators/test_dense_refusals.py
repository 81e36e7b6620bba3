"""`DenseClassifier` and `DenseRegressor`: parameters and data that they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.exceptions import DataConversionWarning

from skdl import DenseClassifier, DenseRegressor
from skdl.exceptions import NonFiniteLossError


@pytest.mark.parametrize("every_batch", [False, True])
def test_a_loss_that_is_not_finite_is_an_error(every_batch, diabetes):
    X, y = diabetes
    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    net = DenseRegressor(
        optimizer="sgd", learning_rate=1e6, epochs=5, callbacks=callbacks if every_batch else None
    )
    with pytest.raises(NonFiniteLossError, match=r"epoch \d.*scale the inputs.*learning_rate"):
        net.fit(X, 1e4 * y)
    with pytest.raises(ValueError, match="not fitted"):
        net.predict(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"optimizer": "adma"}, "optimizer='adma'.*'adam'"),
        ({"loss": "mean_square_error"}, "loss='mean_square_error'.*'mean_squared_error'"),
        ({"metrics": ["acuracy"]}, "metrics='acuracy'.*'accuracy'"),
        ({"activation": "rleu"}, "activation='rleu'.*'relu'"),
        ({"kernel_initializer": "he_norm"}, "kernel_initializer='he_norm'.*'he_normal'"),
        ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' parameter"),
        ({"hidden_layer_sizes": (8, -1)}, r"hidden_layer_sizes.*\(8, -1\)"),
        ({"hidden_layer_sizes": (8, 2.5)}, r"hidden_layer_sizes.*\(8, 2.5\)"),
        ({"dropout": 1.0}, "'dropout' parameter.*1.0"),
        ({"epochs": 0}, "'epochs' parameter.*Got 0"),
        ({"batch_size": 2.5}, "'batch_size' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"l2": -1}, "'l2' parameter"),
        ({"validation_split": 1.0}, "'validation_split' parameter"),
        ({"patience": 0}, "'patience' parameter"),
        ({"dtype": "float31"}, "'dtype' parameter.*'float31'"),
        ({"class_weight": "balance"}, "'class_weight' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
        ({"optimizer": 3}, "'optimizer' parameter"),
        ({"warm_start": "yes"}, "'warm_start' parameter"),
    ],
    ids=str,
)
def test_bad_parameters(parameters, message, iris):
    X, y = iris
    with pytest.raises((ValueError, TypeError), match=message):
        DenseClassifier(**parameters).fit(X, y)


@pytest.mark.parametrize("y", [["1.5", "2"], np.array(["a", 1.0], object), np.array([b"1", b"2"])])
def test_values_that_are_texts(y):
    X = [[1.0], [2.0]]
    with pytest.raises(ValueError, match="y must hold numbers, received the text"):
        DenseRegressor(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="y_val must hold numbers, received the text"):
        DenseRegressor(epochs=1).fit(X, [1, 2], X_val=X, y_val=y)


def test_a_column_of_labels_is_warned_of_once(iris):
    X, y = iris
    net = DenseClassifier(epochs=2, validation_split=0.2)
    with pytest.warns(DataConversionWarning, match="column-vector") as warned:
        net.fit(X, y[:, None])
    assert len(warned) == 1
    batches = tf.data.Dataset.from_tensor_slices((X, y[:, None])).batch(50)
    with pytest.warns(DataConversionWarning, match="column-vector") as warned:
        net.set_params(validation_split=0).fit(batches)
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((0, 3)), [], "0 sample"),
        ([[1.0], [np.nan]], [0, 1], "NaN"),
        ([["a"], ["b"]], [0, 1], "OneHotEncoder"),
        ([[1.0], [2.0]], [1, 1], "only one class"),
        ([[1.0], [2.0]], [0, 1, 2], "inconsistent numbers of samples"),
        ([[1.0], [1e39]], [0, 1], "too large"),
        (np.zeros((2, 2, 2)), [0, 1], "dim 3"),
        ([1.0, 2.0], [0, 1], "1D array"),
        ([[1.0], [2.0], [3.0]], [0.5, 1.5, 2.7], "continuous"),
    ],
)
def test_bad_data(X, y, message):
    with pytest.raises(ValueError, match=message):
        DenseClassifier(epochs=1).fit(X, y)


def test_bad_data_at_predict_and_for_regressors(iris):
    X, y = iris
    net = DenseClassifier(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but DenseClassifier is expecting 4"):
        net.predict(X[:, :3])
    with pytest.raises(ValueError, match="OneHotEncoder"):
        net.predict(np.full((2, 4), "text", dtype=object))
    with pytest.raises(ValueError, match="too large"):
        DenseRegressor(standardize_y=False).fit(X, np.where(y == 0, 1e39, 1.0))


def test_one_row_cannot_be_held_out():
    with pytest.raises(ValueError, match=r"n_samples = 1 .*early_stopping=True"):
        DenseRegressor(early_stopping=True).fit([[1.0]], [1.0])
