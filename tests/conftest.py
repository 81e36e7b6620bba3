"""Fixtures and data shared by all tests."""

import ctypes
import gc
import os
import random
import sys
import warnings
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris

# One thread a process, set before TensorFlow is loaded: several of them share the cores.
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# Programs that XLA compiled are kept by the tests of just that, in folders of their own.
os.environ["SKDL_XLA_CACHE"] = "off"

TAKES_LONG = pytest.StashKey[bool]()  # whether a test is marked slow where it is written
SHARED = Path(__file__).resolve().parents[2] / "shared"

# What Hypothesis draws: the same examples in every usual run, others in each run of the slow
# tests. What the latter find wrong is printed as a line `@reproduce_failure`, and pinned as an
# `@example` once it is mended. `.ci/run` asks for "usual" in both runs: a change is judged by what
# it changes, not by a draw.
hypothesis.settings.register_profile("usual", derandomize=True, deadline=None)
hypothesis.settings.register_profile("random", deadline=None, print_blob=True)


def runs_slow_tests(config):
    """Tell whether the tests marked slow are asked for, by `-m slow` or the like."""
    return "not slow" not in config.getoption("markexpr")


def pytest_configure(config):
    if config.getoption("dist", "no") == "load":  # of pytest-xdist, where it is used
        config.option.dist = "worksteal"
    if not config.getoption("hypothesis_profile", None):
        hypothesis.settings.load_profile("random" if runs_slow_tests(config) else "usual")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark as slow what follows from how a test is written, and put what starts processes first.

    Slow are tests of the data beside the project: the usual run needs nothing but the project.
    And those that share joblib's workers, whose start takes as long as fifty networks. And all that
    draw examples, where slow ones are asked for, since these runs draw other ones.
    """
    draws_anew = runs_slow_tests(config)
    for item in items:
        item.stash[TAKES_LONG] = item.get_closest_marker("slow") is not None
        drawn = hypothesis.is_hypothesis_test(getattr(item, "obj", None))
        if (
            "shared" in getattr(item, "fixturenames", ())
            or shares_workers(item)
            or (draws_anew and drawn)
        ):
            item.add_marker("slow")
    items.sort(
        key=lambda item: (not shares_workers(item), not item.get_closest_marker("processes"))
    )


def pytest_collection_finish():
    """Let the garbage collector leave out what imports and collected tests hold.

    That is half a million objects, which each collection would go through for half a second.
    """
    gc.collect()
    gc.freeze()


def shares_workers(item):
    """Tell whether a test gives work to joblib's two workers, each of which loads TensorFlow."""
    marker = item.get_closest_marker("processes")
    return marker is not None and marker.kwargs.get("workers", False)


def pytest_runtest_teardown(item, nextitem):
    """End joblib's workers where the next test does not share them.

    Tests that take long begin and end without them: workers that have been idle for five minutes
    end by themselves, which must not happen while they are given work.
    """
    if (
        nextitem is None
        or not shares_workers(nextitem)
        or any(each.stash[TAKES_LONG] for each in (item, nextitem))
    ):
        loky = sys.modules.get("joblib.externals.loky")
        if getattr(getattr(loky, "reusable_executor", None), "_executor", None) is not None:
            loky.get_reusable_executor().shutdown(wait=True, kill_workers=True)


@pytest.fixture(autouse=True)
def same_numbers_drawn():
    """Seed what draws without a seed of its own: each test gives the same result in every run.

    Keras's layers draw their seeds from Python's generator, estimators from NumPy's.
    """
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the generator that estimators take without a seed


@pytest.fixture(scope="module", autouse=True)
def memory_given_back():
    """Drop the networks compiled for one file of tests before the next one.

    Their memory goes back to the system. The C library would keep most of it: freed blocks of
    programs lie between others that remain.
    """
    yield
    if "skdl._engine.compiled.store" in sys.modules:
        sys.modules["skdl._engine.compiled.store"].templates.clear()
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc
        trim(0)


@pytest.fixture(scope="session", autouse=True)
def count_file(tmp_path_factory):
    """Where `backbones.counted` counts, in worker processes too, which keep their environment."""
    path = tmp_path_factory.mktemp("counted") / "images"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKDL_TEST_COUNTER", str(path))
        yield path


@pytest.fixture
def count(count_file):
    """A function that tells how many images have gone through `backbones.counted`."""
    count_file.write_bytes(b"")
    return lambda: count_file.stat().st_size


@pytest.fixture(scope="session")
def shared():
    """The folder of real data beside the project; tests that need it skip where it is missing."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the folder of data {SHARED.name}/data beside the project")
    return SHARED


@pytest.fixture(scope="session")
def mnist_5k(shared):
    """5000 MNIST digits as float32 rows in 0..1, and labels."""
    with np.load(shared / "data" / "mnist_5k.npz") as data:
        return data["X"].reshape(5000, -1).astype(np.float32) / 255, data["y"]


@pytest.fixture(scope="session")
def boston(shared):
    """Boston housing: 13 columns, prices."""
    with np.load(shared / "data" / "boston_housing.npz") as data:
        return data["X"], data["y"]


@pytest.fixture(scope="session")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="session")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), y


@pytest.fixture(scope="session")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X * 20, (y - y.mean()) / y.std()


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def plt():
    """`matplotlib.pyplot` without a screen; figures are closed after the test."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")
