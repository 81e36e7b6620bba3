"""ONNX models give what the estimators predict, computed by ONNX Runtime."""

import copy
import pickle
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from onnx_networks import (
    UNITS,
    GivenClassifier,
    GivenRegressor,
    activations,
    activations_network,
    branches_network,
    randomized,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    ImageReshaper,
    OneHotTextVectorizer,
    PretrainedFeatureClassifier,
    TextBoWClassifier,
    build_convnet,
    to_onnx,
)
from skdl._networks.keras import keras

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

NAMES = np.array(["first", "the second", "dritter"])
QUICK = {"hidden_layer_sizes": 8, "epochs": 2, "learning_rate": 0.05, "random_state": 0}
QUICK_CONV = {"filters": (4, 6), "hidden_layer_sizes": 8, "epochs": 1, "random_state": 0}


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


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize(
    "targets",
    [
        lambda y: y,
        lambda y: NAMES[y],
        lambda y: pd.Series(NAMES[y], dtype="category"),
        lambda y: NAMES[(y > 1) * 1],
        lambda y: y * 2.0 - 1,
        lambda y: y > 0,
        lambda y: np.column_stack([y > 0, y != 1, y == 2]).astype(int),
    ],
    ids=["integers", "strings", "category", "binary", "floats", "booleans", "multilabel"],
)
def test_dense_classifier(iris, targets, dtype):
    X, y = iris[0].astype(dtype), targets(iris[1])
    net = DenseClassifier(**QUICK).fit(X, y)
    found = assert_same_classes(to_onnx(net, X), net, X)
    kind = np.asarray(net.predict(X)).dtype.kind
    assert found["label"].dtype.kind == ("O" if kind == "U" else kind)


def test_reference_is_keras_itself(iris):
    X, y = iris
    net = make_pipeline(
        StandardScaler(), DenseClassifier((8, 8), batch_normalization=True, dropout=0.3, epochs=2)
    ).fit(X, NAMES[y])
    scaled = ((X - X.mean(0)) / X.std(0)).astype("float32")
    outputs = net[-1].model_.predict(scaled, verbose=0)
    found = run(to_onnx(net, X), X)
    np.testing.assert_allclose(found["probabilities"], outputs, atol=1e-5)
    assert (found["label"] == np.sort(NAMES)[outputs.argmax(1)]).all()


