"""What cannot be an ONNX model is named, and nothing is changed by the conversion."""

import copy
import pickle
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from onnx_networks import (
    GivenClassifier,
)
from onnx_runs import QUICK, columns, run, table
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)

from skdl import (
    DenseClassifier,
    to_onnx,
)
from skdl._networks.keras import keras

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("opset", [14, 99, "18", None, 18.0])
def test_target_opset_out_of_range(iris, opset):
    net = DenseClassifier(**QUICK).fit(*iris)
    with pytest.raises(ValueError, match="target_opset must be an integer from 15 to"):
        to_onnx(net, iris[0], target_opset=opset)


@pytest.mark.parametrize("tolerance", [-1, "1e-5", np.nan])
def test_tolerance_out_of_range(iris, tolerance):
    net = DenseClassifier(**QUICK).fit(*iris)
    with pytest.raises(ValueError, match="tolerance must be at least 0, or None"):
        to_onnx(net, iris[0], tolerance=tolerance)


class Normalization(keras.layers.Dense):
    """A layer derived from one that is supported."""


@pytest.mark.parametrize(
    "layer", [partial(keras.layers.Lambda, lambda x: x), partial(Normalization, 4)]
)
def test_unsupported_layer_is_named(iris, layer):
    layers = [keras.Input([4]), layer(name="norm"), keras.layers.Dense(3, "softmax")]
    net = GivenClassifier(keras.Sequential(layers))
    net.image_shape = (2, 2, 1)  # or four columns would be warned of
    net.fit(*iris)
    with pytest.raises(ValueError, match=r"layer 'norm', of class (Lambda|Normalization)"):
        to_onnx(net, iris[0])


@pytest.mark.parametrize(
    ("activation", "name"),
    [(lambda x: x, "<lambda>"), ("sparsemax", "sparsemax"), (partial(abs), "abs")],
)
def test_unsupported_activation_is_named(iris, activation, name):
    net = DenseClassifier(4, activation=activation, epochs=1).fit(*iris)
    with pytest.raises(ValueError, match=f"activation .*{name}.* of layer 'hidden_1'"):
        to_onnx(net, iris[0])


def test_unsupported_step_is_named(iris):
    X, y = iris
    net = DenseClassifier(**QUICK).fit(X, y)
    step = FunctionTransformer(lambda X: X)
    with pytest.raises(ValueError, match=r"FunctionTransformer\(func=<function"):
        to_onnx(make_pipeline(step, net).fit(X, y), X)
    with pytest.raises(ValueError, match="cannot convert SplineTransformer"):
        to_onnx(make_pipeline(SplineTransformer(), net).fit(X, y), X)
    # skl2onnx's own converter writes a model that the checker refuses.
    with pytest.raises(ValueError, match="of which it converts PolynomialFeatures"):
        to_onnx(make_pipeline(PolynomialFeatures(), net).fit(X, y), X)
    with pytest.raises(ValueError, match=r"SimpleImputer\(add_indicator=True\)"):
        to_onnx(make_pipeline(SimpleImputer(add_indicator=True), net).fit(X, y), X)


def test_data_that_cannot_be_an_input(iris):
    X, y = iris
    net = DenseClassifier(**QUICK)
    frame = pd.DataFrame(X, columns=["a", "b", "label", "d"])
    with pytest.raises(ValueError, match=r"Rename them"):
        to_onnx(net.fit(frame, y), frame)
    dates = table().assign(day=pd.Timestamp("2020-01-01"))
    pipeline = make_pipeline(columns(), net).fit(dates, dates["open"])
    with pytest.raises(ValueError, match=r"Column 'day' of X.*neither numbers nor strings"):
        to_onnx(pipeline, dates)
    pipeline = make_pipeline(OneHotEncoder(), net).fit(
        np.array([["a", 1], ["b", 2]], object), [0, 1]
    )
    with pytest.raises(ValueError, match="as a DataFrame"):
        to_onnx(pipeline, np.array([["a", 1], ["b", 2]], object))
    with pytest.raises(NotFittedError):
        to_onnx(DenseClassifier(), X)


def test_missing_package_is_named(iris, monkeypatch):
    net = DenseClassifier(**QUICK).fit(*iris)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"needs onnxruntime.*skdl\[onnx\]"):
        to_onnx(net, iris[0])
    to_onnx(net, iris[0], tolerance=None)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match="needs skl2onnx"):
        to_onnx(net, iris[0], tolerance=None)


def test_nothing_is_changed(iris):
    """Neither the estimator nor the data, nor what skl2onnx makes of others."""
    import skl2onnx

    X, y = iris
    scaler = StandardScaler().fit(X)
    narrow = X.astype("float32")
    before = skl2onnx.to_onnx(scaler, narrow).SerializeToString()
    net = make_pipeline(StandardScaler(), DenseClassifier(**QUICK)).fit(X, y)
    copied, proba = copy.deepcopy(net), net.predict_proba(X)
    kept = X.copy()
    first, second = to_onnx(net, X), to_onnx(copied, X)
    assert first.SerializeToString() == second.SerializeToString()
    assert (kept == X).all()
    assert skl2onnx.to_onnx(scaler, narrow).SerializeToString() == before
    assert (net.predict_proba(X) == proba).all()
    assert (pickle.loads(pickle.dumps(net)).predict_proba(X) == proba).all()


def test_other_estimators_beside_networks(iris):
    """A classifier of scikit-learn, and skl2onnx itself once a network was converted."""
    import skl2onnx

    X, y = iris
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    found = run(to_onnx(pipeline, X), X)
    np.testing.assert_allclose(found["probabilities"], pipeline.predict_proba(X), atol=1e-5)
    net = DenseClassifier(**QUICK).fit(X, y)
    to_onnx(net, X)
    found = run(skl2onnx.to_onnx(net, X, target_opset=18), X)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-5)
