"""ONNX models of whole pipelines: scalers, columns of tables, texts, searches."""

import numpy as np
import pandas as pd
import pytest
from onnx_runs import NAMES, QUICK, assert_same_classes, columns, run, table
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from skdl import (
    DenseClassifier,
    DenseRegressor,
    OneHotTextVectorizer,
    TextBoWClassifier,
    to_onnx,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.filterwarnings("ignore::skdl.exceptions.UnscaledDataWarning")  # not all centre
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0, 1e6])
@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler(),
        MinMaxScaler((-1, 2), clip=True),
        RobustScaler(),
        MaxAbsScaler(clip=True),
    ],
    ids=repr,
)
def test_scalers_round_as_scikit_learn(iris, scaler, offset, dtype):
    X, y = iris
    pipeline = make_pipeline(scaler, DenseClassifier(**QUICK)).fit(X[::2] + offset, y[::2])
    X = (X + offset).astype(dtype)
    assert_same_classes(to_onnx(pipeline, X), pipeline, X)


@pytest.mark.parametrize("step", [PCA(2), FunctionTransformer(np.log1p), FunctionTransformer()])
def test_other_steps(iris, step):
    X, y = iris
    union = FeatureUnion([("scaled", StandardScaler()), ("step", step)])
    pipeline = make_pipeline("passthrough", union, None, DenseClassifier(**QUICK)).fit(X, y)
    assert_same_classes(to_onnx(pipeline, X), pipeline, X)


def test_float32_of_large_columns_differs_from_float64(iris):
    """What the guide says: float32 holds no tenths of 1e6, so the values given are others."""
    X, y = iris[0] + 1e6, iris[1]
    net = make_pipeline(StandardScaler(), DenseClassifier(**QUICK)).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)
    narrow = X.astype("float32")
    found = run(to_onnx(net, narrow), narrow)
    assert np.abs(found["probabilities"] - net.predict_proba(X)).max() > 1e-3


def test_columns_of_a_table_are_inputs():
    X = table()
    y = (X["age"] > 40).to_numpy() + 2 * (X["city"] == "rome").to_numpy()
    pipeline = make_pipeline(columns(), DenseClassifier(**QUICK)).fit(X, y)
    model = to_onnx(pipeline, X)
    assert [info.name for info in model.graph.input] == list(X)
    seen = X.assign(kind=X["kind"].astype(object))
    assert_same_classes(model, pipeline, seen)
    unknown = seen.assign(city="atlantis")
    assert_same_classes(model, pipeline, unknown)


def test_table_straight_into_a_network():
    X = table()[["small", "age", "open"]]
    net = DenseClassifier(**QUICK).fit(X, X["open"].astype(int))
    assert_same_classes(to_onnx(net, X), net, X)


def test_missing_values():
    X = table()
    X.loc[::7, "length (cm)"] = np.nan
    X.loc[::5, "city"] = np.nan
    X["age"] = X["age"].astype("Int64")
    X.loc[3::9, "age"] = pd.NA
    y = X["open"].astype(int)
    most_frequent = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    steps = [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["length (cm)", "age"]),
        ("texts", most_frequent, ["city", "kind"]),
        ("codes", SimpleImputer(missing_values=9, strategy="constant"), ["2nd grade"]),
    ]
    pipeline = make_pipeline(ColumnTransformer(steps), DenseClassifier(**QUICK)).fit(X, y)
    model = to_onnx(pipeline, X)
    feeds = X.assign(
        age=X["age"].astype("float64"), city=X["city"].fillna(""), kind=X["kind"].astype(object)
    ).astype({"city": object})
    found = run(model, feeds)
    np.testing.assert_allclose(found["probabilities"], pipeline.predict_proba(X), atol=1e-5)


