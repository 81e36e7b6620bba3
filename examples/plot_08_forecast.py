"""
Forecast a series from windows of its past
==========================================

The rows are windows of shape (steps, values), and the target is the next value of the series. The
test rows come after the training rows in time, and the networks are compared with forecasts that
need no network.
"""

# %%
# The series is artificial, so that nothing has to be downloaded: the demand for electricity of a
# town, every four hours for two years. The daily curve differs between workdays and weekends, and
# its height follows the weather, which changes within days. These effects are multiplied, so a
# weighted sum of past values cannot describe them fully. The noise, with a standard deviation of 3
# percent, cannot be forecast.
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_percentage_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdl import KerasRegressor

A_DAY, A_WEEK = 6, 42
rng = np.random.default_rng(0)
time = pd.date_range("2024-01-01", periods=2 * 365 * A_DAY, freq="4h")
workday = np.array([0.3, 0.5, 1.3, 1.0, 1.6, 0.8])[time.hour // 4]
weekend = np.array([0.4, 0.3, 0.6, 1.2, 1.1, 1.0])[time.hour // 4]
weather = np.zeros(len(time))
for i in range(1, len(time)):
    weather[i] = 0.97 * weather[i - 1] + 0.12 * rng.normal()
curve = np.where(time.day_of_week < 5, workday, weekend)
demand = 50 + 30 * curve * np.exp(weather)
demand *= 1 + 0.03 * rng.normal(size=len(time))

series = pd.Series(demand, time, name="demand")
ax = series[: 4 * A_WEEK].plot(figsize=(9, 3), ylabel="demand")
ax.figure.set_layout_engine("constrained")

# %%
# A window covers one week: 42 steps of one value. The target is the value that follows.
windows = np.lib.stride_tricks.sliding_window_view(demand[:-1], A_WEEK)[:, :, None]
target = demand[A_WEEK:]
print(windows.shape, target.shape)


# %%
# Two forecasts need no network: the value of a week ago, and a ridge regression on the 42 values.
# The networks process the window in order, with convolutions or with a recurrent layer. Windows and
# targets are scaled, using the training rows only, because a network learns slowly from numbers
# near 100.
def convolution(input_shape, filters=32):
    """Look for the shapes of days."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv1D(filters, A_DAY, activation="relu"),
            keras.layers.Conv1D(filters, A_DAY, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )


def recurrent(input_shape, units=32):
    """Read value after value."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.LSTM(units),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )


def flat(X):
    """Return windows of one value per step as rows."""
    return X[:, :, 0]


def as_windows(X):
    """Return rows as windows of one value per step."""
    return X[:, :, None]


def scaled(function):
    """Return a network whose inputs and targets are scaled."""
    net = KerasRegressor(function, epochs=15, learning_rate=0.003, batch_size=64, random_state=0)
    steps = FunctionTransformer(flat), StandardScaler(), FunctionTransformer(as_windows)
    return TransformedTargetRegressor(make_pipeline(*steps, net), transformer=StandardScaler())


models = {
    "ridge": make_pipeline(FunctionTransformer(flat), StandardScaler(), Ridge()),
    "convolution": scaled(convolution),
    "LSTM": scaled(recurrent),
}

# %%
# `TimeSeriesSplit` tests on rows that come after the training rows. Shuffled folds would put
# neighbouring rows, whose windows overlap, on both sides.
rows = []
for train, test in TimeSeriesSplit(3).split(windows):
    found = {"a week ago": windows[test, 0, 0]}
    for name, model in models.items():
        found[name] = model.fit(windows[train], target[train]).predict(windows[test])
    rows.append({n: mean_absolute_percentage_error(target[test], p) for n, p in found.items()})
errors = pd.DataFrame(rows, index=pd.Index([1, 2, 3], name="fold"))
print((100 * errors).round(2).to_string())

# %%
# The figure shows the last week of the last fold, and the errors of all folds.
fig, axes = plt.subplots(2, 1, figsize=(9, 6), layout="constrained")
last = pd.DataFrame(found, index=time[A_WEEK:][test])
axes[0].plot(time[-A_WEEK:], demand[-A_WEEK:], "k.-", label="truth")
for name in found:
    axes[0].plot(last.index[-A_WEEK:], last[name][-A_WEEK:], label=name, alpha=0.8)
axes[0].set(ylabel="demand")
axes[0].legend(ncols=5)
(100 * errors).T.plot.barh(ax=axes[1], xlabel="mean absolute error in percent")
axes[1].invert_yaxis()
plt.show()
