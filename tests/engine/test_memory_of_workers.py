"""A worker of joblib gives memory back before it has grown so far that joblib would end it."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import DenseClassifier
from skdl._engine.compiled import store
from skdl._engine.compiled.store import TemplateStore
from skdl._engine.compiled.worker_memory import WorkerMemory, bytes_of_worker


class Network:
    """What a store keeps."""

    n_bytes = 1


class Process:
    """A process of so many megabytes, of which each network takes 10 and leaves some behind."""

    def __init__(self, left_behind):
        self.store = TemplateStore(memory=WorkerMemory(self.n_bytes))
        self.left_behind, self.n_made = left_behind, 0

    def n_bytes(self):
        n_dropped = self.n_made - len(self.store)
        return (500 + 10 * len(self.store) + self.left_behind * n_dropped) * 10**6

    def add(self):
        self.n_made += 1
        self.store.get(self.n_made, Network)
        return self.n_bytes()


def test_the_half_that_was_used_last_is_kept():
    process = Process(left_behind=0)
    largest = max(process.add() for _ in range(20))
    assert len(process.store) == 20
    process.store.get(1, Network)
    largest = max(largest, process.add())
    assert list(process.store._templates) == [*range(12, 21), 1, 21]
    largest = max(largest, *(process.add() for _ in range(200)))
    assert largest <= 720 * 10**6


def test_what_cannot_be_given_back_is_not_asked_for_with_every_network():
    process, n_collected = Process(left_behind=9), 0
    for _ in range(60):
        n_before = len(process.store)
        process.add()
        n_collected += len(process.store) <= n_before
    assert n_collected < 20
    assert len(process.store) >= 1


def test_other_processes_keep_their_networks():
    assert bytes_of_worker() is None
    networks = TemplateStore(memory=WorkerMemory(lambda: None))
    for number in range(64):
        networks.get(number, Network)
    assert len(networks) == 64


def test_dropped_networks_give_equal_bits_when_they_are_made_again(monkeypatch):
    X = np.random.default_rng(0).random((40, 4)).astype(np.float32)
    y = np.arange(40) % 2
    sizes = [3, 5, 3, 5]

    def outputs():
        nets = [DenseClassifier(size, epochs=2, random_state=0).fit(X, y) for size in sizes]
        return [net.predict_proba(X) for net in nets]

    expected = outputs()
    n_bytes = iter(range(0, 10**12, 10**9))  # grows by a gigabyte with each look
    memory = WorkerMemory(lambda: next(n_bytes))
    monkeypatch.setattr(store.templates, "_memory", memory)
    store.templates.clear()
    memory.make_room(lambda: None)
    assert_array_equal(outputs(), expected)
    assert len(store.templates) == 1


@pytest.mark.slow
def test_a_worker_of_joblib_knows_its_memory():
    pytest.importorskip("psutil", reason="without it, joblib does not watch its workers")
    code = (
        "from joblib import Parallel, delayed\n"
        "from skdl._engine.compiled.worker_memory import bytes_of_worker\n"
        "(found,) = Parallel(2)([delayed(bytes_of_worker)()])\n"
        "assert 10**7 < found < 10**10, found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
