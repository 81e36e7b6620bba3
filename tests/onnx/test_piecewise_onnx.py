"""`PiecewiseLinearEncoder` in ONNX: alone, and in front of networks."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdl import DenseClassifier, PiecewiseLinearEncoder, register_onnx_converters, to_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

rng = np.random.default_rng(0)
X = np.column_stack(
    [rng.normal(size=300), 1.6e9 + rng.integers(0, 10**8, 300), rng.integers(0, 2, 300)]
)
X = np.column_stack([X, np.ones(300), np.full(300, np.nan), rng.integers(0, 5, 300)])
X[::9, 0] = X[1::9, 5] = np.nan


def run(model, feeds):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"dtype": None, "knots": "uniform"},
        {"dtype": "float64", "keep": "standardized", "add_indicator": False},
        {"keep": None, "scale_bins": False, "n_bins": 20},
    ],
    ids=lambda given: "-".join(given) or "defaults",
)
def test_alone(dtype, parameters):
    given = X[:, [2, 5]] > 1 if dtype == "bool" else X
    given = np.nan_to_num(given, nan=3.0).astype(dtype) if dtype == "int32" else given.astype(dtype)
    encoder = PiecewiseLinearEncoder(**parameters).fit(given)
    new = given if given.dtype.kind != "f" else np.vstack([given, given * -2, given + 0.1])
    if dtype == "float64" and encoder.keep != "standardized":
        new = np.vstack([new, np.full_like(new[:1], 1.7e308), np.full_like(new[:1], -1e300)])
    model = to_onnx(encoder, given, tolerance=None)
    (found,) = run(model, {"X": new})
    expected = encoder.transform(new)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert_allclose(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-12, atol=1e-12)


def test_in_front_of_a_network():
    """In a pipeline, and for some columns of a frame, whole numbers and booleans among them."""
    y = (X[:, 1] > 1.65e9).astype(int)
    net = DenseClassifier(4, epochs=2, random_state=0)
    plain = make_pipeline(PiecewiseLinearEncoder(), net).fit(X, y)
    label, probabilities = run(to_onnx(plain, X), {"X": X})
    assert_allclose(probabilities, plain.predict_proba(X), atol=1e-5)
    assert (label == plain.predict(X)).mean() > 0.99
    frame = pd.DataFrame(
        {
            "value": X[:, 0],
            "kind": np.resize(["a", "b", "c"], 300),
            "time": X[:, 1].astype("int64"),
            "flag": X[:, 2] > 0,
            "few": X[:, 5].astype("float32"),
        }
    )
    columns = ColumnTransformer(
        [
            ("numbers", PiecewiseLinearEncoder(), ["time", "value", "flag", "few"]),
            ("kinds", OneHotEncoder(sparse_output=False), ["kind"]),
        ]
    )
    mixed = Pipeline([("columns", columns), ("net", net)]).fit(frame, y)
    model = to_onnx(mixed, frame)
    feeds = {name: frame[[name]].to_numpy() for name in frame}
    assert_allclose(run(model, feeds)[1], mixed.predict_proba(frame), atol=1e-5)


class Derived(PiecewiseLinearEncoder):
    """As a user may derive."""


def test_what_else_converts():
    import skl2onnx

    register_onnx_converters()
    encoder = Derived(n_bins=3).fit(X)
    model = skl2onnx.to_onnx(encoder, X[:1])
    assert_allclose(run(model, {"X": X})[0], encoder.transform(X), atol=1e-6)
    with pytest.raises(ValueError, match="gives no columns"):
        to_onnx(PiecewiseLinearEncoder().fit(X[:, 3:5]), X[:, 3:5])
