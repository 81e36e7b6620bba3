"""`DenseRegressor` trains on standardised y: what it learns, and in which units all else is."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import DenseRegressor, build_dense
from skdl._engine.compiled import store
from skdl.exceptions import TargetsWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
PRICES = 2e5 + 4e4 * X[:, 0] + 1e3 * RNG.normal(size=60)
SEVERAL = np.column_stack([PRICES, 1e-3 * X[:, 1], np.full(60, 7.0)])
WEIGHT = RNG.integers(0, 4, 60).astype(float)


def net(**parameters):
    settings = {"epochs": 3, "learning_rate": 0.01, "random_state": 0}
    return DenseRegressor((6,), **settings | parameters)


def own_error(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(PRICES, id="one output", marks=pytest.mark.slow),
        pytest.param(SEVERAL, id="several"),
    ],
)
def test_trains_what_keras_trains_on_standardised_y(y):
    known = WEIGHT > 0
    scaler = StandardScaler().fit(y.reshape(60, -1), sample_weight=WEIGHT)
    z = scaler.transform(y.reshape(60, -1))[known]
    model = build_dense((4,), z.shape[1], hidden_layer_sizes=6, seed=0)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    weight = WEIGHT[known] / WEIGHT[known].mean()
    history = model.fit(X[known], z, 32, 3, sample_weight=weight, shuffle=False, verbose=0)

    fitted = net(shuffle=False).fit(X, y, sample_weight=WEIGHT)
    assert_allclose(fitted.y_mean_, scaler.mean_, rtol=1e-12, atol=1e-15)
    assert_allclose(fitted.y_scale_, scaler.scale_, rtol=1e-12)
    outputs = model.predict(X, verbose=0)
    assert_allclose(fitted.model_.predict(X, verbose=0), outputs, rtol=1e-3, atol=1e-4)
    expected = scaler.inverse_transform(outputs.astype(float)).reshape(y.shape)
    assert_allclose(fitted.predict(X) / scaler.scale_[0], expected / scaler.scale_[0], atol=1e-4)
    assert fitted.predict(X).dtype == np.float64
    assert_allclose(fitted.history_["loss"], history.history["loss"], rtol=1e-5)


@pytest.mark.parametrize("every_batch", [False, True], ids=["compiled", "Model.fit"])
def test_metrics_are_those_of_predict(every_batch):
    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    fitted = net(metrics=["mae", "mape", own_error], callbacks=callbacks if every_batch else None)
    fitted.fit(X[:40], SEVERAL[:40, :2] + 1, X_val=X[40:], y_val=SEVERAL[40:, :2] + 1)
    y, predicted = SEVERAL[40:, :2] + 1, fitted.predict(X[40:])
    found = {name: values[-1] for name, values in fitted.history_.items()}
    error = mean_absolute_error(y, predicted)
    assert_allclose([found["val_mae"], found["val_own_error"]], error, rtol=1e-5)
    percentage = 100 * mean_absolute_percentage_error(y, predicted)
    assert_allclose(found["val_mape"], percentage, rtol=1e-4)
    z = (y - fitted.y_mean_) / fitted.y_scale_
    loss, mae, *_ = fitted.model_.evaluate(X[40:], z, verbose=0)
    assert_allclose([found["val_loss"], found["val_mae"]], [loss, mae], rtol=1e-5)
    assert set(found) == {
        f"{prefix}{name}"
        for prefix in ("", "val_")
        for name in ("loss", "mae", "mape", "own_error")
    }


@pytest.mark.filterwarnings("ignore:y is not scaled")
def test_units_of_y_do_not_matter():
    plain = net(epochs=20, metrics="mae").fit(X, PRICES)
    other = net(epochs=20, metrics="mae").fit(X, 1e-9 * PRICES - 5)
    assert_allclose((other.predict(X) + 5) * 1e9, plain.predict(X), rtol=1e-5)
    assert_allclose(other.history_["mae"], 1e-9 * np.array(plain.history_["mae"]), rtol=1e-4)
    raw = net(epochs=20, standardize_y=False).fit(X, PRICES)
    assert_array_equal([raw.y_mean_, raw.y_scale_], [[0], [1]])
    assert plain.score(X, PRICES) > 0.5 > 0 > raw.score(X, PRICES)


def test_networks_of_other_units_share_their_programs():
    store.templates.clear()
    for factor in (1, 10):
        net(metrics="mae").fit(X, factor * PRICES)
    assert len(store.templates) == 1


@pytest.mark.parametrize("offset", [1e12, -1e12])
def test_a_large_offset_costs_no_precision(offset):
    y = offset + np.round(X[:, 0].astype(float), 1)
    fitted = net(epochs=100, metrics=["mae"]).fit(X, y, X_val=X, y_val=y)
    assert fitted.score(X, y) > 0.9
    error = mean_absolute_error(y, fitted.predict(X))
    assert_allclose(fitted.history_["val_mae"][-1], error, rtol=1e-2)  # y has 4 decimals here


@pytest.mark.parametrize("y", [0.1, 1e12 + 0.1, -3e300, 0.0, 7])
def test_constant_y(y):
    fitted = net(epochs=1).fit(X, np.full(60, y))
    assert_array_equal([fitted.y_mean_, fitted.y_scale_], [[y], [1]])
    assert_allclose(fitted.predict(X), y, rtol=1e-6, atol=5)


def test_values_beyond_float32_and_near_the_largest():
    for factor in (1e39, 1e302):
        fitted = net(epochs=60).fit(X, factor * PRICES)
        assert_allclose(fitted.y_scale_ / factor, PRICES.std(), rtol=1e-10)
        assert np.corrcoef(fitted.predict(X) / factor, PRICES)[0, 1] > 0.9
    with pytest.raises(ValueError, match="too large for float32"):
        net(standardize_y=False).fit(X, 1e39 * PRICES)


STANDARDISED = {
    "auto": True, "mse": True, "MeanSquaredError": True, "mae": True, "huber": True,
    "log_cosh": True, "mape": False, "msle": False, "poisson": False, "binary_crossentropy": False,
}  # fmt: skip


@pytest.mark.parametrize("loss", STANDARDISED)
def test_which_losses_standardise(loss):
    y = 1 / (1 + np.exp(X[:, 0]))
    for given in [loss, {"class_name": "Huber", "config": {}}] if loss == "huber" else [loss]:
        fitted = net(epochs=1, loss=given).fit(X, y)
        assert (fitted.y_scale_[0] != 1) == STANDARDISED[loss]


@pytest.mark.slow
def test_own_losses_and_other_outputs_do_not_standardise():
    class Own(keras.losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            return super().call(y_true, y_pred) / keras.ops.mean(y_true)

    for parameters in (
        {"loss": own_error},
        {"loss": Own()},
        {"output_activation": "softplus"},
        {"output_activation": keras.layers.LeakyReLU()},
        {"loss": "cosine_similarity"},
        {"loss": "kl_divergence"},
    ):
        y = np.abs(X[:, :2]) / np.abs(X[:, :2]).sum(axis=1, keepdims=True)
        fitted = net(epochs=1, **parameters).fit(X, y)
        assert_array_equal([fitted.y_mean_, fitted.y_scale_], [[0, 0], [1, 1]])
        assert_allclose(fitted.predict(X), fitted.model_.predict(X, verbose=0), rtol=1e-6)
    asked_for = net(loss=own_error, standardize_y=True).fit(X, PRICES)
    assert asked_for.y_scale_[0] > 1e4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "poisson"}, "output_activation='exponential'"),
        ({"output_activation": "sigmoid"}, "output_activation='sigmoid'.*'auto'"),
        ({"loss": "mape"}, "loss='mape', which divides by y"),
        ({"standardize_y": "yes"}, "'standardize_y' parameter"),
    ],
)
def test_standardising_without_a_meaning_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        net(**{"standardize_y": True} | parameters).fit(X, np.abs(PRICES))


def test_a_delta_in_the_units_of_y_is_warned_of():
    loss = keras.losses.Huber(5000.0)
    with pytest.warns(TargetsWarning, match="delta=5000.*standardize_y=False"):
        net(loss=loss, epochs=1).fit(X, PRICES)
    net(loss=loss, epochs=1, standardize_y=False).fit(X, PRICES)


def test_going_on_keeps_the_scale_of_the_first_fit():
    fitted = net(warm_start=True, metrics="mae").fit(X, PRICES)
    before, (mean, scale) = fitted.predict(X), (fitted.y_mean_, fitted.y_scale_)
    for go_on in (fitted.fit, fitted.partial_fit):
        go_on(X, PRICES[::-1] + 1e5)
        assert_array_equal([fitted.y_mean_, fitted.y_scale_], [mean, scale])
    assert_allclose(fitted.history_["mae"][2], np.abs(PRICES - before).mean(), rtol=0.2)
    parts = net(metrics="mae").partial_fit(X, PRICES).partial_fit(X, PRICES)
    whole = net(metrics="mae", epochs=2).fit(X, PRICES)
    assert parts.history_ == whole.history_
    assert_array_equal(parts.predict(X), whole.predict(X))
    for go_on in (fitted.fit, fitted.partial_fit):
        fitted.set_params(standardize_y=False)
        with pytest.raises(ValueError, match="standardize_y=False"):
            go_on(X, PRICES)
    assert_array_equal(fitted.y_mean_, mean)


def test_batches_are_scaled_by_all_of_their_rows():
    parameters = {"shuffle": False, "batch_size": 20, "metrics": ["mae"]}
    weight = np.where(np.arange(60) % 4 == 0, 0.0, 1.0 + np.arange(60) % 3)
    batches = tf.data.Dataset.from_tensor_slices((X, PRICES, weight)).batch(20)
    streamed = net(**parameters).fit(batches)
    scaler = StandardScaler().fit(PRICES[:, None], sample_weight=weight)
    assert_allclose(streamed.y_mean_, scaler.mean_, rtol=1e-12)
    assert_allclose(streamed.y_scale_, scaler.scale_, rtol=1e-12)
    held = tf.data.Dataset.from_tensor_slices((X, PRICES)).batch(30)
    streamed.fit(batches, X_val=held)
    error = mean_absolute_error(PRICES, streamed.predict(X))
    assert_allclose(streamed.history_["val_mae"][-1], error, rtol=1e-5)


def test_copies_and_files(tmp_path):
    fitted = net(metrics="mae", dtype="float64").fit(X, SEVERAL)
    skdl.save(fitted, tmp_path / "net.skdl")
    for copy in (skdl.load(tmp_path / "net.skdl"), pickle.loads(pickle.dumps(fitted))):
        assert_array_equal(copy.predict(X), fitted.predict(X))
        assert_array_equal(copy.y_scale_, fitted.y_scale_)
        copy.partial_fit(X, SEVERAL)
        assert copy.history_["mae"][-1] < fitted.history_["mae"][-1]
    fresh = clone(fitted).fit(X, SEVERAL)
    assert_array_equal(fresh.predict(X), fitted.predict(X))
    fitted.model_.save(tmp_path / "net.keras")
    outputs = keras.models.load_model(tmp_path / "net.keras").predict(X, verbose=0)
    assert_allclose(outputs * fitted.y_scale_ + fitted.y_mean_, fitted.predict(X), rtol=1e-12)


def test_onnx_gives_values_in_the_units_of_y():
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    y = np.column_stack([1e9 + PRICES, X[:, 1]])
    fitted = net().fit(X, y)
    for rows, tolerance in ((X, 1e-6), (X.astype(float), 1e-12)):
        model = skdl.to_onnx(fitted, rows)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        (found,) = session.run(None, {"X": rows})
        assert_allclose(found, fitted.predict(X), rtol=tolerance, atol=1e-5)


def test_scores_by_epoch_are_in_the_units_of_y():
    callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    monitor = callback.ScoringMonitor(scoring="neg_mean_absolute_error")
    fitted = net(metrics="mae").set_callbacks(monitor).fit(X, PRICES)
    log = monitor.get_logs().data_as_pandas.query("task_name == 'epoch'")
    error = mean_absolute_error(PRICES, fitted.predict(X))
    assert_allclose(-log["neg_mean_absolute_error"].iloc[-1], error, rtol=1e-9)
