"""Targets and weights: what is learned of y, what is refused, and what comes back."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_transformer_preserve_dtypes

from skdl import DenseClassifier, DenseRegressor
from skdl.exceptions import TargetsWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
LABELS = np.array(["a", "b", "c"])[np.arange(60) % 3]
BINARY = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
VALUES = 100 + 20 * X[:, 0]


def classifier(**parameters):
    return DenseClassifier((4,), **{"epochs": 2, "random_state": 0} | parameters)


@pytest.mark.parametrize("labels", [LABELS, BINARY], ids=["multiclass", "binary"])
def test_classes_are_learned_of_rows_of_weight_zero_too(labels):
    left = np.unique(labels)[-1]
    by_row = classifier().fit(X, labels, sample_weight=np.where(labels == left, 0.0, 1.0))
    by_class = classifier(class_weight={left: 0}).fit(X, labels)
    assert list(by_row.classes_) == list(by_class.classes_) == list(np.unique(labels))
    assert_array_equal(by_row.predict_proba(X), by_class.predict_proba(X))
    held = classifier(early_stopping=True).fit(X, labels, np.where(labels == left, 0.0, 1.0))
    assert list(held.classes_) == list(np.unique(labels))


def test_ensembles_that_weigh_a_class_away():
    weight = np.where(LABELS == "c", 0.0, 1.0)
    voting = VotingClassifier(
        [("net", classifier()), ("linear", LogisticRegression())], voting="soft"
    )
    voting.fit(X, LABELS, sample_weight=None)
    nets = [classifier().fit(X, LABELS, w) for w in (weight, np.ones(60))]
    assert np.shape(nets[0].predict_proba(X)) == np.shape(nets[1].predict_proba(X))
    rare = np.where(np.arange(60) < 2, "rare", "common")
    bagging = BaggingClassifier(classifier(epochs=1), n_estimators=4, random_state=0)
    assert bagging.fit(X, rare).predict_proba(X).shape == (60, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize("labels", [LABELS, BINARY], ids=["multiclass", "binary"])
def test_probabilities_are_float64_and_sum_to_one(labels, dtype):
    net = classifier(dtype=dtype, epochs=1).fit(X, labels)
    probabilities = net.predict_proba(X)
    assert probabilities.dtype == np.float64
    assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=4e-16)
    assert_array_equal(net.classes_[probabilities.argmax(axis=1)], net.predict(X))
    outputs = net.model_.predict(X, verbose=0)
    assert_allclose(probabilities[:, -1], outputs[:, -1], rtol=1e-6, atol=1e-7)
    series = pd.Series(0.0, index=range(60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        series.iloc[:] = probabilities[:, 1]


def test_stacking_keeps_the_dtype_of_what_is_stacked():
    stacking = StackingClassifier([("net", classifier(epochs=1))], cv=2)
    check_transformer_preserve_dtypes("StackingClassifier", stacking)
    calibrated = CalibratedClassifierCV(classifier(epochs=1), cv=2).fit(X, BINARY)
    assert calibrated.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        (set("a"), TypeError, "classes must be an array-like.*sorted"),
        (dict.fromkeys("abc"), TypeError, "classes must be an array-like"),
        ("abc", TypeError, "classes must be an array-like"),
        (3, TypeError, "classes must be an array-like"),
        ([1.0, np.nan], ValueError, "missing value nan"),
        ([1, pd.NA], ValueError, "missing value <NA>"),
        (["a", None], ValueError, "missing value None"),
        (["a", np.nan], ValueError, "missing value nan"),
        (["a", 1], ValueError, "labels of one kind"),
        ([], ValueError, r"shape \(0,\)"),
        ([["a", "b", "c"]], ValueError, r"shape \(1, 3\)"),
        (["a"], ValueError, "only one class"),
    ],
    ids=str,
)
def test_announced_classes_are_checked(classes, error, message):
    net = classifier()
    with pytest.raises(error, match=message):
        net.partial_fit(X, LABELS, classes)
    net.partial_fit(X, LABELS, pd.Series(["c", "b", "a", "a"]))
    assert list(net.classes_) == ["a", "b", "c"]
    if error is TypeError:
        with pytest.raises(error, match=message):
            net.partial_fit(X, LABELS, classes)


def test_one_hot_targets_are_warned_of():
    columns = (LABELS[:, None] == np.unique(LABELS)).astype(int)
    with pytest.warns(
        TargetsWarning, match=r"exactly one of its 3 columns.*y.argmax\(axis=1\)"
    ) as told:
        net = classifier(epochs=1).fit(X, columns)
    assert told[0].filename == __file__
    assert net.predict_proba(X).shape == (60, 3)
    columns[0] = 1
    classifier(epochs=1).fit(X, columns)  # several labels per row: no warning


def test_validation_targets_that_were_not_transformed_are_warned_of():
    net = DenseRegressor((4,), epochs=1, random_state=0)
    scaled = TransformedTargetRegressor(net, transformer=StandardScaler())
    with pytest.warns(TargetsWarning, match=r"y_val has the median 9.*TransformedTargetRegressor"):
        scaled.fit(X[:40], VALUES[:40], X_val=X[40:], y_val=VALUES[40:])
    mean, deviation = VALUES[:40].mean(), VALUES[:40].std()
    scaled.fit(X[:40], VALUES[:40], X_val=X[40:], y_val=(VALUES[40:] - mean) / deviation)
    several = np.column_stack([VALUES, X[:, 1]])
    net.fit(X, several, X_val=X, y_val=several)
    with pytest.warns(TargetsWarning, match="y_val has the median"):
        net.fit(X, several, X_val=X, y_val=several - [500, 0])
    trend = np.arange(60.0)
    net.fit(X[:40], trend[:40], X_val=X[40:], y_val=trend[40:])  # the next values of a series
