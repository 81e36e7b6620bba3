"""What ONNX Runtime computes, compared with the estimator."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    StandardScaler,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

NAMES = np.array(["first", "the second", "dritter"])
QUICK = {"hidden_layer_sizes": 8, "epochs": 2, "learning_rate": 0.05, "random_state": 0}


def run(model, X):
    """Return what ONNX Runtime computes for rows, by the names of the outputs."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if isinstance(X, pd.DataFrame):
        X = {name: X[[name]].to_numpy() for name in X}
    else:
        X = {"X": X.toarray() if sp.issparse(X) else X}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, X), strict=True))


def assert_same_classes(model, estimator, X):
    """Compare the labels, away from ties, and the probabilities, to 1e-5."""
    found = run(model, X)
    assert list(found) == ["label", "probabilities"]
    expected = estimator.predict_proba(X)
    assert found["probabilities"].shape == expected.shape
    assert found["probabilities"].dtype == expected.dtype
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5, rtol=0)
    labels = estimator.predict(X)
    assert found["label"].shape == labels.shape
    if labels.ndim == 2:
        sure = np.abs(expected - 0.5) > 1e-4
    else:
        top = np.sort(expected, axis=1)
        sure = top[:, -1] - top[:, -2] > 1e-4
    assert sure.any()
    assert (found["label"][sure] == labels[sure]).all()
    return found


def table(n_rows=120):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "length (cm)": rng.normal(1e6, 2, n_rows),
            "age": rng.integers(20, 60, n_rows),
            "small": rng.normal(size=n_rows).astype("float32"),
            "city": rng.choice(["rome", "oslo", "bern"], n_rows),
            "kind": pd.Categorical(rng.choice(["x", "y"], n_rows)),
            "2nd grade": rng.choice([3, 5, 9], n_rows),
            "open": rng.random(n_rows) > 0.5,
        }
    )


def columns(numbers=("length (cm)", "age", "small"), categories=("city", "kind", "2nd grade")):
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), list(numbers)),
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(categories)),
        ]
    )
