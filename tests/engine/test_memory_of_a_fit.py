"""Large rows are copied once on their way to the device, whatever they come as."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from slow_cases import slow_but

from skdl import DenseClassifier
from skdl._common import memory

N_ROWS, N_COLUMNS = 50_000, 100
SIZE = 4 * N_ROWS * N_COLUMNS  # as float32
VALUES = np.random.default_rng(0).standard_normal((N_ROWS, N_COLUMNS), np.float32)
Y = np.arange(N_ROWS) % 2


def as_table(dtype):
    return pd.DataFrame(VALUES.astype(dtype), columns=[f"x{i}" for i in range(N_COLUMNS)])


ROWS = {
    "float32": lambda: VALUES,
    "float64": lambda: VALUES.astype(float),
    "columns of float64": lambda: np.asfortranarray(VALUES.astype(float)),
    "integers": lambda: VALUES.astype(np.int64),
    "a table": lambda: as_table(float).assign(x0=Y, x1=Y == 1),
    "a table of float32": lambda: as_table(np.float32),
}
SMALL = {"epochs": 1, "batch_size": 1024, "random_state": 0}


def peak_of(function):
    """Return the largest memory of NumPy while a function runs, in sizes of the float32 rows."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / SIZE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", slow_but(["float32", "float64", "a table of float32"], ROWS))
def test_fit_and_predict_take_memory_once(kind):
    X, net = ROWS[kind](), DenseClassifier((4,), **SMALL)
    net.fit(X[:2000], Y[:2000])  # compiles
    assert peak_of(lambda: net.fit(X, Y)) < 1.35  # y and weights among them
    assert peak_of(lambda: net.predict(X)) < 1.45  # and two batches


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_rows_held_out_are_no_second_copy(kind):
    X, net = ROWS[kind](), DenseClassifier((4,), validation_split=0.2, **SMALL)
    net.fit(X[:2000], Y[:2000])
    assert peak_of(lambda: net.fit(X, Y)) < 1.5
    half = N_ROWS // 2
    net.set_params(validation_split=0.0)
    assert peak_of(lambda: net.fit(X[:half], Y[:half], None, X[half:], Y[half:])) < 1.5


@pytest.mark.parametrize("kind", ["float64", "columns of float64", "a table"])
def test_one_copy_changes_no_bit(kind, monkeypatch):
    X = ROWS[kind]()
    nets = [DenseClassifier((4,), validation_split=0.1, **SMALL) for _ in range(2)]
    before = X.copy()
    nets[0].fit(X, Y)
    assert_array_equal(np.asarray(X), np.asarray(before))
    monkeypatch.setattr(memory, "_SMALL", np.inf)  # so that scikit-learn converts
    nets[1].fit(X, Y)
    assert nets[0].history_ == nets[1].history_
    assert_array_equal(nets[0].predict_proba(X), nets[1].predict_proba(X))
    assert list(getattr(nets[0], "feature_names_in_", [])) == list(
        getattr(nets[1], "feature_names_in_", [])
    )


def test_rows_beyond_float32_are_refused_as_before():
    X = VALUES.astype(float)
    X[7, 3] = 1e300
    with pytest.raises(ValueError, match="too large for dtype"):
        DenseClassifier((4,), **SMALL).fit(X, Y)


@pytest.mark.parametrize("own", [False, True])
def test_rows_that_are_kept_and_taken(own):
    X = memory.own_rows(30_000, (20,), np.float32) if own else np.empty((30_000, 20), np.float32)
    X[:] = np.arange(X.size).reshape(X.shape)
    positions = np.sort(np.random.default_rng(0).permutation(len(X))[:20_000])
    expected = X[positions]
    assert_array_equal(memory.taken(X, positions[::-1]), expected[::-1])
    kept = memory.kept(X, positions)
    assert_array_equal(kept, expected)
    assert memory.is_own(kept)
    assert np.shares_memory(kept, X) == own
    padded = memory.with_padding(kept, 20_400)
    assert_array_equal(padded[:20_000], expected)
    assert not padded[20_000:].any()