@pytest.mark.parametrize("n_outputs", [None, 1, 3])
def test_regressor_gives_columns(diabetes, n_outputs):
    X, y = diabetes
    y = y if n_outputs is None else np.stack([y, -y, 2 * y][:n_outputs], axis=1)
    net = DenseRegressor(**QUICK).fit(X, y)
    found = run(to_onnx(net, X), X)
    assert list(found) == ["variable"]
    assert found["variable"].dtype == np.float64
    assert found["variable"].shape == (len(X), n_outputs or 1)
    expected = net.predict(X).reshape(len(X), -1)
    np.testing.assert_allclose(found["variable"], expected, rtol=1e-5, atol=1e-5)


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
    X.loc[::5, "city"] = None
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


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("float32", (64,)),
        ("float64", (64,)),
        ("uint8", (64,)),
        ("float32", (8, 8)),
        ("uint8", (8, 8, 1)),
        ("uint16", (8, 8, 1)),
    ],
)
def test_images(digits, dtype, shape):
    X, y = digits
    scale = {"uint8": 15, "uint16": 4000}.get(dtype, 1)
    X, y = (X * 16 * scale).astype(dtype).reshape(-1, *shape)[:200], y[:200]
    net = ConvNetClassifier(**QUICK_CONV).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)
    pipeline = make_pipeline(ImageReshaper(), net).fit(X, y)
    found = assert_same_classes(to_onnx(pipeline, X), pipeline, X)
    images = X.reshape(-1, 8, 8, 1).astype("float32") * pipeline[0].scale_
    outputs = pipeline[-1].model_.predict(images, verbose=0)
    np.testing.assert_allclose(found["probabilities"], outputs, atol=1e-5)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_convolutions_of_any_geometry(data):
    """Slow: builds, converts and runs a network for each example."""
    sizes, n_layers = st.integers(1, 3), data.draw(st.integers(1, 2))
    # Of one channel, TensorFlow 2.21 on CPUs makes random numbers for strides (1, n) that leave
    # maps of one column, with oneDNN; NumPy says that ONNX Runtime is right.
    channels = st.integers(2, 3)
    shape = (data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)), data.draw(channels))
    strides = [data.draw(st.tuples(sizes, sizes)) for _ in range(n_layers)]
    try:
        network = build_convnet(
            shape,
            3,
            "softmax",
            filters=[data.draw(channels) for _ in range(n_layers)],
            kernel_size=[data.draw(st.tuples(sizes, st.integers(1, 4))) for _ in range(n_layers)],
            strides=strides,
            padding=[data.draw(st.sampled_from(["same", "valid"])) for _ in range(n_layers)],
            dilation_rate=[
                data.draw(st.tuples(sizes, sizes)) if max(pair) == 1 else 1 for pair in strides
            ],
            pool_size=[data.draw(st.none() | sizes) for _ in range(n_layers)],
            batch_normalization=data.draw(st.booleans()),
            hidden_layer_sizes=(),
        )
    except ValueError:  # nothing is left of the image
        assume(False)
    X = np.random.default_rng(0).random((6, *shape)).astype("float32")
    net = GivenClassifier(randomized(network))
    net.image_shape = shape  # or images of few pixels would be warned of
    net.fit(X, np.arange(6) % 3)
    assert_same_classes(to_onnx(net, X, tolerance=None), net, X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation(dtype):
    names = activations()
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 2)), [[0, 0], [5, 5], [-9, 9], [30, -30]]])
    y = np.zeros((len(X), UNITS * len(names)))
    net = GivenRegressor(activations_network(2, dtype), dtype).fit(X, y)
    # Not compared by `to_onnx` itself, where exp of 50 would make all differences small.
    found = run(to_onnx(net, X, tolerance=None), X)["variable"]
    expected = net.model_.predict(X.astype(dtype), verbose=0)
    for i, name in enumerate(names):
        block = np.s_[:, UNITS * i : UNITS * (i + 1)]
        np.testing.assert_allclose(
            found[block], expected[block], rtol=2e-6, atol=2e-6, err_msg=name
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_graph_of_many_layers(digits, dtype):
    X, y = digits[0][:100, :56].reshape(-1, 7, 8), digits[1][:100]
    net = GivenClassifier(branches_network((7, 8, 1), 10, dtype), dtype).fit(X, y)
    found = assert_same_classes(to_onnx(net, X), net, X)
    outputs = net.model_.predict(X[..., None].astype(dtype), verbose=0)
    np.testing.assert_allclose(found["probabilities"], outputs, atol=1e-5)
    assert np.ptp(outputs, axis=0).max() > 0.05


def test_pretrained_backbones(digits):
    """Grey digits, shrunk and repeated in three channels for another network."""
    backbone = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.SeparableConv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0),
        ]
    )
    X, y = (digits[0][:100] * 255).astype("uint8").reshape(-1, 8, 8), digits[1][:100]
    arguments = {"weights": None, "preprocess": "ResNet50", "epochs": 1, "random_state": 0}
    net = PretrainedFeatureClassifier(backbone, hidden_layer_sizes=8, **arguments).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)


def test_augmentation_is_not_active(digits):
    X, y = digits[0][:100], digits[1][:100]
    augmentation = {"flip": "horizontal", "rotation": 0.1, "translation": 0.1, "shear": 0.1}
    net = ConvNetClassifier(**QUICK_CONV, augmentation=augmentation | {"zoom": 0.1}).fit(X, y)
    assert_same_classes(to_onnx(net, X), net, X)


def test_float64_networks(iris):
    X, y = iris
    net = DenseClassifier(**QUICK, dtype="float64").fit(X, y)
    found = run(to_onnx(net, X), X)
    assert found["probabilities"].dtype == np.float64
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-14)


def test_bfloat16_needs_a_tolerance(iris):
    X, y = iris
    net = DenseClassifier(**QUICK, dtype="mixed_bfloat16").fit(X, y)
    with pytest.raises(ValueError, match=r"differs from predict_proba by .*bfloat16.*tolerance"):
        to_onnx(net, X)
    found = run(to_onnx(net, X, tolerance=0.05), X)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=0.05)


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


def test_networks_of_real_data(mnist_5k, boston):
    X, y = mnist_5k
    net = ConvNetClassifier(8, hidden_layer_sizes=16, epochs=1).fit(X[::10], y[::10])
    assert_same_classes(to_onnx(net, X), net, X[1::50])
    X, y = boston
    net = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), DenseRegressor(16, epochs=5)), transformer=StandardScaler()
    ).fit(X, y)
    values = run(to_onnx(net, X), X)["variable"][:, 0]
    np.testing.assert_allclose(values, net.predict(X), rtol=1e-4)


@pytest.mark.parametrize("opset", [15, 18, 22])
def test_target_opset(digits, opset):
    X, y = digits[0][:50], digits[1][:50]
    net = make_pipeline(MinMaxScaler(), ConvNetClassifier(**QUICK_CONV, padding="same")).fit(X, y)
    model = to_onnx(net, X, target_opset=opset)
    assert {o.domain: o.version for o in model.opset_import}[""] == opset
    assert_same_classes(model, net, X)


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
