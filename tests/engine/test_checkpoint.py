"""A fit that was killed goes on from its checkpoint and ends as if it had not been."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from backbones import tiny
from hearing import Deaf
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from slow_cases import slow_but

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor, PretrainedFeatureClassifier
from skdl.exceptions import InvalidFileError

# They raise in the middle of a fit, without being a parameter of the estimator.
pytest.importorskip("sklearn.callback", reason="needs the callbacks of scikit-learn 1.9")

X, Y = load_iris(return_X_y=True)
DIGITS, LABELS = (part[:300] for part in load_digits(return_X_y=True))


class CrashError(Exception):
    pass


class Crash(Deaf):
    """A scikit-learn callback, which is no parameter, that raises when some epoch ends."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.epoch:
            raise CrashError


def crashed_and_continued(net, X, y, folder, crash=4, **fit_parameters):
    """Fit with a crash on the way, and again with all else the same."""
    net.set_params(checkpoint=folder).set_callbacks(Crash(crash))
    with pytest.raises(CrashError):
        net.fit(X, y, **fit_parameters)
    assert len(os.listdir(folder)) == 1
    counter = Crash(10**6)
    counter.on_fit_task_begin = lambda estimator, context: begun.append(context.task_name)
    begun = []
    net.set_callbacks(counter).fit(X, y, **fit_parameters)
    assert os.listdir(folder) == []
    return net, begun.count("epoch")


def assert_same(one, other):
    for ours, theirs in zip(one._network.get_weights(), other._network.get_weights(), strict=True):
        assert_array_equal(ours, theirs)
    assert one.history_ == other.history_
    assert one.n_iter_ == other.n_iter_
    assert one.best_epoch_ == other.best_epoch_
    assert one.training_program_ == other.training_program_


def dense(**parameters):
    return DenseClassifier(
        (8,), **{"epochs": 6, "random_state": 0, "learning_rate": 0.01} | parameters
    )


FITS = {
    "graph": (dense(), X, Y),
    "xla": (dense(batch_size=2, epochs=6), X, Y),
    "keras": (dense(callbacks=["TerminateOnNaN"]), X, Y),
    "sparse": (dense(), csr_matrix(X), Y),
    "dropout": (dense(dropout=0.3, batch_normalization=True, optimizer="rmsprop"), X, Y),
    "early stopping": (dense(early_stopping=True, patience=5, epochs=30, learning_rate=0.3), X, Y),
    "plateau": (
        dense(
            callbacks=[keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=10)],
            validation_split=0.2,
        ),
        X,
        Y,
    ),
    "bfloat16": (dense(dtype="bfloat16", optimizer="rmsprop"), X, Y),
    "regression": (DenseRegressor((8,), epochs=6, random_state=0, dtype="float64"), X, X[:, 0]),
    "images": (
        ConvNetClassifier(4, epochs=6, random_state=0, augmentation={"rotation": 0.1}),
        DIGITS,
        LABELS,
    ),
}


@pytest.mark.parametrize("name", slow_but(("xla", "sparse", "early stopping", "images"), FITS))
def test_goes_on_from_a_crash_as_if_there_had_been_none(name, tmp_path):
    net, X, y = FITS[name]
    expected = type(net)(**net.get_params()).fit(X, y)
    found, n_epochs = crashed_and_continued(net, X, y, tmp_path)
    assert_same(found, expected)
    assert n_epochs == expected.n_iter_ - 3


def test_an_entropy_seeded_fit_goes_on_with_its_seed(tmp_path):
    net = dense(random_state=None, checkpoint=tmp_path).set_callbacks(Crash(4))
    with pytest.raises(CrashError):
        net.fit(X, Y)
    (file,) = tmp_path.iterdir()
    with np.load(file) as kept:
        before = kept["state/0"]
    net.set_callbacks(Crash(4))
    seen = []
    net._skl_callbacks[0].on_fit_task_end = lambda estimator, context: seen.append(context)
    net.fit(X, Y)
    assert net.n_iter_ == 6
    assert len([context for context in seen if context.task_name == "epoch"]) == 3
    assert np.abs(net._network.get_weights()[0] - before).max() < 0.5


def test_a_warm_start_is_kept_too(tmp_path):
    expected = dense(warm_start=True).fit(X, Y).fit(X, Y)
    net = dense(warm_start=True).fit(X, Y)
    found, n_epochs = crashed_and_continued(net, X, Y, tmp_path)
    assert n_epochs == 3
    assert_same(found, expected)


@pytest.mark.parametrize(
    "change", [{"l2": 0.1}, {"epochs": 7}, {"random_state": 1}, {"batch_size": 16}]
)
def test_other_parameters_begin_anew(change, tmp_path):
    net = dense(checkpoint=tmp_path).set_callbacks(Crash(4))
    with pytest.raises(CrashError):
        net.fit(X, Y)
    net.set_callbacks()
    assert_same(net.set_params(**change).fit(X, Y), dense(**change).fit(X, Y))
    assert len(os.listdir(tmp_path)) == 1  # of the fit that was not finished


