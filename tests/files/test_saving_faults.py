"""Saving and loading where something is in the way: unknown types, kills, other versions."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

import skdl
from skdl._common import versions
from skdl._common.archive import ArchiveReader
from skdl._files import saving
from skdl.exceptions import UnsupportedVersionError, UntrustedTypesError, VersionWarning

ROOT = Path(__file__).parents[2]
X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
y = np.array(["a", "b", "c"])[np.arange(60) % 3]


def net(**parameters):
    return skdl.DenseClassifier((5,), **{"epochs": 2, "random_state": 0} | parameters)


class Doubler(TransformerMixin, BaseEstimator):
    """A transformer of the user's own."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X * 2


class SparseTenfold(keras.losses.Loss):
    """A loss of the user's own."""

    def call(self, y_true, y_pred):
        return 10 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def steep(x):
    return keras.ops.relu(3 * x)


def test_what_is_not_known_is_refused_by_name_unless_trusted(tmp_path):
    own = make_pipeline(Doubler(), net(loss=SparseTenfold(), activation=steep)).fit(X, y)
    skdl.save(own, tmp_path / "own.skdl")
    names = [f"test_saving_faults.{name}" for name in ("Doubler", "SparseTenfold", "steep")]
    with pytest.raises(
        UntrustedTypesError, match=r"own\.skdl.*Doubler.*SparseTenfold.*trusted="
    ) as info:
        skdl.load(tmp_path / "own.skdl")
    assert info.value.names == names
    with pytest.raises(UntrustedTypesError) as info:
        skdl.load(tmp_path / "own.skdl", trusted=[Doubler])
    assert info.value.names == names[1:]
    for trusted in (names, [Doubler, SparseTenfold, steep]):
        loaded = skdl.load(tmp_path / "own.skdl", trusted=trusted)
        assert_array_equal(loaded.predict_proba(X), own.predict_proba(X))


def test_trees_are_trusted_only_on_demand(tmp_path):
    tree = DecisionTreeClassifier(random_state=0).fit(X, y)
    skdl.save(tree, tmp_path / "tree.skdl")
    with pytest.raises(UntrustedTypesError, match="follows indices from the file"):
        skdl.load(tmp_path / "tree.skdl")
    loaded = skdl.load(tmp_path / "tree.skdl", trusted=["sklearn.tree._tree.Tree"])
    assert_array_equal(loaded.predict_proba(X), tree.predict_proba(X))


@pytest.mark.parametrize("trusted", [True, "skdl.DenseClassifier", [3]])
def test_trusted_must_be_names(trusted, tmp_path):
    with pytest.raises(TypeError, match="trusted must"):
        skdl.load(tmp_path / "any.skdl", trusted=trusted)


def test_what_cannot_be_saved_says_so_and_leaves_no_file(tmp_path):
    class Hidden(keras.losses.Loss):
        def __init__(self, scale=1.0):
            super().__init__()
            self.scale = scale

        def call(self, y_true, y_pred):
            return self.scale * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    for estimator, match in (
        (FunctionTransformer(lambda x: x), "lambda"),
        (net(activation=lambda x: keras.ops.relu(x)).fit(X, y), "lambda"),
        (net(loss=Hidden(2.0)), "cannot be saved.*from_config"),
        (FunctionTransformer(kw_args={"row": sp.coo_array([1, 0, 2])}), "make it dense"),
        (
            FunctionTransformer(kw_args={"rng": np.random.Generator(np.random.MT19937())}),
            "default_rng",
        ),
    ):
        with pytest.raises(TypeError, match=match):
            skdl.save(estimator, tmp_path / "none.skdl")
    with pytest.raises(FileNotFoundError):
        skdl.save(net(), tmp_path / "missing" / "none.skdl")
    assert list(tmp_path.iterdir()) == []


def test_json_that_would_not_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "_MAX_JSON", 1000)
    with pytest.raises(ValueError, match=r"more than the 1000.*joblib"):
        skdl.save(net(), tmp_path / "none.skdl")
    assert list(tmp_path.iterdir()) == []


def test_skops_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops.io", None)
    for call in (lambda: skdl.save(net(), tmp_path / "a"), lambda: skdl.load(tmp_path / "a")):
        with pytest.raises(ImportError, match=r"skdl\[save\]"):
            call()


