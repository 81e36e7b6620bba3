"""Rows come to the device with their values and dtypes, whatever the memory they lie in."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import ConvNetClassifier, DenseRegressor
from skdl._engine.device_rows import padded

VALUES = np.random.default_rng(0).integers(0, 2, (5, 3, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int32", "bool"])
@pytest.mark.parametrize("size", [5, 8])
def test_rows_of_zeros_follow(dtype, size):
    rows = VALUES.astype(dtype)
    tensor = padded(rows, size)
    expected = np.concatenate([rows, np.zeros((size - 5, 3, 2), dtype)])
    assert_array_equal(tensor.numpy(), expected, strict=True)
    rows[:] = 0  # is the caller's, and not what the device has
    assert_array_equal(tensor.numpy(), expected)


def test_texts_and_no_columns():
    assert padded(np.array([["a"], ["b"]]), 2).numpy().tolist() == [[b"a"], [b"b"]]
    assert padded(np.zeros((3, 0), np.float32), 4).shape == (4, 0)


def test_memory_of_any_kind_gives_the_same_bits(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=40)
    expected = DenseRegressor((4,), epochs=2, random_state=0).fit(X, y).predict(X)
    stored = np.memmap(tmp_path / "rows", np.float32, "w+", shape=X.shape)
    stored[:] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"1" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(X.shape)
    for rows in (
        np.asfortranarray(X),
        stored,
        read_only,
        unaligned,
        X.astype(">f4"),
        np.repeat(X, 2, axis=0)[::2],
        X.astype(np.float64),
    ):
        net = DenseRegressor((4,), epochs=2, random_state=0).fit(rows, y)
        assert_array_equal(net.predict(rows), expected)


def test_bytes_of_images_stay_bytes():
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 6), np.uint8)
    nets = [ConvNetClassifier((2,), epochs=1, random_state=0) for _ in range(2)]
    nets[0].fit(images, np.arange(30) % 2)
    nets[1].fit(images[:, ::-1][:, ::-1], np.arange(30) % 2)
    assert_array_equal(*[net.predict_proba(images) for net in nets])
