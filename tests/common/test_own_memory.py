"""Memory that TensorFlow shares: what lies in it is never written over."""

import gc

import numpy as np

from skdl._common import memory


def test_zeros_are_put_behind_all_rows_and_never_over_some():
    rows = memory.own_rows(100, (300,), "float32")
    rows[:] = 1
    assert memory.with_padding(rows[:50], 60) is None
    assert memory.with_padding(rows[1:], 104) is None
    padded = memory.with_padding(rows, 104)
    assert padded.ctypes.data == rows.ctypes.data
    np.testing.assert_array_equal(
        padded, np.repeat([[1.0], [0.0]], [100, 4], axis=0) + np.zeros(300)
    )


def test_rows_that_are_kept_move_to_the_front_and_are_then_all():
    X = np.arange(400_000.0).reshape(1000, 400)
    rows, chosen = memory.converted(X, "float32"), np.arange(1, 1000, 3)
    kept = memory.kept(rows, chosen)
    assert np.shares_memory(kept, rows)
    np.testing.assert_array_equal(kept, X[chosen].astype("float32"))
    assert memory.is_own(kept)
    assert not memory.is_own(rows)


def test_memory_is_forgotten_with_its_rows():
    before = len(memory._used)
    rows = memory.own_rows(100, (300,), "float32")
    assert len(memory._used) == before + 1
    del rows
    gc.collect()
    assert len(memory._used) == before