def test_an_error_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.skdl"
    skdl.save(net(), path)
    before = path.read_bytes()
    monkeypatch.setattr(saving, "write_archive", lambda file, members: file.write(b"x") / 0)
    with pytest.raises(ZeroDivisionError):
        skdl.save(net(epochs=9), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.skdl").symlink_to(tmp_path / "there" / "net.skdl")
    skdl.save(net(), tmp_path / "link.skdl")
    assert (tmp_path / "link.skdl").is_symlink()
    assert skdl.load(tmp_path / "there" / "net.skdl").epochs == 2


def test_killed_in_the_middle_there_is_the_old_file_or_the_new(tmp_path):
    """SIGKILL at twenty moments of a loop of writing: every file found is whole."""
    path = tmp_path / "numbers.skdl"
    script = """
        import sys
        from skdl._common.archive import write_archive, write_atomically
        for number in range(10**9):
            chunk = number.to_bytes(8, "big") * 100_000
            write_atomically(sys.argv[1], lambda f: write_archive(f, [("numbers", [chunk])]))
            print(number, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    unfinished = 0
    for moment in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            complete = process.stdout.readline()
            time.sleep(0.0007 * moment)
            process.send_signal(signal.SIGKILL)
            complete = int((process.stdout.read().split() or [complete])[-1])
        with open(path, "rb") as file:
            reader = ArchiveReader(file)
            found = reader.read("numbers", 10**6)
            reader.finish()
        number = int.from_bytes(found[:8], "big")
        assert found == number.to_bytes(8, "big") * 100_000
        assert number in (complete, complete + 1)
        left = [each for each in tmp_path.iterdir() if each != path]
        unfinished += len(left)
        for each in left:
            each.unlink()
    assert unfinished  # else no kill came in the middle


def other_version(monkeypatch, package, version):
    ours = versions.version_of
    monkeypatch.setattr(versions, "version_of", lambda p: version if p == package else ours(p))


@pytest.mark.parametrize(
    ("package", "version"), [("skdl", "0.1.7"), ("keras", "3.99.0"), ("scikit-learn", "1.10.0rc1")]
)
def test_other_versions_are_said(package, version, tmp_path, monkeypatch):
    fitted = net().fit(X, y)
    with monkeypatch.context() as patch:
        other_version(patch, package, version)
        skdl.save(fitted, tmp_path / "net.skdl")
        pickled = pickle.dumps(fitted)
    message = rf"written with {package} {version} \(here "
    with pytest.warns(VersionWarning, match=message) as found:
        loaded = skdl.load(tmp_path / "net.skdl")
    assert len(found) == 1
    assert found[0].filename == __file__
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    with pytest.warns(VersionWarning, match=message) as found:
        loaded = pickle.loads(pickled)
    assert len(found) == 1
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert "_versions" not in vars(loaded)


@pytest.mark.parametrize(
    ("package", "version"), [("skdl", "1.0"), ("keras", "2.15.0"), ("keras", "4.0"), ("keras", "?")]
)
def test_versions_out_of_range_are_errors(package, version, tmp_path, monkeypatch):
    fitted = net().fit(X, y)
    with monkeypatch.context() as patch:
        other_version(patch, package, version)
        skdl.save(fitted, tmp_path / "net.skdl")
        pickled = pickle.dumps(fitted)
    with pytest.raises(UnsupportedVersionError, match="can be read"):
        skdl.load(tmp_path / "net.skdl")
    with pytest.raises(UnsupportedVersionError, match="can be read"):
        pickle.loads(pickled)


@pytest.mark.parametrize(
    "transformer",
    [skdl.ImageReshaper(), skdl.OneHotTextVectorizer(), skdl.PretrainedFeatureExtractor()],
)
def test_pickles_of_transformers_say_their_versions(transformer, monkeypatch):
    with monkeypatch.context() as patch:
        other_version(patch, "skdl", "0.1.7")
        pickled = pickle.dumps(transformer)
    with pytest.warns(VersionWarning, match="written with skdl 0.1.7"):
        loaded = pickle.loads(pickled)
    assert loaded.get_params() == transformer.get_params()


def test_pickles_without_versions_load():
    state = net().__getstate__()
    del state["_versions"]
    loaded = skdl.DenseClassifier.__new__(skdl.DenseClassifier)
    loaded.__setstate__(state)
    assert loaded.epochs == 2


def test_a_later_format_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "_FORMAT", 2)
    skdl.save(net(), tmp_path / "net.skdl")
    monkeypatch.undo()
    with pytest.raises(UnsupportedVersionError, match=r"format 2.*Load it with skdl"):
        skdl.load(tmp_path / "net.skdl")


def test_what_can_be_read_is_what_can_be_installed():
    with open(ROOT / "pyproject.toml", "rb") as file:
        requirements = tomllib.load(file)["project"]["dependencies"]
    for package in ("keras", "scikit-learn"):
        (found,) = [r for r in requirements if r.startswith(f"{package}>=")]
        low, high = found.removeprefix(f"{package}>=").split(",<")
        first, end = versions.READABLE[package]
        assert first <= versions._numbers(low)
        assert versions._numbers(high) == end
