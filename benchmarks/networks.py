"""Networks built by users' functions: first and second fit, compared with scikeras and Keras.

The script prints seconds, and how many times as long the other libraries take. scikeras is left out
if it does not work with the installed scikit-learn.
"""

import time

import keras
import numpy as np
from machine import describe

from skdl import KerasRegressor

L = keras.layers
RNG = np.random.default_rng(0)
N_ROWS, EPOCHS, BATCH = 1000, 10, 32
TABLE = RNG.normal(size=(N_ROWS, 20)).astype(np.float32)
SEQUENCE = RNG.normal(size=(N_ROWS, 20, 4)).astype(np.float32)
TOKENS = RNG.integers(0, 500, (N_ROWS, 30)).astype(np.int32)
VALUES = RNG.normal(size=N_ROWS).astype(np.float32)


def model(rows, graph):
    def make():
        inputs = keras.Input(rows.shape[1:])
        network = keras.Model(inputs, L.Dense(1)(graph(inputs)))
        network.compile("adam", "mse")
        return network

    return rows, make


def residual(inputs):
    x = L.Dense(32, activation="relu")(inputs)
    return L.Add()([x, L.Dense(32, activation="relu")(x)])


def attention(inputs):
    x = L.Add()([inputs, L.MultiHeadAttention(2, 8)(inputs, inputs)])
    return L.GlobalAveragePooling1D()(L.LayerNormalization()(x))


def convolution(inputs):
    x = L.Conv1D(16, 5, activation="relu")(L.Embedding(500, 16)(inputs))
    return L.GlobalMaxPooling1D()(x)


CASES = {
    "dense": model(TABLE, lambda x: L.Dense(64, activation="relu")(x)),
    "residual": model(TABLE, residual),
    "LSTM": model(SEQUENCE, lambda x: L.LSTM(16)(x)),
    "attention": model(SEQUENCE, attention),
    "embedding and Conv1D": model(TOKENS, convolution),
}


def by_skdl(rows, make):
    KerasRegressor(make, epochs=EPOCHS, batch_size=BATCH, random_state=0).fit(rows, VALUES)


def by_keras(rows, make):
    make().fit(rows, VALUES, BATCH, EPOCHS, verbose=0)


def by_scikeras(rows, make):
    from scikeras.wrappers import KerasRegressor as Wrapper

    Wrapper(make, epochs=EPOCHS, batch_size=BATCH, verbose=0, random_state=0).fit(rows, VALUES)


def seconds(train, *case):
    """Return the seconds of the first fit and of the fastest of two more."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        train(*case)
        taken.append(time.perf_counter() - start)
    return taken[0], min(taken[1:])


if __name__ == "__main__":
    print(describe())
    print(f"{N_ROWS} rows, {EPOCHS} epochs, batches of {BATCH}; seconds of first and second fit")
    for name, case in CASES.items():
        ours = seconds(by_skdl, *case)
        line = f"{name:22} skdl {ours[0]:6.2f} {ours[1]:6.2f}"
        for peer, train in (("Keras", by_keras), ("scikeras", by_scikeras)):
            try:
                theirs = seconds(train, *case)
            except Exception as error:
                line += f"   {peer}: {type(error).__name__}"
                continue
            ratios = theirs[0] / ours[0], theirs[1] / ours[1]
            line += f"   {peer} {theirs[0]:.2f} {theirs[1]:.2f} ({ratios[0]:.1f}, {ratios[1]:.1f})"
        print(line, flush=True)
