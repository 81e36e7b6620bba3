"""Data sets of batches as X, and training on several devices."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hearing import Deaf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from slow_cases import slow_but

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


@pytest.mark.parametrize(
    ("dtype", "first", "brightest", "maximum"),
    slow_but([(np.float32, 200, 300, 65535), (np.uint8, 1, 9, 255)], [
        (np.float32, 1, 255, 255),
        (np.int64, 9, 16, 16),
        (np.float32, 200, 300, 65535),
        (np.float32, 200, 70000, 1),
        (np.float32, 200, -1, 1),
        (np.uint8, 1, 9, 255),
        (np.uint16, 1, 9, 65535),
    ]),
)  # fmt: skip
def test_the_scale_of_pixels_is_that_of_all_batches(dtype, first, brightest, maximum):
    images, labels = np.full((96, 5, 5), first, dtype), np.arange(96) % 2
    images[70, 0, 0] = brightest
    given = {"epochs": 1, "random_state": 0, "shuffle": False}
    found = ConvNetClassifier(2, **given).fit(Batches(images, labels))
    expected = ConvNetClassifier(2, **given).fit(images, labels)
    assert found.scale_ == expected.scale_ == 1 / maximum
    assert_allclose(found.history_["loss"], expected.history_["loss"], rtol=1e-4)


def test_pixels_of_no_weight_have_no_say_in_the_scale():
    images, labels = np.ones((96, 5, 5)), np.arange(96) % 2
    weight = np.ones(96)
    images[70], weight[70] = 255, 0
    net = ConvNetClassifier(2, epochs=1)
    assert net.fit(images, labels, sample_weight=weight).scale_ == 1
    assert net.fit(Batches(images, labels, weight)).scale_ == 1


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


class Reshuffled(Batches):
    """Puts its rows in another order between epochs."""

    def __init__(self, *arrays):
        super().__init__(*arrays)
        self.calls, self.rng = [], np.random.default_rng(0)

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")
        order = self.rng.permutation(len(self.arrays[0]))
        self.arrays = [array[order] for array in self.arrays]


def test_a_data_set_is_told_of_its_epochs():
    given, held_out = Reshuffled(X, Y), Reshuffled(X, Y)
    found = net(epochs=3).fit(given, X_val=held_out)
    keras_resets = ["end"]  # after a look at the shapes
    assert given.calls == ["begin", "end", *keras_resets, *["begin", "end"] * 3]
    assert held_out.calls == ["begin", "end", *[*keras_resets, "begin", "end"] * 3]
    given = Reshuffled(X, Y)
    for _ in range(2):  # passes before training
        given.on_epoch_end()
    expected = net(epochs=3)
    for _ in range(3):
        expected.set_params(batch_size=32).partial_fit(*given.arrays, classes=[0, 1, 2])
        given.on_epoch_end()
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)


def test_data_sets_without_an_end():
    endless, fitted = by_tensorflow(X, Y).repeat(), net().fit(X, Y)
    for failing, name in (
        (lambda: net().fit(endless), "X"),
        (lambda: net().fit(Batches(X, Y), X_val=endless), "X_val"),
        (lambda: fitted.predict(endless), "X"),
    ):
        with pytest.raises(ValueError, match=f"^{name} must have an end"):
            failing()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.where(Y == 0, -1.0, 2.0), "Negative values"),
        (np.zeros(150), "at least one non-zero"),
        (np.where(np.arange(150) == 149, np.nan, 1.0), "sample_weight contains NaN"),
        (np.ones((150, 1)), "1D array"),
    ],
)
def test_weights_are_checked_as_those_of_rows_in_memory(weight, message):
    for given in ((X, Y, weight), (Batches(X, Y, weight),)):
        with pytest.raises(ValueError, match=message):
            net().fit(*given)
    with pytest.raises(ValueError, match=message):
        net().fit(Batches(X, Y), X_val=Batches(X, Y, weight))


def test_validation_weights_count_by_their_ratios():
    weight = 1.0 + np.arange(150) % 3
    once, twice = (
        net(epochs=2).fit(Batches(X, Y), X_val=Batches(X, Y, factor * weight)) for factor in (1, 2)
    )
    assert_allclose(once.history_["val_loss"], twice.history_["val_loss"], rtol=1e-6)


def test_class_weights_of_several_labels_a_row_and_of_zero():
    labels = np.c_[Y == 0, X[:, 1] > 3].astype(int)
    found = net(class_weight="balanced").fit(by_tensorflow(X, labels))
    assert_alike(found, net(class_weight="balanced").fit(X, labels))
    assert net(class_weight={0: 0}).fit(Batches(X, Y)).n_iter_ == 4  # whole batches are of class 0


class Listener(Deaf):
    """Notes the tasks that end, and stops after two epochs."""

    def __init__(self):
        self.ended, self.fitted = [], []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.ended.append(context.task_name)
        self.fitted.append(fitted_estimator)
        return len(self.ended) == 2


def test_callbacks_of_scikit_learn():
    callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    listener = Listener()
    fitted = net().set_callbacks(listener).fit(Batches(X, Y))
    assert listener.ended == ["epoch", "epoch", "fit"]
    assert_array_equal(listener.fitted[1].predict_proba(X), fitted.predict_proba(X))
    estimator = net().set_callbacks(callback.ScoringMonitor(scoring="accuracy"))
    with pytest.raises(ValueError, match="set_callbacks was given a ScoringMonitor"):
        estimator.fit(Batches(X, Y))


def test_what_is_wrong_with_a_later_batch():
    last_nan = np.where(np.arange(600).reshape(150, 4) == 599, np.nan, X)
    for given in ({"X": by_tensorflow(last_nan, Y)}, {"X": Batches(last_nan, Y)}):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            net().fit(**given)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        net().fit(Batches(X, Y), X_val=Batches(last_nan, Y))

    class Unreadable(Batches):
        def __getitem__(self, i):
            if self.reads == 14:
                raise OSError("the disk is gone")
            return super().__getitem__(i)

    with pytest.raises(OSError, match="the disk is gone") as caught:
        net().fit(Unreadable(X, Y))
    assert caught.value.__suppress_context__

    passes = iter((5, 5, 3))  # batches in the passes for labels, for shapes and for training

    def fewer():
        for i in range(next(passes)):
            yield Batches(X, Y)[i]

    spec = tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.int64)
    with pytest.raises(ValueError, match="as many batches in every pass: 5 in the first, 3 now"):
        net().fit(tf.data.Dataset.from_generator(fewer, output_signature=spec))


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
        (net(), {"X": Batches(X, Y), "y_val": Y}, ValueError, "y_val belongs to an X_val"),
        (net(), {"X": Batches(X, Y), "X_val": X}, ValueError, "y_val belongs to an X_val"),
        (
            net(),
            {"X": Batches(X, Y), "X_val": Batches(X, Y), "y_val": Y},
            ValueError,
            "y_val belongs to an X_val",
        ),
        (net(), {"X": X, "y": Y, "X_val": Batches(X, Y)}, ValueError, "only where X is one"),
        (TextBoWClassifier(), {"X": Batches(X, Y)}, TypeError, "partial_fit"),
    ],
)
def test_what_a_data_set_cannot_do(estimator, given, error, message):
    with pytest.raises(error, match=message):
        estimator.fit(**given)
    assert not hasattr(estimator, "model_")


def test_a_table_with_columns_named_as_a_data_set_has_methods():
    frame = pd.DataFrame(X, columns=["num_batches", "element_spec", "x", "y"])
    found, expected = net().fit(frame, Y), net().fit(X, Y)
    assert_array_equal(found.predict_proba(frame), expected.predict_proba(X))


def test_predicting_no_batches():
    with pytest.raises(ValueError, match="X has no batches"):
        net(epochs=1).fit(X, Y).predict(by_tensorflow(X[:0]))


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
    with strategy.scope(), warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="batch_size=15")
        stopped = DenseClassifier((16,), epochs=2, batch_size=15, early_stopping=True).fit(X, y)
    assert ["batch_size=15 was rounded to 14" in str(each.message) for each in caught] == [True]
    assert "val_loss" in stopped.history_
    print("all held")
"""


@pytest.mark.slow
@pytest.mark.processes
def test_two_devices_train_as_one(tmp_path):
    """Logical devices are set up before TensorFlow's first use: slow for its own process."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(DEVICES))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert "all held" in done.stdout, done.stderr[-3000:]
