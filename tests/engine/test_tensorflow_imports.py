"""TensorFlow is loaded by one module, quietly, whichever module of skdl is imported first."""

import ast
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import skdl
from skdl import DenseClassifier

ROOT = Path(skdl.__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "skdl").rglob("*.py"))
}
LOADER = "skdl._networks.keras"


@cache
def imported(module):
    """Return what a module imports when it is itself imported, in this order."""
    found = []
    for statement in ast.parse(MODULES[module].read_text(encoding="utf8")).body:
        if isinstance(statement, ast.Import):
            found += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            of = statement.module
            found += [of, *(f"{of}.{alias.name}" for alias in statement.names)]
    return found


def first_loader(module, visited):
    """Return which module imports TensorFlow or Keras first, None where none does."""
    if module == LOADER:
        return LOADER
    visited.add(module)
    for name in imported(module):
        if name.split(".")[0] in ("tensorflow", "keras"):
            return module
        if name in MODULES and name not in visited:
            found = first_loader(name, visited)
            if found is not None:
                return found
    return None


def test_tensorflow_is_first_imported_by_its_loader():
    first = {module: first_loader(module, set()) for module in MODULES}
    loading = {module: loader for module, loader in first.items() if loader is not None}
    assert set(loading.values()) == {LOADER}, loading
    assert "skdl._engine.network" in loading  # of which pickles of networks are


@pytest.mark.slow
def test_loading_a_network_prints_nothing(tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    net = DenseClassifier(4, epochs=1, random_state=0).fit(X, [0, 1] * 10)
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(net))
    code = "import pickle; pickle.load(open('net.pkl', 'rb'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