def test_columns_by_position(iris):
    X, y = iris
    steps = [("a", MinMaxScaler(), slice(0, 2)), ("b", "passthrough", [3]), ("c", "drop", [2])]
    pipeline = make_pipeline(ColumnTransformer(steps), DenseClassifier(**QUICK)).fit(X, y)
    assert_same_classes(to_onnx(pipeline, X), pipeline, X)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_text_from_the_matrix(dtype):
    texts = ["a fine film", "what a bad plot", "bad, bad film", "fine actors, fine plot"] * 5
    y = ["good", "bad", "bad", "good"] * 5
    matrix = OneHotTextVectorizer().fit_transform(texts).astype(dtype)
    net = TextBoWClassifier(epochs=2, random_state=0).fit(matrix, y)
    assert_same_classes(to_onnx(net, matrix), net, matrix)
    dense = matrix.toarray()
    assert_same_classes(to_onnx(net, dense), net, dense)


def test_text_network_that_learned_the_words_itself():
    texts, y = ["a fine film", "what a bad plot", "bad, bad film", "fine actors"], [0, 1, 1, 0]
    net = TextBoWClassifier(epochs=2, random_state=0).fit(texts, y)
    matrix = net.vectorizer_.transform(texts)
    found = run(to_onnx(net, matrix), matrix)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(texts), atol=1e-5)
    with pytest.raises(ValueError, match=r"vectorizer_\.transform"):
        to_onnx(net, texts)
    pipeline = make_pipeline(OneHotTextVectorizer(), net).fit(texts, y)
    with pytest.raises(ValueError, match=r"OneHotTextVectorizer.*pipeline\[1:\]"):
        to_onnx(pipeline, matrix)
    assert_same_classes(to_onnx(pipeline[1:], matrix), net, matrix)


def test_searches_give_their_best(iris):
    X, y = iris
    grid = {"denseclassifier__hidden_layer_sizes": [(), 8]}
    pipeline = make_pipeline(StandardScaler(), DenseClassifier(**QUICK))
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, NAMES[y])
    assert_same_classes(to_onnx(search, X), search, X)
    inner = RandomizedSearchCV(DenseClassifier(**QUICK), {"epochs": [2]}, n_iter=1, cv=2)
    nested = make_pipeline(StandardScaler(), inner).fit(X, y)
    assert_same_classes(to_onnx(nested, X), nested, X)
    with pytest.raises(ValueError, match="refit=True"):
        to_onnx(GridSearchCV(pipeline, grid, cv=2, refit=False).fit(X, y), X)


@pytest.mark.parametrize(
    "way_back",
    [
        {"transformer": StandardScaler()},
        {"transformer": MinMaxScaler()},
        {"transformer": RobustScaler(with_centering=False)},
        {"transformer": MaxAbsScaler()},
        {"func": np.log1p, "inverse_func": np.expm1},
        {"func": np.sqrt, "inverse_func": np.square},
        {},
    ],
    ids=str,
)
def test_transformed_targets(diabetes, way_back):
    X, y = diabetes[0], 100 + 10 * diabetes[1]
    inner = make_pipeline(StandardScaler(), DenseRegressor(**QUICK))
    net = TransformedTargetRegressor(inner, **way_back).fit(X, y)
    found = run(to_onnx(net, X), X)
    assert list(found) == ["variable"]
    np.testing.assert_allclose(found["variable"][:, 0], net.predict(X), rtol=1e-4)


def test_inverse_that_is_unknown_is_named(diabetes):
    X, y = diabetes
    net = TransformedTargetRegressor(DenseRegressor(**QUICK), transformer=PowerTransformer())
    with pytest.raises(ValueError, match="inverse of PowerTransformer"):
        to_onnx(net.fit(X, y), X)
    net = TransformedTargetRegressor(
        DenseRegressor(**QUICK), func=np.cbrt, inverse_func=lambda values: values**3
    )
    with pytest.raises(ValueError, match="inverse_func=<function"):
        to_onnx(net.fit(X, y), X)
