"""Programs that XLA compiled are stored, read by the next process, and give the same bits."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from skdl import DenseClassifier

SCRIPT = """
import hashlib, json, os, shutil, sys
import numpy as np
from skdl import DenseClassifier
from skdl._common import processes
from skdl._common.xla_cache import XlaCache

missing, read = [], XlaCache.read

def counted(cache, name):
    content = read(cache, name)
    if content is None:
        missing.append(name)
    return content

XlaCache.read = counted

def fit(units):
    X = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    net = DenseClassifier((units,), epochs=40, batch_size=32, random_state=0)
    net.fit(X, X[:, 0] > 0)
    assert net.training_program_ == "xla"
    return hashlib.sha256(b"".join(w.tobytes() for w in net.model_.get_weights())).hexdigest()

order = [int(units) for units in sys.argv[1].split(",")]
found = {}
for units in order:
    found[units] = fit(units)
    view = processes.xla_cache.view
    if "unwritable" in sys.argv and not view.is_symlink():
        shutil.rmtree(view)
        view.write_text("")
store = processes.xla_cache.store
print(json.dumps([found, sorted(os.listdir(store)), len(missing)]))
"""


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "getuid"), reason="the cache is off on Windows")
def test_stored_programs_give_the_same_bits(tmp_path):
    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *arguments],
            env=os.environ | {"SKDL_XLA_CACHE": str(tmp_path / "cache")},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not done.stderr
        return json.loads(done.stdout)

    weights, stored, n_traced = run("3,4")
    assert len(stored) == 4  # of each network what was traced, and what XLA made of it
    assert n_traced == 2
    # The third network finds nothing where TensorFlow was to write, and is traced once more.
    again, three, n_traced = run("4,3,2", "unwritable")
    assert again.items() > weights.items()
    # Each of the others was read, in any order: what is compiled anew has another checksum.
    assert set(stored) < set(three)
    assert n_traced == 2

    folder = next((tmp_path / "cache").glob("xla-*"))
    for name in three:  # in the middle of its code
        content = bytearray((folder / name).read_bytes())
        content[len(content) * 4 // 5] ^= 0xFF
        (folder / name).write_bytes(content)
    again, renewed, n_traced = run("3,4")
    assert again == weights
    assert len(renewed) == 4
    assert n_traced == 2
    # What is traced again is the same; what XLA makes of it has another checksum.
    assert {n for n in set(renewed) & set(three) if ".traced." not in n} == set()
    assert list((tmp_path / "cache" / "views").iterdir()) == []

    X = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    net = DenseClassifier((3,), epochs=40, batch_size=32, random_state=0).fit(X, X[:, 0] > 0)
    here = b"".join(w.tobytes() for w in net.model_.get_weights())
    assert hashlib.sha256(here).hexdigest() == weights["3"]  # without a cache
