"""Saved estimators predict and go on as those that were saved, in other processes too."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from registry import constructible
from saved_estimators import (
    BACKBONE,
    NETWORKS,
    TRUSTED,
    data,
    made,
    net,
    outputs,
    round_trip,
)
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from slow_cases import slow_but

import skdl

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("name", list(constructible()))
each_network = pytest.mark.parametrize("name", NETWORKS)


@each
def test_every_estimator_predicts_the_same(name, tmp_path):
    estimator = made(name)
    X, y = data(estimator)
    unfitted = round_trip(estimator, tmp_path, **TRUSTED)
    assert repr(unfitted.get_params()) == repr(estimator.get_params())
    estimator.fit(X, y)
    loaded = round_trip(estimator, tmp_path, **TRUSTED)
    assert type(loaded) is type(estimator)
    assert repr(loaded.get_params()) == repr(estimator.get_params())
    assert_array_equal(outputs(loaded, X), outputs(estimator, X))
    for attribute in ("history_", "n_iter_", "best_epoch_", "n_features_in_", "training_program_"):
        assert getattr(loaded, attribute, None) == getattr(estimator, attribute, None)
    assert_array_equal(getattr(loaded, "classes_", 0), getattr(estimator, "classes_", 0))
    assert_array_equal(outputs(clone(unfitted).fit(X, y), X), outputs(estimator, X))


@each_network
def test_training_goes_on_to_the_last_bit(name, tmp_path):
    settings = {"dropout": 0.3, "warm_start": True, "optimizer": keras.optimizers.Adam(0.01)}
    estimator = made(name, **settings)
    X, y = data(estimator)
    estimator.fit(X, y)
    loaded = round_trip(estimator, tmp_path, **TRUSTED)
    assert_array_equal(outputs(loaded.fit(X, y), X), outputs(estimator.fit(X, y), X))
    assert loaded.history_ == estimator.history_
    assert loaded.model_.count_params() == estimator.model_.count_params()
    loaded = round_trip(estimator, tmp_path, **TRUSTED)
    a, b = loaded.partial_fit(X, y), estimator.partial_fit(X, y)
    assert_array_equal(outputs(a, X), outputs(b, X))


CHANGES = {
    "float64": {"dtype": "float64"},
    "bfloat16": {"dtype": "bfloat16", "optimizer": "rmsprop"},
    "mixed": {"dtype": "mixed_bfloat16"},
    "normalised": {"batch_normalization": True, "l2": 1e-3},
    "optimizer": {"optimizer": keras.optimizers.SGD(0.1, momentum=0.9), "learning_rate": 0.02},
    "averages": {"optimizer": keras.optimizers.Adam(use_ema=True)},
    "schedule": {
        "optimizer": keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 9, 0.9))
    },
    "configurations": {
        "optimizer": keras.saving.serialize_keras_object(keras.optimizers.Adam(0.01)),
        "loss": {"class_name": "SparseCategoricalCrossentropy", "config": {}},
        "activation": keras.saving.serialize_keras_object(keras.layers.LeakyReLU(0.1)),
        "kernel_initializer": {"class_name": "HeNormal", "config": {}},
    },
    "objects": {
        "activation": keras.layers.LeakyReLU(0.2),
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.1),
        "loss": keras.losses.SparseCategoricalCrossentropy(),
        "metrics": ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")],
    },
    "learned activation": {"activation": keras.layers.PReLU(), "batch_normalization": True},
    "functions": {"activation": keras.activations.gelu},
    "weights": {"class_weight": {"a": 2.0, "b": 1.0, "c": 0.5}, "class_weights": None},
    "callbacks": {
        "callbacks": [
            keras.callbacks.EarlyStopping("loss", patience=3),
            keras.callbacks.ReduceLROnPlateau("loss"),
            "TerminateOnNaN",
        ]
    },
    "random_state": {"random_state": np.random.RandomState(3)},
    "early": {"early_stopping": True, "validation_split": 0.3},
}


USUAL = "schedule", "objects", "functions", "callbacks", "random_state"


@pytest.mark.parametrize("change", slow_but(USUAL, CHANGES))
def test_parameters_of_all_kinds(change, tmp_path):
    changed = {k: v for k, v in CHANGES[change].items() if k != "class_weights"}
    estimator = skdl.DenseClassifier((5,), epochs=2, random_state=0, warm_start=True)
    estimator.set_params(**changed)
    X, y = data(estimator)
    estimator.fit(X, y)
    before = pickle.dumps(estimator)
    loaded = round_trip(estimator, tmp_path)
    # Keras pickles its objects as archives that hold the time.
    if change not in {"objects", "learned activation", "optimizer", "averages", "schedule"}:
        assert pickle.dumps(estimator) == before
    assert_array_equal(outputs(loaded, X), outputs(estimator, X))
    assert_array_equal(outputs(loaded.fit(X, y), X), outputs(estimator.fit(X, y), X))
    assert loaded.history_ == estimator.history_
    assert outputs(clone(loaded).fit(X, y), X).shape == (60, 3)


def test_features_are_loaded_without_their_cache(tmp_path):
    X, _ = data(net())
    extractor = skdl.PretrainedFeatureExtractor(**BACKBONE, memory=str(tmp_path / "cache"))
    expected = extractor.fit(X).transform(X)
    loaded = round_trip(extractor, tmp_path, **TRUSTED)
    before = sorted(tmp_path.rglob("*"))
    assert_array_equal(loaded.transform(X + 0), expected)
    assert loaded._features.folder is None
    assert sorted(tmp_path.rglob("*")) == before


def test_equal_estimators_are_equal_files_which_tools_can_read(tmp_path):
    X, y = data(net())
    for name in ("a", "b"):
        skdl.save(make_pipeline(StandardScaler(), net()).fit(X, y), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["skdl.json", "estimator.json", "arrays.bin"]
        about = json.loads(archive.read("skdl.json"))
        json.loads(archive.read("estimator.json"))
    assert about["versions"]["keras"] == keras.__version__
    assert about["versions"]["skdl"] == skdl.__version__


def in_another_process(script, *arguments):
    """Run a script there, where neither TensorFlow nor Keras is loaded, and no test."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:__array__:DeprecationWarning",
         "-c", textwrap.dedent(script), *map(str, arguments)],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip


