"""`KerasClassifier` and `KerasRegressor`: rows of any rank and dtype, tokens, several inputs."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from users_networks import RNG, TOKENS, VALUES, L, X, regressor


def test_several_inputs_by_columns():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcd")).assign(city=TOKENS[:, 0])

    def make(input_shape):
        numbers = keras.Input(input_shape["numbers"], name="numbers")
        city = keras.Input((1,), dtype="int32", name="city")
        x = L.Concatenate()([numbers, L.Flatten()(L.Embedding(20, 3)(city))])
        return keras.Model([city, numbers], L.Dense(1)(x))

    columns = {"numbers": slice("a", "c"), "city": "city"}
    net = regressor(make, inputs=columns, epochs=2).fit(table, VALUES)
    rows = {"numbers": X[:, :3], "city": TOKENS[:, :1]}
    assert_allclose(net.predict(table), net.model_.predict(rows, verbose=0)[:, 0], atol=1e-6)
    by_position = regressor(make, inputs={"numbers": [0, 1, 2], "city": [4]}, epochs=2)
    assert_allclose(by_position.fit(table, VALUES).predict(table), net.predict(table))
    for wrong, message in [
        ({"numbers": [0, 1, 2]}, "with the inputs .'city', 'numbers'."),
        ({"numbers": ["a", "b", "e"], "city": "city"}, "asks for the column 'e'"),
        ({"numbers": [0, 1, 9], "city": [4]}, "asks for column 9"),
    ]:
        with pytest.raises(ValueError, match=message):
            regressor(make, inputs=wrong).fit(table, VALUES)
    with pytest.raises(ValueError, match=r"inputs=\{'city': \[...\], ...\}"):
        regressor(lambda: make({"numbers": (3,)})).fit(table, VALUES)


def embedding(input_shape, vocabulary=20):
    return keras.Sequential(
        [keras.Input(input_shape), L.Embedding(vocabulary, 3), L.Flatten(), L.Dense(1)]
    )


@pytest.mark.parametrize("token", [20, -1, 0.5])
def test_unknown_tokens_are_refused(token):
    wrong = TOKENS.astype(float)
    wrong[3, 2] = token
    for rows in (wrong, wrong.astype(int)) if token != 0.5 else (wrong,):
        with pytest.raises(ValueError, match=f"the token {token}.*from 0 to 19"):
            regressor(embedding).fit(rows, VALUES)
        with pytest.raises(ValueError, match=f"the token {token}.*from 0 to 19"):
            regressor(embedding).fit(TOKENS, VALUES).predict(rows)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad", "nadam"])
def test_embeddings_are_updated_by_the_sum_of_their_gradients(optimizer, monkeypatch):
    """As the kernel of a dense layer on one-hot tokens is, by every program."""

    def one_hot():
        model = keras.Sequential(
            [
                keras.Input((6, 20)),
                L.Dense(3, use_bias=False),
                L.Flatten(),
                L.Dense(1),
            ]
        )
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        return model

    def from_there(input_shape):
        model = embedding(input_shape)
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        return model

    start = [v.numpy() for v in embedding((6,)).variables]
    rows = np.eye(20, dtype=np.float32)[TOKENS]
    parameters = {"optimizer": optimizer, "learning_rate": 0.01, "epochs": 3}
    expected = regressor(one_hot, **parameters).fit(rows, VALUES).predict(rows)

    class EveryBatch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            pass

    for callbacks in (None, [EveryBatch()]):
        net = regressor(from_there, callbacks=callbacks, **parameters).fit(TOKENS, VALUES)
        assert_allclose(net.predict(TOKENS), expected, rtol=1e-4, atol=1e-5)


def test_rows_of_any_rank_and_dtype():
    images = RNG.integers(0, 256, (30, 6, 6, 1), dtype=np.uint8)

    def make(input_shape):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                L.Rescaling(1 / 255),
                L.Conv2D(2, 3),
                L.Flatten(),
                L.Dense(1),
            ]
        )

    net = regressor(make).fit(images, VALUES[:30])
    assert net.input_shape_ == (6, 6, 1)
    assert_allclose(
        net.predict(images), net.model_.predict(images, verbose=0)[:, 0], rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match=r"rows of shape \(6, 5, 1\)"):
        net.predict(images[:, :, :5])
    dense_net = regressor(epochs=3).fit(X, VALUES)
    sparse = regressor(epochs=3).fit(csr_matrix(X), VALUES)
    assert_allclose(sparse.predict(csr_matrix(X)), dense_net.predict(X), rtol=1e-4, atol=1e-5)
    tokens = regressor(embedding).fit(csr_matrix(TOKENS), VALUES)  # with their zeros
    assert_array_equal(tokens.predict(csr_matrix(TOKENS)), tokens.predict(TOKENS))


def test_windows_of_a_series():
    series = np.sin(np.arange(80) / 5)
    windows = np.lib.stride_tricks.sliding_window_view(series[:-1], 8)[:, :, None]

    def make(input_shape):
        return keras.Sequential([keras.Input(input_shape), L.GRU(4), L.Dense(1)])

    scores = cross_val_score(regressor(make, epochs=2), windows, series[8:], cv=TimeSeriesSplit(3))
    assert np.isfinite(scores).all()


def test_dtype_holds_for_all_layers():
    net = regressor(dtype="float64").fit(X.astype(float), VALUES)
    assert {layer.dtype_policy.name for layer in net.model_.layers} == {"float64"}
    assert {v.dtype for v in net.model_.variables if "seed" not in v.path} == {"float64"}
    assert keras.config.dtype_policy().name == keras.config.floatx() == "float32"
