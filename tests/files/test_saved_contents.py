"""What saved files hold: compositions, tables, models, requests, arrays of all kinds."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import scipy.stats
from backbones import tiny
from forged_files import forged, members_of, refused
from numpy.testing import assert_array_equal
from saved_estimators import NETWORKS, TRUSTED, data, made, net, outputs, round_trip
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import skdl

SLOW = {"grid", "halving"}


def compositions():
    scaled = make_pipeline(StandardScaler(), net())
    grid = {
        "denseclassifier__optimizer": ["sgd", keras.optimizers.Adam(0.01)],
        "denseclassifier__hidden_layer_sizes": [(4,), (3, 3)],
        "standardscaler__with_mean": [True, False],
    }
    folds = StratifiedKFold(2, shuffle=True, random_state=np.random.RandomState(0))
    yield "pipeline", scaled
    yield "grid", GridSearchCV(scaled, grid, cv=folds, scoring=["accuracy", "roc_auc_ovr"],
                               refit="accuracy")  # fmt: skip
    yield "random", RandomizedSearchCV(
        net(), {"learning_rate": scipy.stats.loguniform(1e-3, 1e-1), "epochs": range(1, 3)},
        n_iter=2, random_state=0, cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=1),
    )  # fmt: skip
    yield (
        "halving",
        HalvingGridSearchCV(
            net(), {"dropout": [0.0, 0.5]}, resource="epochs", max_resources=4, cv=2, random_state=0
        ),
    )
    yield (
        "union",
        make_pipeline(
            make_union(StandardScaler(), SelectKBest(f_classif, k=2), FunctionTransformer(np.tanh)),
            net(),
        ),
    )
    yield "calibrated", CalibratedClassifierCV(net(), cv=2)
    yield "bagging", BaggingClassifier(net(), 2, max_features=0.5, random_state=0)
    yield "voting", VotingClassifier([("a", net()), ("b", LogisticRegression())], voting="soft")
    yield "stacking", StackingClassifier([("net", net())], LogisticRegression(), cv=2)


@pytest.mark.parametrize(
    ("name", "estimator"),
    [pytest.param(*case, marks=[pytest.mark.slow] * (case[0] in SLOW)) for case in compositions()],
    ids=lambda value: str(value)[:9],
)
def test_compositions(name, estimator, tmp_path):
    X, y = data(estimator)
    X = X.astype(np.float64)
    estimator.fit(X, y)
    loaded = round_trip(estimator, tmp_path)
    assert_array_equal(outputs(loaded, X), outputs(estimator, X))
    for attribute, value in getattr(estimator, "cv_results_", {}).items():
        if not attribute.startswith("param"):
            assert_array_equal(loaded.cv_results_[attribute], value)
    if hasattr(estimator, "best_params_"):
        assert loaded.best_score_ == estimator.best_score_
        assert (
            repr(loaded.best_params_).split("0x")[0] == repr(estimator.best_params_).split("0x")[0]
        )
        masked = [v for k, v in loaded.cv_results_.items() if k.startswith("param_")]
        assert all(isinstance(values, np.ma.MaskedArray) for values in masked)
        assert hasattr(loaded.fit(X, y), "best_score_")


def test_tables_and_texts_and_values(tmp_path):
    X, y = data(net())
    table = pd.DataFrame(X[:, :3], columns=["p", "q", "r"])
    table["kind"] = pd.Categorical(np.array(["u", "v"])[np.arange(60) % 2])
    columns = make_column_transformer(
        (StandardScaler(), ["p", "q"]),
        (OneHotEncoder(), make_column_selector(dtype_include="category")),
        remainder="passthrough",
    )
    by_table = make_pipeline(columns, net()).fit(table, y)
    loaded = round_trip(by_table, tmp_path)
    assert_array_equal(outputs(loaded, table), outputs(by_table, table))
    assert list(loaded.feature_names_in_) == ["p", "q", "r", "kind"]
    with pytest.raises(ValueError, match="columns are missing"):
        loaded.predict(table.rename(columns={"p": "x"}))
    texts = [f"{label} word{i} end" for i, label in enumerate(y)]
    for by_words in (
        make_pipeline(TfidfVectorizer(max_features=50), net()),
        skdl.TextBoWClassifier(40, epochs=1, random_state=0, stop_words=["end"]),
    ):
        by_words.fit(texts, y)
        assert_array_equal(outputs(round_trip(by_words, tmp_path), texts), outputs(by_words, texts))
    values = TransformedTargetRegressor(
        skdl.DenseRegressor(epochs=1, random_state=0), func=np.log1p, inverse_func=np.expm1
    ).fit(X, np.arange(60.0))
    assert_array_equal(outputs(round_trip(values, tmp_path), X), outputs(values, X))


def test_a_keras_model_as_parameter_keeps_its_weights(tmp_path):
    model = tiny((4, 4, 1))
    extractor = skdl.PretrainedFeatureExtractor(model, image_shape=(4, 4))
    loaded = round_trip(extractor, tmp_path)
    for ours, theirs in zip(loaded.backbone.get_weights(), model.get_weights(), strict=True):
        assert_array_equal(ours, theirs)
    X, _ = data(extractor)
    assert_array_equal(outputs(loaded.fit(X), X), outputs(extractor.fit(X), X))


def test_a_model_that_was_adapted_computes_the_same(tmp_path):
    """What a Normalization has learned is in variables, but it computes with constants."""
    images = np.random.default_rng(0).normal(3, 2, size=(20, 4, 4, 1))
    normalization = keras.layers.Normalization()
    normalization.adapt(images)
    model = keras.Sequential([keras.Input((4, 4, 1)), normalization, keras.layers.Flatten()])
    extractor = skdl.PretrainedFeatureExtractor(model, image_shape=(4, 4))
    loaded = round_trip(extractor, tmp_path)
    assert_array_equal(loaded.backbone(images), model(images))


def is_owned(request, by):
    """Tell whether requests know whose they are; before scikit-learn 1.9, by name alone."""
    return request.owner is by or request.owner == type(by).__name__


def test_metadata_requests(tmp_path):
    """They know their estimator, which holds them: what is written is what is asked for."""
    X, y = data(net())
    with config_context(enable_metadata_routing=True):
        for name in NETWORKS:
            estimator = made(name).set_fit_request(sample_weight="w", X_val=True, y_val=False)
            loaded = round_trip(estimator, tmp_path, **TRUSTED)
            asked = loaded.get_metadata_routing().fit.requests
            assert asked == estimator.get_metadata_routing().fit.requests
            assert asked["sample_weight"] == "w"
            assert is_owned(loaded.get_metadata_routing(), loaded)
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            net().set_fit_request(X_val=True, y_val=True, sample_weight=True),
            transform_input=["X_val"],
        )
        search = GridSearchCV(
            pipeline, {}, cv=2, scoring=make_scorer(balanced_accuracy_score)
            .set_score_request(sample_weight=True)
        )  # fmt: skip
        given = {"X_val": X[:20], "y_val": y[:20]}
        pipeline.fit(X, y, **given)
        loaded = round_trip(pipeline, tmp_path)
        assert_array_equal(outputs(loaded.fit(X, y, **given), X), outputs(pipeline, X))
        assert "val_loss" in loaded[-1].history_
        loaded = round_trip(search, tmp_path)
        assert is_owned(loaded.scoring._metadata_request, loaded.scoring)
        assert loaded.fit(X, y, sample_weight=np.ones(60), **given).best_score_ >= 0


@pytest.mark.parametrize(
    "requests", [{"loud": {"X": True}}, {"fit": {"X": 3}}, {"fit": {"": "1 2"}}]
)
def test_other_metadata_requests_are_refused(requests, tmp_path):
    with config_context(enable_metadata_routing=True):
        skdl.save(StandardScaler().set_fit_request(sample_weight=True), tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    assert about["parts"][0]["methods"]["fit"] == {"sample_weight": True}
    about["parts"][0]["methods"] = requests
    refused(forged(tmp_path / "changed.skdl", about, tree, arrays), "request|param|alias|dict")


def test_known_functions_with_some_arguments_given(tmp_path):
    losses, metrics = keras.losses, keras.metrics
    estimator = net(
        loss=partial(losses.sparse_categorical_crossentropy, ignore_class=7),
        metrics=[partial(metrics.sparse_top_k_categorical_accuracy, k=2)],
    )
    X, y = data(estimator)
    loaded = round_trip(estimator.fit(X, y), tmp_path)
    assert loaded.loss.keywords == {"ignore_class": 7}
    assert_array_equal(outputs(loaded, X), outputs(estimator, X))
    assert_array_equal(outputs(loaded.fit(X, y), X), outputs(estimator, X))


def test_arrays_of_all_kinds(tmp_path):
    rng = np.random.default_rng(0)
    csr = sp.random(5, 4, 0.5, "csr", random_state=0)
    values = {
        "c": rng.normal(size=(3, 4)),
        "f": np.asfortranarray(rng.normal(size=(3, 4))),
        "strided": rng.normal(size=(6, 4))[::2, 1:],
        "empty": np.empty((0, 3), np.int8),
        "scalar": np.array(3.5),
        "texts": np.array(["a", "bcd", "\u00e9"]),
        "dates": np.array(["2020-01-01", "NaT"], "M8[D]"),
        "records": np.array([(1, 2.0)], [("a", "<i4"), ("b", "<f8")]),
        "complex": np.array([1 + 2j]),
        "bool": np.array([True, False]),
        "objects": np.array([[1, "a"], [None, (1, 2)]], dtype=object),
        "masked": np.ma.MaskedArray([1.0, 2.0], [True, False]),
        "float32": np.float32(0.1),
        "int64": np.int64(2**60),
        "csr": csr,
        "csc": csr.tocsc(),
        "coo_array": sp.coo_array(csr),
        "dtype": np.dtype("float32"),
        "bytes": b"\x00\xff",
        "words": {f"word{i}": i for i in range(40)},
        "ranks": {i: float(i) for i in range(40)},
        "counts": {f"word{i}": np.int64(i) for i in range(40)},
        "many": [1, 2.5, "x", None, True] * 10,
        "nan": float("nan"),
        "generator": np.random.default_rng(1),
        "slice": slice(1, None, 2),
        "range": range(1, 9, 3),
        "path": Path("folder") / "file",
        "keys": {1: "a", "b": 2.0, 3: {"$": "tuple"}},
    }  # fmt: skip
    loaded = round_trip(FunctionTransformer(kw_args=values), tmp_path).kw_args
    assert loaded.keys() == values.keys()
    for key, value in values.items():
        found = loaded[key]
        assert type(found) is type(value), key
        if sp.issparse(value):
            assert (found != value).nnz == 0
        elif isinstance(value, np.ndarray):
            assert_array_equal(np.ma.getdata(found), np.ma.getdata(value))
            assert (found.dtype, found.flags.f_contiguous) == (
                value.dtype, value.flags.f_contiguous
            )  # fmt: skip
        elif isinstance(value, dict):
            assert [*map(repr, found.items())] == [*map(repr, value.items())]
        elif isinstance(value, np.random.Generator):
            assert_array_equal(found.random(5), value.random(5))
            assert found.spawn(1)[0].random() == value.spawn(1)[0].random()
        else:
            assert repr(found) == repr(value), key
    assert_array_equal(np.ma.getmask(loaded["masked"]), [True, False])


def test_one_array_at_two_places_is_loaded_once(tmp_path):
    array = np.arange(1000.0)
    loaded = round_trip(FunctionTransformer(kw_args={"a": array, "b": [array]}), tmp_path)
    assert loaded.kw_args["a"] is loaded.kw_args["b"][0]
