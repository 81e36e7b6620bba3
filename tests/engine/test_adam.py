"""Adam updates small variables and large ones, which are trained in two ways, as Keras does."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdl import DenseRegressor, build_dense
from skdl._engine.compiled import optimizers, programs


@pytest.mark.parametrize("program", ["graph", "xla"])
def test_small_and_large_variables_train_as_under_model_fit(program, monkeypatch):
    monkeypatch.setattr(programs, "choose_program", lambda *args: program)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 200)).astype(np.float32)
    y = rng.normal(size=40)
    y = (y - y.mean()) / y.std()  # as regressors do
    model = build_dense((200,), 1, "linear", hidden_layer_sizes=(200, 4), seed=3)
    sizes = [np.prod(variable.shape) for variable in model.trainable_variables]
    assert min(sizes) < optimizers._FEW_VALUES < max(sizes)
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), "mse")
    history = model.fit(X, y[:, None], 16, 3, shuffle=False, verbose=0).history
    net = DenseRegressor(
        (200, 4), optimizer=keras.optimizers.AdamW(0.01, weight_decay=0.1), epochs=3,
        batch_size=16, shuffle=False, random_state=3,
    ).fit(X, y)  # fmt: skip
    assert net.training_program_ == program
    assert_allclose(net.history_["loss"], history["loss"], rtol=1e-4)
    for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
