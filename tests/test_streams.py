"""Data sets of batches as X, and training on several devices."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor, TextBoWClassifier

pytestmark = pytest.mark.filterwarnings("error")
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


class Batches(keras.utils.PyDataset):
    """Rows in batches of 32, which notes how often it was read."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays, self.reads = arrays, 0

    def __len__(self):
        return -(-len(self.arrays[0]) // 32)

    def __getitem__(self, i):
        self.reads += 1
        return tuple(array[i * 32 : (i + 1) * 32] for array in self.arrays)


def by_tensorflow(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(32)


def net(**parameters):
    parameters = {"epochs": 4, "random_state": 0, "learning_rate": 0.01} | parameters
    return DenseClassifier((8,), shuffle=False, **parameters)


def assert_alike(ours, theirs):
    assert ours.training_program_ == "keras"
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    assert ours.history_.keys() == theirs.history_.keys()
    assert_allclose(ours.history_["loss"], theirs.history_["loss"], rtol=1e-5)
    assert_array_equal(ours.classes_, theirs.classes_)


@pytest.mark.parametrize("make", [by_tensorflow, Batches])
def test_trains_as_on_the_same_rows_in_memory(make):
    assert_alike(net().fit(make(X, Y)), net().fit(X, Y))


def test_labels_weights_and_validation():
    weight = 1.0 + np.arange(150) % 3
    given = {"class_weight": "balanced", "metrics": "accuracy"}
    expected = net(**given).fit(X, NAMES, sample_weight=weight, X_val=X, y_val=NAMES)
    for X_val in ({"X_val": Batches(X, NAMES)}, {"X_val": X, "y_val": NAMES}):
        found = net(**given).fit(Batches(X, NAMES, weight), **X_val)
        assert_alike(found, expected)
        assert_allclose(found.history_["val_loss"], expected.history_["val_loss"], rtol=1e-5)


def test_early_stopping_on_given_rows():
    stopping = {"early_stopping": True, "patience": 1, "epochs": 20, "learning_rate": 0.3}
    found = net(**stopping).fit(Batches(X, Y), X_val=Batches(X, Y))
    assert found.n_iter_ < 20
    assert_array_equal(found.n_iter_, net(**stopping).fit(X, Y, X_val=X, y_val=Y).n_iter_)


def test_regression_and_images():
    found = DenseRegressor((8,), epochs=4, random_state=0, shuffle=False).fit(Batches(X, X[:, 0]))
    expected = DenseRegressor((8,), epochs=4, random_state=0, shuffle=False).fit(X, X[:, 0])
    assert_allclose(found.predict(X), expected.predict(X), atol=1e-4)
    digits, labels = load_digits(return_X_y=True)
    digits = digits.reshape(-1, 8, 8)
    convnet = ConvNetClassifier(8, epochs=3, random_state=0)
    assert convnet.fit(by_tensorflow(digits, labels).shuffle(60)).score(digits, labels) > 0.8


def test_predicting_a_data_set():
    fitted = net().fit(X, Y)
    assert_array_equal(fitted.predict(by_tensorflow(X)), fitted.predict(X))
    assert_array_equal(fitted.predict_proba(Batches(X, Y)), fitted.predict_proba(X))


def test_a_warm_start_goes_on():
    found = net(warm_start=True).fit(Batches(X, Y)).fit(Batches(X, Y))
    expected = net(warm_start=True).fit(X, Y).fit(X, Y)
    assert found.n_iter_ == 8
    assert_alike(found, expected)


def test_every_batch_is_read_once_an_epoch_and_once_before():
    batches = Batches(X, Y)
    net(epochs=3).fit(batches)
    looks = 2  # that Keras takes at the first batch, for shapes
    assert batches.reads == 5 * (1 + 3) + looks


@pytest.mark.parametrize(
    ("estimator", "given", "error", "message"),
    [
        (net(), {"X": Batches(X, Y), "y": Y}, ValueError, "y must be None"),
        (net(), {"X": Batches(X, Y), "sample_weight": Y}, ValueError, "sample_weight must be None"),
        (net(early_stopping=True), {"X": Batches(X, Y)}, ValueError, "early_stopping=True"),
        (net(validation_split=0.1), {"X": Batches(X, Y)}, ValueError, "Give X_val"),
        (net(checkpoint="folder"), {"X": Batches(X, Y)}, ValueError, "checkpoint='folder'"),
        (net(), {"X": by_tensorflow(X)}, ValueError, r"batches \(inputs, targets\)"),
        (net(), {"X": by_tensorflow(X[:0], Y[:0])}, ValueError, "no batches"),
        (net(), {"X": Batches(X * np.nan, Y)}, ValueError, "NaN"),
        (TextBoWClassifier(), {"X": Batches(X, Y)}, TypeError, "partial_fit"),
    ],
)
def test_what_a_data_set_cannot_do(estimator, given, error, message):
    with pytest.raises(error, match=message):
        estimator.fit(**given)
    assert not hasattr(estimator, "model_")


DEVICES = """
    import warnings
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message="__array__ implementation")
    import numpy as np
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    from sklearn.datasets import load_digits
    from skdl import DenseClassifier

    X, y = load_digits(return_X_y=True)
    X, y = X[:640] / 16, y[:640]
    weight = np.random.default_rng(0).uniform(0.1, 1, 640)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for given in ({}, {"sample_weight": weight}):
        net = DenseClassifier((16,), epochs=3, random_state=0)
        one = DenseClassifier((16,), epochs=3, random_state=0).fit(X, y, **given)
        with strategy.scope():
            both = DenseClassifier((16,), epochs=3, random_state=0).fit(X, y, **given)
            inside = both.predict_proba(X)
        assert both.training_program_ == "keras"
        np.testing.assert_allclose(both.history_["loss"], one.history_["loss"], rtol=1e-5)
        np.testing.assert_allclose(both.predict_proba(X), one.predict_proba(X), atol=1e-5)
        np.testing.assert_array_equal(both.predict_proba(X), inside)
        np.testing.assert_allclose(both.model_.predict(X, verbose=0), inside, atol=1e-6)
    both.set_params(warm_start=True).fit(X, y)
    assert (both.n_iter_, both.training_program_) == (6, "graph")
    try:
        with strategy.scope():
            DenseClassifier((16,), epochs=1, batch_size=15).fit(X, y)
    except UserWarning as warning:
        assert "batch_size=15 was rounded to 14" in str(warning)
    else:
        raise AssertionError("no warning")
    warnings.filterwarnings("ignore", message="batch_size=15")
    with strategy.scope():
        stopped = DenseClassifier((16,), epochs=2, batch_size=15, early_stopping=True).fit(X, y)
    assert "val_loss" in stopped.history_
    print("all held")
"""


def test_two_devices_train_as_one(tmp_path):
    """Logical devices are set up before TensorFlow's first use: in a process of its own."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(DEVICES))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert "all held" in done.stdout, done.stderr[-3000:]
