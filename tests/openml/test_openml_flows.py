"""Models as OpenML flows and back, and values that OpenML cannot store."""

import re
import sys

import keras
import numpy as np
import pytest
from backbones import tiny_function
from hypothesis import given, settings
from hypothesis import strategies as st
from numpydoc.docscrape import ClassDoc
from registry import configured, constructible
from scipy.stats import uniform
from sklearn.base import clone
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import all_estimators
from slow_cases import first_of_each_class

import skdl
from skdl import DenseClassifier, DenseRegressor
from skdl.openml import check_model, run_on_task
from skdl.openml._limits import check_description

pytest.importorskip("openml")
from openml.extensions.sklearn import SklearnExtension
from openml.flows import OpenMLFlow
from openml_models import SMALL, configurations, pipeline, plain

try:
    from lxml import etree
except ImportError:
    etree = None

EXTENSION = SklearnExtension()
PUBLIC = [pytest.param(cls, id=name) for name, cls in constructible().items()]
CONFIGURED = []
for _name, _estimator in configured():
    if "model" in _estimator.get_params():  # a function of the tests, which no flow could name
        continue
    if "backbone" in _estimator.get_params():
        _estimator.set_params(backbone=tiny_function)
    CONFIGURED.append(pytest.param(_estimator, id=f"{type(_estimator).__name__}-{_name}"))


@pytest.fixture(scope="session")
def flow_schema(shared):
    """OpenML's schema of flows."""
    if etree is None:
        pytest.skip("needs lxml")
    return etree.XMLSchema(file=str(shared / "data/openml-xsd/openml.implementation.upload.xsd"))


def there_and_back(model, folder):
    """Return a model from the XML of its flow."""
    flow = EXTENSION.model_to_flow(model)
    flow.to_filesystem(folder)
    flow = OpenMLFlow.from_filesystem(folder)
    return flow, EXTENSION.flow_to_model(flow, strict_version=True)


# ------------------------------------------------------------------------- flows and back


@pytest.mark.parametrize("estimator", CONFIGURED)
def test_round_trip(estimator, tmp_path):
    check_model(estimator)
    flow, back = there_and_back(estimator, tmp_path)
    assert flow.name == flow.class_name == f"skdl.{type(estimator).__name__}"
    assert f"skdl=={skdl.__version__}" in flow.external_version
    assert plain(back) == plain(estimator)


@pytest.mark.parametrize("estimator", CONFIGURED)
def test_the_xml_of_a_flow_is_valid(estimator, flow_schema, tmp_path):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), estimator), {"standardscaler__copy": [True]}
    )
    for number, model in enumerate((estimator, search)):
        there_and_back(model, tmp_path / str(number))
        flow_schema.assertValid(etree.parse(tmp_path / str(number) / "flow.xml"))


@pytest.mark.parametrize("cls", PUBLIC)
def test_a_class_is_found_by_the_name_of_its_flow(cls):
    assert cls.__module__ == "skdl"
    assert getattr(skdl, cls.__name__) is cls


@pytest.mark.parametrize("cls", PUBLIC)
def test_every_parameter_arrives_with_its_type_and_description(cls):
    assert cls.__doc__.isascii()
    flow = EXTENSION.model_to_flow(cls())
    documented = {p.name: p for p in ClassDoc(cls)["Parameters"]}
    assert set(documented) == set(flow.parameters) == set(cls().get_params())
    assert len(flow.description) > 30
    for name, meta in flow.parameters_meta_info.items():
        assert documented[name].type.startswith(meta["data_type"])
        # openml drops the stop at the end of a line and cuts at 1024 characters.
        described, arrived = (
            " ".join(text.replace(".", "").split())
            for text in ("\n".join(documented[name].desc), meta["description"])
        )
        assert arrived == described or (described.startswith(arrived) and len(arrived) > 990)


MODELS = {
    "pipeline": lambda: pipeline(DenseClassifier(**SMALL)),
    "columns by name": lambda: make_pipeline(
        ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("rest", "drop", ["c"])]),
        DenseRegressor(hidden_layer_sizes=[4, 4]),
    ),
    "search": lambda: GridSearchCV(
        make_pipeline(StandardScaler(), DenseClassifier()),
        {
            "denseclassifier__hidden_layer_sizes": [(5,), [3, 3], 4],
            "denseclassifier__optimizer": ["adam", "sgd"],
            "denseclassifier__learning_rate": [None, 0.1],
        },
        cv=StratifiedKFold(2, shuffle=True, random_state=0),
    ),
    "random search": lambda: RandomizedSearchCV(
        DenseClassifier(), {"dropout": [0.0, np.float64(0.5)], "epochs": [1, np.int64(2)]}
    ),
    "search in a pipeline": lambda: make_pipeline(
        StandardScaler(), GridSearchCV(DenseRegressor(), {"epochs": [1, 2]})
    ),
    "scaled targets": lambda: TransformedTargetRegressor(
        DenseRegressor(), transformer=StandardScaler()
    ),
    "ensembles": lambda: VotingClassifier(
        [("bag", BaggingClassifier(DenseClassifier())), ("linear", LogisticRegression())]
    ),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_composed_models_round_trip(make, tmp_path):
    model = make()
    check_model(model)
    assert plain(there_and_back(model, tmp_path)[1]) == plain(model)