def test_other_data_begin_anew(tmp_path):
    net = dense(checkpoint=tmp_path).set_callbacks(Crash(4))
    with pytest.raises(CrashError):
        net.fit(X, Y)
    net.set_callbacks()
    assert_same(net.fit(X + 1, Y), dense().fit(X + 1, Y))
    weight = np.arange(150.0)
    assert_same(net.fit(X, Y, sample_weight=weight), dense().fit(X, Y, sample_weight=weight))


@pytest.mark.parametrize("kind", slow_but(["model"], ["model", "model file", "image files"]))
def test_models_and_files_count_by_what_is_in_them(kind, tmp_path):
    """A fit goes on while they are as they were, and begins anew once they have changed."""
    model, file, rng = tiny((8, 8, 3)), tmp_path / "tiny.keras", np.random.default_rng(0)
    model.save(file)
    images, labels = rng.integers(0, 256, (12, 8, 8, 3), np.uint8), np.arange(12) % 2
    paths = [str(tmp_path / f"{i}.png") for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        keras.utils.save_img(path, image, scale=False)
    net = PretrainedFeatureClassifier(
        str(file) if kind == "model file" else model, training="augmented",
        augmentation={"flip": "horizontal"}, epochs=5, random_state=0, checkpoint=tmp_path / "kept",
    )  # fmt: skip

    def n_epochs(crash=10**6):
        ended = []
        counter = Crash(crash)
        raising = counter.on_fit_task_end

        def end(estimator, context):
            raising(estimator, context)
            ended.append(context.task_name)

        counter.on_fit_task_end = end
        with contextlib.suppress(CrashError):
            net.set_callbacks(counter).fit(paths if kind == "image files" else images, labels)
        return ended.count("epoch")

    assert n_epochs(crash=3) == 2
    assert n_epochs() == 3
    assert n_epochs(crash=3) == 2
    model.set_weights([values + 1 for values in model.get_weights()])
    model.save(file)
    keras.utils.save_img(paths[0], images[1], scale=False)
    assert n_epochs() == 5


def test_checkpoints_every_so_many_epochs(tmp_path):
    found, n_epochs = crashed_and_continued(dense(checkpoint_every=2), X, Y, tmp_path, crash=6)
    assert n_epochs == 2
    assert_same(found, dense().fit(X, Y))


@pytest.mark.processes(workers=True)
def test_the_fits_of_a_search_share_a_folder(tmp_path):
    search = GridSearchCV(dense(checkpoint=tmp_path / "new"), {"l2": [0, 0.1]}, cv=2, n_jobs=2)
    search.fit(X, Y)
    expected = GridSearchCV(dense(), {"l2": [0, 0.1]}, cv=2).fit(X, Y)
    assert_array_equal(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert os.listdir(tmp_path / "new") == []


def test_a_damaged_checkpoint_is_named(tmp_path):
    net = dense(checkpoint=tmp_path).set_callbacks(Crash(4))
    with pytest.raises(CrashError):
        net.fit(X, Y)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    net.set_callbacks()
    with pytest.raises(InvalidFileError, match=rf"{file.name}.*Delete it"):
        net.fit(X, Y)


SCRIPT = """
    import sys, time
    import numpy as np
    from sklearn.datasets import load_iris
    from skdl import DenseClassifier

    class Slow:
        setup = teardown = on_fit_task_begin = lambda self, estimator, context: None
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                print("epoch", flush=True)
                time.sleep(0.02)

    folder, result = sys.argv[1:]
    net = DenseClassifier((8,), epochs=60, random_state=0, dropout=0.2, checkpoint=folder)
    net.set_callbacks(Slow()).fit(*load_iris(return_X_y=True))
    np.savez(result, *net._network.get_weights(), loss=net.history_["loss"])
"""


def kill_and_continue(folder, times, rng):
    """Start the same fit until it ends, killing it at random moments; return its result."""
    script, result = folder / "fit.py", folder / "result.npz"
    script.write_text(textwrap.dedent(SCRIPT))
    root = str(Path(__file__).parents[2])
    command = [sys.executable, str(script), str(folder / "state"), str(result)]
    kills = 0
    while True:
        process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": root},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if kills < times and process.stdout.readline():
            time.sleep(rng.uniform(0, 1.5 / times))
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    with np.load(result) as found:
        return kills, dict(found)


def assert_killing_changes_nothing(folder, times):
    expected = DenseClassifier((8,), epochs=60, random_state=0, dropout=0.2).fit(X, Y)
    kills, found = kill_and_continue(folder, times, random.Random(0))
    assert kills == times
    for i, weights in enumerate(expected._network.get_weights()):
        assert_array_equal(found[f"arr_{i}"], weights)
    assert_array_equal(found["loss"], expected.history_["loss"])
    assert os.listdir(folder / "state") == []


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_at_a_random_moment(tmp_path):
    assert_killing_changes_nothing(tmp_path, 2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_at_twenty_random_moments(tmp_path):
    """Slow: each life of the process begins with an import of TensorFlow."""
    assert_killing_changes_nothing(tmp_path, 20)
