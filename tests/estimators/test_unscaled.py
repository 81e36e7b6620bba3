"""Tables and targets that need scaling are told of, once, and others are not."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, DenseRegressor, KerasClassifier, KerasRegressor
from skdl._estimators.fit import scales
from skdl.exceptions import UnscaledDataWarning

WINE = load_wine(return_X_y=True, as_frame=True)
DIABETES = load_diabetes(return_X_y=True, scaled=False)
RNG = np.random.default_rng(0)
COLUMN = "X is not scaled: the values of column 'proline'.*StandardScaler.*TabularClassifier"


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.setattr(scales, "_told", set())


def classifier(**parameters):
    return DenseClassifier((4,), epochs=1, random_state=0, **parameters)


def heard(estimator, X, y):
    """Return the warnings of a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    return [w for w in caught if issubclass(w.category, UnscaledDataWarning)]


def test_wine_is_told_of_once_and_names_the_remedy():
    with pytest.warns(UnscaledDataWarning, match=COLUMN) as caught:
        net = classifier().fit(*WINE)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert heard(classifier(), *WINE) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnscaledDataWarning)
        assert_array_equal(classifier().fit(*WINE).predict(WINE[0]), net.predict(WINE[0]))


def test_a_search_is_told_of_once_where_it_was_called():
    search = GridSearchCV(classifier(), {"l2": [0.0, 0.1]}, cv=2)
    (warning,) = heard(search, *WINE)
    assert warning.filename == __file__


def test_what_the_message_says_to_do_is_enough():
    assert heard(make_pipeline(StandardScaler(), classifier()), *WINE) == []
    regressor = DenseRegressor((8,), epochs=10, random_state=0)
    scaled = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    assert heard(make_pipeline(StandardScaler(), scaled), *DIABETES) == []


TABLES = {
    "wine": (WINE[0].to_numpy(), True),
    "breast cancer": (load_breast_cancer().data, True),
    "diabetes as measured": (DIABETES[0], True),
    "one year and small numbers": (np.c_[RNG.normal(size=(50, 3)), 1990 + np.arange(50)], True),
    "all columns large": (RNG.normal(5000, 100, (50, 4)), True),
    "a large column among categories": (
        np.c_[np.eye(20)[np.arange(60) % 20], RNG.normal(300, 50, 60)], True,
    ),
    "iris": (load_iris().data, False),
    "digits": (load_digits().data, False),
    "pixels": (RNG.integers(0, 256, (50, 64)) * (np.arange(64) > 20), False),
    "diabetes": (load_diabetes().data, False),
    "linnerud": (load_linnerud().data, False),
    "counts": (RNG.poisson(3, (50, 30)), False),
    "categories": (np.eye(40)[RNG.integers(0, 40, 100)], False),
    "zeros": (np.zeros((50, 3)), False),
    "few rows": (WINE[0].to_numpy()[:5], False),
    "sparse": (csr_matrix(WINE[0].to_numpy()), False),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_which_tables_are_told_of(name):
    X, told = TABLES[name]
    y = np.arange(X.shape[0]) % 2
    assert bool(heard(classifier(), X, y)) == told


def test_real_tables(shared):
    told = {}
    for path in sorted((shared / "data" / "tables").glob("*.csv")):
        table = pd.read_csv(path).dropna(axis=1)
        X = table.drop(columns="target", errors="ignore").select_dtypes("number").to_numpy()
        told[path.stem] = bool(len(X) > 10 and scales._column_out_of_scale(X) is not None)
    # Diamonds are measured in millimetres and percent, and lose nothing.
    expected = {"ames", "attrition", "heart", "hitters", "leaf", "sacramento", "spam"}
    assert {name for name, found in told.items() if found} == expected


def test_networks_of_the_user():
    def build(input_shape, n_outputs, output_activation, first):
        layers = [first] if first is not None else []
        layers += [keras.layers.Dense(n_outputs, activation=output_activation)]
        return keras.Sequential([keras.Input(input_shape), *layers])

    def net(first):
        return KerasClassifier(build, model_params={"first": first}, epochs=1, random_state=0)

    X, y = WINE[0].to_numpy(), WINE[1]
    assert heard(net(None), X, y)
    assert not heard(net(keras.layers.BatchNormalization()), X, y)


def test_going_on_is_not_told_of_again(monkeypatch):
    net = classifier(warm_start=True)
    assert heard(net, *WINE)
    monkeypatch.setattr(scales, "_told", set())
    assert not heard(net, *WINE)


def test_targets_that_were_not_learned():
    def build(input_shape, n_outputs):
        return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(n_outputs)])

    X, y = StandardScaler().fit_transform(DIABETES[0]), DIABETES[1]
    regressor = DenseRegressor((8,), epochs=10, standardize_y=False, random_state=0)
    (warning,) = heard(regressor, X, y)
    assert str(warning.message).startswith("y is not scaled")
    assert "Use standardize_y=True, or TabularRegressor" in str(warning.message)
    assert not heard(clone(regressor).set_params(standardize_y=True), X, y + 1e6)
    scales._told.clear()
    assert not heard(regressor, X, y / 100)
    learned = DenseRegressor(
        (64,), epochs=30, learning_rate=0.03, standardize_y=False, random_state=0
    )
    assert not heard(learned, X, y)
    assert learned.score(X, y) > 0.5
    (warning,) = heard(KerasRegressor(build, epochs=10, random_state=0), X, y)
    assert "TransformedTargetRegressor(KerasRegressor(...)" in str(warning.message)
