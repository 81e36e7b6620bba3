"""The benchmark for GPUs runs through, here on whatever TensorFlow finds."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.slow
def test_the_cases_of_a_card_train_and_are_equal_to_the_last_bit(monkeypatch, capsys):
    pytest.importorskip("psutil", reason="the benchmark of images measures memory by it")
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "1"])
    import convnet
    import gpu

    monkeypatch.setattr(gpu, "card", lambda: "any device")
    monkeypatch.setitem(convnet.CASES, "32x32x3", (64, (32, 32, 3), "normalized"))
    cases = ["small", "validated", "dropout", "32x32x3"]
    assert set(cases) < set(gpu.EPOCHS)
    monkeypatch.setattr(gpu, "EPOCHS", dict.fromkeys(cases, 1))
    gpu.main()
    *_, titles, small, validated, dropout, images = capsys.readouterr().out.splitlines()
    assert titles.split()[0] == "equal"
    for name, row in zip(cases, (small, validated, dropout, images), strict=True):
        label, equal, *_ = row.split()
        assert (label, equal) == (name, "yes")
