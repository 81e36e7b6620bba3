"""What callbacks hold for threads to share is shared by copies of an estimator as well."""

import copy
import threading

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from skdl import DenseClassifier


class Study:
    """Collects values of all fits; it can be copied, as optuna's storage in memory can."""

    def __init__(self):
        self.values, self.lock = [], threading.RLock()

    def __getstate__(self):
        return {"values": self.values}

    def __setstate__(self, state):
        vars(self).update(state, lock=threading.RLock())


class Reporting(keras.callbacks.Callback):
    """Reports the loss of each epoch to a study, and to a list of its own."""

    def __init__(self, study):
        super().__init__()
        self.trial, self.own = {"studies": [study]}, []

    def on_epoch_end(self, epoch, logs=None):
        self.trial["studies"][0].values.append(logs["loss"])
        self.own.append(logs["loss"])


@pytest.mark.parametrize("copied", [clone, copy.deepcopy])
def test_a_part_with_a_lock_is_shared_the_rest_is_copied(copied, iris):
    study = Study()
    reporting = Reporting(study)
    net = DenseClassifier(3, epochs=2, callbacks=[reporting, "TerminateOnNaN"]).fit(*iris)
    other = copied(net)
    assert other.callbacks[0] is not reporting
    assert other.callbacks[0].model is None
    assert other.callbacks[1] == "TerminateOnNaN"
    other.fit(*iris)
    assert study.values == reporting.own + other.callbacks[0].own[-2:]
    assert len(reporting.own) == 2
    assert reporting.model is net.model_


def test_folds_report_to_one_study(iris):
    study = Study()
    net = DenseClassifier(3, epochs=2, callbacks=Reporting(study))
    folds = cross_validate(net, *iris, cv=2, return_estimator=True)["estimator"]
    assert study.values == [loss for fold in folds for loss in fold.history_["loss"]]


class Taught(keras.callbacks.Callback):
    """Holds a fitted estimator, which copies itself, locks and all."""

    def __init__(self, teacher):
        super().__init__()
        self.teacher = teacher


def test_an_estimator_within_a_callback_is_copied(iris):
    X, y = iris
    teacher = DenseClassifier(3, epochs=1, random_state=0).fit(X, y)
    before = teacher.predict_proba(X)
    other = clone(DenseClassifier(3, callbacks=Taught(teacher)))
    other.callbacks.teacher.partial_fit(X, y)
    np.testing.assert_array_equal(teacher.predict_proba(X), before)
    assert (other.callbacks.teacher.predict_proba(X) != before).any()


class Locked(keras.callbacks.Callback):
    """Is guarded by a lock as a whole."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Counted:
    """A callback of scikit-learn that counts epochs under a lock."""

    def __init__(self):
        self.n_epochs, self.lock = 0, threading.Lock()

    def ignored(self, estimator, context):
        pass

    setup = on_fit_task_begin = teardown = ignored

    def on_fit_task_end(self, estimator, context):
        with self.lock:
            self.n_epochs += context.task_name == "epoch"


def test_callbacks_of_scikit_learn_are_copied_alike(iris):
    pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    counted = Counted()
    net = DenseClassifier(3, epochs=2).set_callbacks(counted)
    for copied in (clone, copy.deepcopy):
        copied(net).fit(*iris)
    assert counted.n_epochs == 4


def test_a_copied_estimator_shares_a_callback_with_a_lock(iris):
    """It is otherwise a copy: its weights are its own."""
    X, y = iris
    net = DenseClassifier(3, epochs=1, callbacks=[Locked()], random_state=0).fit(X, y)
    other = copy.deepcopy(net)
    assert other.callbacks[0] is net.callbacks[0]
    before = net.predict_proba(X)
    np.testing.assert_array_equal(other.predict_proba(X), before)
    other.partial_fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), before)
    assert (other.predict_proba(X) != before).any()
