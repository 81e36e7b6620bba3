"""Long arrays of objects in an estimator: names of columns, categories, results of a search."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import skdl

rng = np.random.default_rng(0)


def saved_and_loaded(estimator, tmp_path):
    path = tmp_path / "net.skdl"
    skdl.save(estimator, path)
    return skdl.load(path)


@pytest.mark.parametrize("n_columns", [31, 32, 90])
def test_names_of_many_columns(tmp_path, n_columns):
    table = pd.DataFrame(rng.normal(size=(20, n_columns))).add_prefix("column ")
    net = skdl.DenseClassifier(2, epochs=1, random_state=0).fit(table, np.arange(20) % 2)
    loaded = saved_and_loaded(net, tmp_path)
    assert loaded.feature_names_in_.tolist() == table.columns.tolist()
    assert_array_equal(loaded.predict_proba(table), net.predict_proba(table))


def test_many_categories(tmp_path):
    table = pd.DataFrame({"zip": [f"z{i % 40}" for i in range(90)], "n": np.arange(90.0)})
    y = np.arange(90) % 3
    tabular = skdl.TabularClassifier(n_members=1, epochs=1, random_state=0).fit(table, y)
    encoder = OneHotEncoder(sparse_output=False)
    pipe = make_pipeline(encoder, skdl.DenseClassifier(2, epochs=1, random_state=0))
    for net in (tabular, pipe.fit(table[["zip"]], y)):
        loaded = saved_and_loaded(net, tmp_path)
        X = table[list(net.feature_names_in_)]
        assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))


def test_many_classes_that_are_objects(tmp_path):
    y = np.array([f"leaf {i % 35}" for i in range(70)], dtype=object)
    net = skdl.DenseClassifier(2, epochs=1, random_state=0).fit(rng.normal(size=(70, 2)), y)
    assert saved_and_loaded(net, tmp_path).classes_.tolist() == net.classes_.tolist()


def test_many_candidates(tmp_path):
    sizes = [(size, size) for size in range(1, 34)]
    X, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    net = skdl.DenseClassifier(epochs=1, random_state=0)
    grid = {"kernel_initializer": ["zeros"] * 33, "l2": [0.1]}
    search = GridSearchCV(net, grid, cv=2).fit(X, y)
    search.cv_results_["param_hidden_layer_sizes"] = masked = np.ma.empty(33, dtype=object)
    for i, size in enumerate(sizes):
        masked[i] = size
    masked[1] = np.ma.masked
    loaded = saved_and_loaded(search, tmp_path).cv_results_
    assert loaded["param_kernel_initializer"].tolist() == ["zeros"] * 33
    assert loaded["param_hidden_layer_sizes"].tolist() == [sizes[0], None, *sizes[2:]]
