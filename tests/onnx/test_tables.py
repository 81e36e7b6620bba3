"""Estimators for tables as ONNX models: one input per column, gaps and unknown values included."""

import numpy as np
import pandas as pd
import pytest

from skdl import TabularClassifier, TabularRegressor, to_onnx

onnxruntime = pytest.importorskip("onnxruntime")
SMALL = {"hidden_layer_sizes": 8, "epochs": 3, "n_members": 2, "random_state": 0}
N = 120


def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({
        "age": rng.integers(18, 80, N),
        "income": rng.normal(3e4, 1e4, N),
        "city": rng.choice(np.array(["Bern", "Graz", None], object), N),
        "code": rng.choice([7.0, 9.0, np.nan], N),
        "shop": rng.integers(0, 4, N),
        "name": [f"n{i % 90}" for i in range(N)],
        "member": rng.random(N) > 0.5,
    })  # fmt: skip
    X.loc[::9, "income"] = np.nan
    return X, np.where(X["age"] > 40, "old", "young")


def run(model, X):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feeds = {}
    for name, column in X.items():
        text = column.dtype.kind not in "biuf"
        values = column.astype(object).where(column.notna(), "") if text else column
        feeds[name] = values.to_numpy()[:, None]
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True))


def test_classes_with_unknown_values_and_new_gaps():
    X, y = table()
    net = TabularClassifier(**SMALL, categorical_features=["code", "shop"]).fit(X, y)
    model = to_onnx(net, X)
    later = X.head(4).assign(
        city=["Rome", "Bern", "", None], code=[1.0, np.nan, 7, 9], shop=[9, 0, 1, 2],
        name=["n1", "n89", "new", "n40"],
    )  # fmt: skip
    later["city"] = later["city"].astype(object)
    found = run(model, later)
    expected = net.predict_proba(later.replace({"city": {"": None}}))
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
    assert found["label"].tolist() == net.predict(later).tolist()


def test_values():
    X, _ = table()
    net = TabularRegressor(**SMALL).fit(X.drop(columns="income"), X["income"].fillna(1e6))
    found = run(to_onnx(net, X.drop(columns="income")), X.drop(columns="income"))
    expected = net.predict(X.drop(columns="income"))
    np.testing.assert_allclose(
        found["variable"][:, 0], expected, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_arrays(kind):
    X = np.random.default_rng(0).normal(size=(N, 3)).astype("float32")
    y = {"binary": X[:, 0] > 0, "multiclass": np.digitize(X[:, 0], [-0.5, 0.5]),
         "multilabel": (X > 0).astype(int)}[kind]  # fmt: skip
    to_onnx(TabularClassifier(**SMALL).fit(X, y), X)  # compares them


def test_texts_alone():
    X = pd.DataFrame({"a": ["x", "y", None] * 20, "b": ["u", "v", "w"] * 20}, dtype=object)
    to_onnx(TabularClassifier(**SMALL).fit(X, [0, 1, 1] * 20), X)


@pytest.mark.slow
def test_what_cannot_be_converted_is_named():
    X, y = table()
    dates = X.assign(since="2020-01-31")
    net = TabularClassifier(**SMALL).fit(dates, y)
    with pytest.raises(ValueError, match=r"'since', which holds dates.*numbers before fit"):
        to_onnx(net, dates)
    both = X.assign(city=["", "a", None, "b"] * 30)
    net = TabularClassifier(**SMALL).fit(both, y)
    with pytest.raises(ValueError, match=r"'city': missing values are empty texts"):
        to_onnx(net, both)
