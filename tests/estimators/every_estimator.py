"""Estimators and data for tests of what all public estimators of one network promise."""

import numpy as np
import pytest
from registry import configured
from sklearn.base import clone, is_classifier

DEFAULTS = [e for _, e in configured(only={"defaults"}) if hasattr(e, "partial_fit")]
each = pytest.mark.parametrize("estimator", DEFAULTS, ids=lambda e: type(e).__name__)


def data(estimator, n_rows=90):
    """Return inputs and targets that suit an estimator: three classes, or values."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 16)).astype(np.float32)
    y = np.arange(n_rows) % 3
    X[:, :3] += 3 * np.eye(3)[y]
    return (X, np.array(["a", "b", "c"])[y]) if is_classifier(estimator) else (X, y + X[:, 4])


def quick(estimator, **parameters):
    return clone(estimator).set_params(**{"epochs": 4, "random_state": 0} | parameters)


def outputs(estimator, X):
    return estimator.predict_proba(X) if is_classifier(estimator) else estimator.predict(X)