@pytest.mark.slow  # for the start of a process
@pytest.mark.processes
def test_loaded_in_another_process(tmp_path):
    X, y = data(net())
    search = GridSearchCV(make_pipeline(StandardScaler(), net()), {}, cv=2).fit(X, y)
    skdl.save(search, tmp_path / "search.skdl")
    joblib.dump(search, tmp_path / "search.joblib")
    (tmp_path / "search.pickle").write_bytes(cloudpickle.dumps(search))
    np.save(tmp_path / "X.npy", X)
    in_another_process(
        """
        import pickle, sys
        import joblib, numpy as np, skdl
        folder = sys.argv[1]
        skdl.save(skdl.ImageReshaper(), folder + "/no_network.skdl")
        skdl.load(folder + "/no_network.skdl")
        assert not {"tensorflow", "keras"} & set(sys.modules)
        X = np.load(folder + "/X.npy")
        with open(folder + "/search.pickle", "rb") as file:
            pickled = pickle.load(file)
        for number, search in enumerate(
            [skdl.load(folder + "/search.skdl"), joblib.load(folder + "/search.joblib"), pickled]
        ):
            np.save(f"{folder}/{number}.npy", search.predict_proba(X))
        """,
        tmp_path,
    )
    for number in range(3):
        assert_array_equal(np.load(tmp_path / f"{number}.npy"), search.predict_proba(X))


def test_home_in_paths(tmp_path, monkeypatch, iris):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    net = LogisticRegression(max_iter=1000).fit(*iris)
    skdl.save(net, "~/net.skdl")
    assert (tmp_path / "net.skdl").is_file()
    assert_array_equal(skdl.load(Path("~/net.skdl")).predict(iris[0]), net.predict(iris[0]))
