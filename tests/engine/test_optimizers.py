"""Every optimizer, and every argument that all take, trains what it trains under `Model.fit`."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from slow_cases import slow_but

from skdl import DenseRegressor, build_dense
from skdl._engine.compiled import programs

O = keras.optimizers  # noqa: E741
DECAY = O.schedules.ExponentialDecay(0.02, 3, 0.5)
OPTIMIZERS = {
    "accumulated": lambda: O.Adam(0.01, gradient_accumulation_steps=2),
    "accumulated, by a schedule": lambda: O.Adam(DECAY, gradient_accumulation_steps=3),
    "accumulated, decayed, clipped": lambda: O.AdamW(
        0.01, gradient_accumulation_steps=2, weight_decay=0.1, clipnorm=0.1
    ),
    "accumulated by plain steps": lambda: O.SGD(
        0.01, momentum=0.9, nesterov=True, gradient_accumulation_steps=2, global_clipnorm=0.5
    ),
    "moments": lambda: O.Adam(0.01, beta_1=0.5, beta_2=0.8, epsilon=1e-3, clipvalue=0.01),
    "maxima of moments": lambda: O.Adam(0.01, amsgrad=True, weight_decay=0.1),
    "scaled": lambda: O.AdamW(0.01, loss_scale_factor=16.0, weight_decay=0.1),
    "scaled by itself": lambda: O.LossScaleOptimizer(O.Adam(0.01, gradient_accumulation_steps=2)),
    "averaged": lambda: O.Adam(0.01, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3),
    "one for each layer": lambda: O.MultiOptimizer(
        O.OptimizerMap(O.SGD(0.1), {".*output.*": O.Adam(0.05, gradient_accumulation_steps=2)})
    ),
    "free of schedules": lambda: O.ScheduleFreeAdamW(0.01),
}

USUAL = ("averaged",)


@pytest.mark.parametrize("name", slow_but(USUAL, OPTIMIZERS))
def test_trains_as_under_model_fit(name, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(43, 6)).astype(np.float32)
    y = X @ rng.normal(size=6)
    y = (y - y.mean()) / y.std()  # as regressors do
    model = build_dense((6,), 1, "linear", hidden_layer_sizes=(8,), seed=3)
    model.compile(OPTIMIZERS[name](), "mse")
    # Built by the first batch, averages would begin at zero instead of at the weights.
    model.optimizer.build(model.trainable_variables)
    history = model.fit(X, y[:, None], 8, 4, shuffle=False, verbose=0).history
    for program in ("graph", "xla"):
        monkeypatch.setattr(programs, "choose_program", lambda *args, program=program: program)
        net = DenseRegressor(
            (8,), optimizer=OPTIMIZERS[name](), epochs=4, batch_size=8, shuffle=False,
            random_state=3,
        ).fit(X, y)  # fmt: skip
        assert net.training_program_ == ("keras" if name == "averaged" else program)
        assert_allclose(net.history_["loss"], history["loss"], rtol=1e-4)
        for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
            assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
