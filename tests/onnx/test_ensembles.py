"""ONNX models of networks inside scikit-learn's ensembles, also by skl2onnx's own functions."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skdl import DenseClassifier, DenseRegressor, register_onnx_converters, to_onnx

pytest.importorskip("onnx")
skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

QUICK = {"hidden_layer_sizes": 4, "epochs": 1, "random_state": 0}

# In a process in which nothing was converted before: `to_onnx` compares what it made with
# predict_proba itself.
FRESH = """
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl

X, y = load_iris(return_X_y=True)
net = skdl.DenseClassifier(4, epochs=1, random_state=0)
linear = LogisticRegression(max_iter=1000)
both = [("net", make_pipeline(StandardScaler(), net)), ("linear", linear)]
ensembles = [
    CalibratedClassifierCV(net, cv=2),
    BaggingClassifier(net, n_estimators=2, max_features=0.5, random_state=0),
    StackingClassifier(both, cv=2),
    VotingClassifier(both, voting="soft"),
    VotingClassifier(both),
    OneVsRestClassifier(net),
    MultiOutputClassifier(net),
    make_pipeline(StandardScaler(), GridSearchCV(net, {"l2": [0.1]}, cv=2)),
]
for ensemble in ensembles:
    several = isinstance(ensemble, MultiOutputClassifier)
    ensemble.fit(X, np.column_stack([y > 0, y > 1]).astype(int) if several else y)
    for given in (X, X.astype("float32")):
        skdl.to_onnx(ensemble, given, tolerance=2e-5)
    print(type(ensemble).__name__)
"""


@pytest.mark.slow
def test_ensembles_in_a_fresh_process():
    done = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 8


def test_networks_in_ensembles(iris):
    """Whose dtypes skl2onnx decides by that of X; `to_onnx` compares with the predictions."""
    X, y = iris
    net = make_pipeline(StandardScaler(), DenseClassifier(**QUICK))
    labels = np.array(["first", "the second", "third"])[y]
    voting = VotingClassifier(
        [("net", net), ("linear", LogisticRegression(max_iter=1000))], voting="soft"
    )
    for ensemble in (CalibratedClassifierCV(net[-1], cv=2), voting):
        ensemble.fit(X, labels)
        for given in (X, X.astype("float32")):
            model = to_onnx(ensemble, given, tolerance=2e-5)
            session = onnxruntime.InferenceSession(model.SerializeToString())
            label, _ = session.run(None, {"X": given})
            assert (label == ensemble.predict(given)).mean() > 0.95
    assert voting.flatten_transform  # left as it is


@pytest.mark.parametrize("ensemble", [BaggingRegressor, StackingRegressor])
def test_regressors_in_ensembles(diabetes, ensemble):
    X, y = diabetes
    net = DenseRegressor(**QUICK)
    if ensemble is BaggingRegressor:
        ensemble = BaggingRegressor(net, n_estimators=2, random_state=0)
    else:
        ensemble = StackingRegressor([("net", net), ("linear", Ridge())], cv=2)
    for given in (X, X.astype("float32")):
        to_onnx(ensemble.fit(X, y), given, tolerance=1e-4)


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(max_iter=1000), DenseClassifier(**QUICK)]
)
def test_several_outputs(iris, classifier):
    X, y = iris
    several = MultiOutputClassifier(classifier).fit(X, np.column_stack([y > 0, y]).astype(int))
    session = onnxruntime.InferenceSession(to_onnx(several, X).SerializeToString())
    label, probabilities = session.run(None, {"X": X})
    np.testing.assert_array_equal(label, several.predict(X))
    for found, expected in zip(probabilities, several.predict_proba(X), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_skl2onnx_itself_takes_networks(iris):
    class Derived(DenseClassifier):
        pass

    X, y = iris
    pipeline = make_pipeline(StandardScaler(), Derived(**QUICK)).fit(X, y)
    register_onnx_converters()
    model = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    label, probabilities = session.run(None, {"X": X})
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(label, pipeline.predict(X))


@pytest.mark.parametrize("encoder", [OneHotEncoder(sparse_output=False), OrdinalEncoder()])
def test_missing_category_is_named(encoder):
    table = pd.DataFrame({"size": np.arange(40.0), "fuel": ["gas", None, "oil", "oil"] * 10})
    table["fuel"] = table["fuel"].astype(object).where(table["fuel"].notna(), None)
    columns = ColumnTransformer([("words", encoder, ["fuel"])], remainder="passthrough")
    net = make_pipeline(columns, DenseClassifier(**QUICK)).fit(table, np.arange(40) % 2)
    with pytest.raises(ValueError, match=r"category None.*'fuel'.*missing_values=None"):
        to_onnx(net, table)
    voting = VotingClassifier([("net", net), ("same", net)]).fit(table, np.arange(40) % 2)
    with pytest.raises(ValueError, match="category None"):
        to_onnx(voting, table)