def test_distributions_of_a_search_are_stored(tmp_path):
    search = RandomizedSearchCV(DenseClassifier(), {"dropout": uniform(0, 0.5)})
    check_model(search)
    _, back = there_and_back(search, tmp_path)
    assert 0 <= back.param_distributions["dropout"].rvs(random_state=0) <= 0.5


@pytest.mark.parametrize("cls", PUBLIC)
def test_every_estimator_round_trips_in_a_search_in_a_pipeline(cls, tmp_path):
    """All parameters of the defaults are taken into a grid, where OpenML allows it."""
    grid = {name: [v] for name, v in cls().get_params().items() if not isinstance(v, dict)}
    model = make_pipeline(GridSearchCV(cls(), grid, scoring="accuracy"))
    check_model(model)
    assert plain(there_and_back(model, tmp_path)[1]) == plain(model)


@pytest.mark.parametrize("estimator", first_of_each_class(CONFIGURED))
def test_the_estimator_that_comes_back_behaves_the_same(estimator, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(1, 40, size=(24, 16)), np.arange(24) % 3
    X[:, :3] += 5 * np.eye(3, dtype=int)[y]
    small = {k: v for k, v in {"epochs": 2, "random_state": 0}.items() if hasattr(estimator, k)}
    estimator = clone(estimator).set_params(**small)
    _, back = there_and_back(estimator, tmp_path)
    results = []
    for model in (estimator, back):
        fitted = model.fit(X, y)
        method = next(m for m in ("predict_proba", "predict", "transform") if hasattr(model, m))
        result = getattr(fitted, method)(X)
        results.append(result.toarray() if hasattr(result, "toarray") else np.asarray(result))
    np.testing.assert_array_equal(*results)


def test_keras_configurations_round_trip_and_fit(tmp_path, iris):
    objects, stored = configurations()
    model = DenseClassifier(**SMALL | stored)
    check_model(model)
    _, back = there_and_back(model, tmp_path)
    assert plain(back) == plain(model)
    expected = DenseClassifier(**SMALL | objects).fit(*iris)
    np.testing.assert_array_equal(
        back.fit(*iris).predict_proba(iris[0]), expected.predict_proba(iris[0])
    )
    assert back.history_ == expected.history_
    assert "top" in back.history_


# -------------------------------------------------------------------- what is not stored


def local_function(X):
    return X


OBJECT = "serialize_keras_object"
REFUSED = [
    ("optimizer", lambda: keras.optimizers.SGD(), "optimizer", OBJECT),
    ("loss", lambda: keras.losses.CategoricalCrossentropy(), "loss", OBJECT),
    ("activation", lambda: keras.layers.LeakyReLU(), "activation", OBJECT),
    ("kernel_initializer", lambda: keras.initializers.HeNormal(), "kernel_initializer", OBJECT),
    ("metrics", lambda: ["accuracy", keras.metrics.AUC()], "metrics[1]", OBJECT),
    ("callbacks", lambda: [keras.callbacks.EarlyStopping()], "callbacks[0]", "early_stopping"),
    ("random_state", lambda: np.random.RandomState(0), "random_state", "int or None"),
    ("hidden_layer_sizes", lambda: np.array([3, 4]), "hidden_layer_sizes", "lists"),
    ("class_weight", lambda: {0: 1.0, 1: 2.0}, "class_weight", "keys are text"),
    ("class_weight", lambda: {"1": 1.0}, "class_weight", "does not read as a number"),
    ("activation", lambda: lambda x: x, "activation", "imported from a module"),
    ("callbacks", lambda: ["x" * 3000], "callbacks", "2048"),
]


@pytest.mark.parametrize(("parameter", "make", "name", "remedy"), REFUSED)
def test_what_cannot_be_stored_is_refused_by_name(parameter, make, name, remedy):
    model = pipeline(DenseClassifier(**{parameter: make()}))
    message = rf"denseclassifier__{re.escape(name)}=.*{re.escape(remedy)}"
    with pytest.raises(ValueError, match=message):
        check_model(model)
    with pytest.raises(ValueError, match=message):  # before the server is asked for the task
        run_on_task(model, 10**9)


def test_functions_of_a_script_are_refused(monkeypatch):
    step = FunctionTransformer(local_function)
    check_model(step)
    monkeypatch.setattr(local_function, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "local_function", local_function, raising=False)
    with pytest.raises(ValueError, match=r"func=.*imported from a module"):
        check_model(step)


@pytest.mark.parametrize("chosen", [slice(0, 2), make_column_selector(dtype_include="category")])
def test_columns_that_fail_only_after_the_run_are_refused(chosen):
    model = make_column_transformer((StandardScaler(), chosen))
    with pytest.raises(ValueError, match=r"'standardscaler' in transformers.*list.*cat or cont"):
        check_model(model)


def test_candidates_that_fail_only_after_a_fold_are_refused():
    _, stored = configurations()
    search = GridSearchCV(DenseClassifier(), {"optimizer": ["adam", stored["optimizer"]]})
    with pytest.raises(ValueError, match=r"param_grid\['optimizer'\]"):
        check_model(search)
    search = GridSearchCV(DenseClassifier(), [{"epochs": [1]}, {"hidden_layer_sizes": [(1.5,)]}])
    with pytest.raises(ValueError, match=r"\(1.5,\) in param_grid\['hidden_layer_sizes'\]"):
        check_model(search)


def test_a_model_of_a_form_that_openml_does_not_know_is_refused():
    twice = make_column_transformer((StandardScaler(), ["a"]), (StandardScaler(), ["b"]))
    with pytest.raises(ValueError, match=r"OpenML cannot describe this model.*StandardScaler"):
        check_model(twice)


LONG = MaxAbsScaler, MinMaxScaler, Normalizer, Binarizer, StandardScaler, RobustScaler, NMF
NAMES = {
    "step": (lambda: Pipeline([("my scaler", StandardScaler())]), "'my scaler' of a step of .*Pip"),
    "inner step": (
        lambda: make_pipeline(ColumnTransformer([("Größe", StandardScaler(), ["a"])])),
        "'Größe' of a step of .*ColumnTransformer",
    ),
    "long step": (lambda: VotingClassifier([("x" * 129, LogisticRegression())]), "128 characters"),
    "long name": (
        lambda: Pipeline(
            [(x * 128, t()) for x, t in zip("abcdefg", LONG, strict=True)] + [("z", PCA())]
        ),
        r"at most 1024 ASCII.*has 1\d\d\d characters. Use fewer",
    ),
    "long steps": (
        lambda: make_column_transformer((StandardScaler(), [f"column {i}" for i in range(200)])),
        "parameter transformers of .*ColumnTransformer.*1 to 2048",
    ),
    "docstring": (lambda: Documented(), "class docstring of .*Documented.*'Größe"),
    "no docstring": (lambda: Undocumented(), "class docstring of .*Undocumented.*has 0"),
    "no description": (lambda: HalfDocumented(), "docstring of alpha of .*HalfDocumented.*has 0"),
}


class Undocumented(Ridge):
    __doc__ = None


class Documented(Ridge):
    """Größe."""


class HalfDocumented(Ridge):
    """Ridge.

    Parameters
    ----------
    alpha : float
    """


@pytest.mark.parametrize(("make", "message"), NAMES.values(), ids=NAMES)
def test_texts_that_the_server_refuses_are_found_before(make, message, flow_schema, monkeypatch):
    model = make()
    monkeypatch.setattr(sys.modules[__name__], "__version__", "1", raising=False)
    with pytest.raises(ValueError, match=message):
        check_model(model)
    with pytest.raises(ValueError, match=message):  # before the server is asked for the task
        run_on_task(model, 10**9)
    xml = etree.fromstring(EXTENSION.model_to_flow(model)._to_xml().encode())
    assert not flow_schema.validate(xml)


def test_what_is_refused_of_scikit_learn_is_what_the_server_refuses(flow_schema):
    refused = []
    for _, cls in all_estimators():
        try:
            model = cls()
            flow = EXTENSION.model_to_flow(model)
        except Exception:  # of many types: what openml cannot describe
            continue
        try:
            check_description(flow)
        except ValueError:
            refused.append(cls.__name__)
        xml = etree.fromstring(flow._to_xml().encode())
        assert flow_schema.validate(xml) == (cls.__name__ not in refused), flow_schema.error_log
    assert len(refused) < 10


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("12"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(value=values)
def test_what_is_not_refused_comes_back_equal(value, tmp_path_factory):
    model = FunctionTransformer(kw_args={"value": value})
    try:
        check_model(model)
    except ValueError:
        return
    _, back = there_and_back(model, tmp_path_factory.mktemp("flow"))
    assert plain(back.kw_args) == plain(model.kw_args)
