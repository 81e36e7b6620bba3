"""Estimators for tables in files: what comes back, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import skdl
from skdl import TabularClassifier, TabularRegressor

SMALL = {"hidden_layer_sizes": 8, "epochs": 2, "n_members": 2, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "x": rng.normal(size=60), "s": ["a", None, "b"] * 20, "code": [1, 2, 3] * 20,
        "d": pd.to_datetime(["2020-01-05", None, "2021-05-06"] * 20),
    })  # fmt: skip


@pytest.mark.parametrize("kind", ["binary", "labels", "values"])
def test_a_loaded_estimator_predicts_the_same(table, kind, tmp_path):
    if kind == "values":
        net = TabularRegressor(**SMALL).fit(table, table["x"] * 100)
    else:
        y = np.array([["a", "b", "c"] * 20, ["no", "yes"] * 30][kind == "binary"])
        net = TabularClassifier(**SMALL, categorical_features=["code"]).fit(table, y)
    skdl.save(net, tmp_path / "net.skdl")
    loaded = skdl.load(tmp_path / "net.skdl")
    np.testing.assert_array_equal(loaded.predict(table), net.predict(table))
    np.testing.assert_array_equal(loaded.oof_predictions_, net.oof_predictions_)
    assert loaded.get_params() == net.get_params()
    assert [member.history_ for member in loaded.members_] == [m.history_ for m in net.members_]


@pytest.mark.slow
def test_members_that_differ_have_no_mean(table, tmp_path):
    net = TabularClassifier(**SMALL).fit(table, ["no", "yes"] * 30)
    other = TabularClassifier(**SMALL | {"hidden_layer_sizes": 5}).fit(table, ["no", "yes"] * 30)
    net.members_[1] = other.members_[0]
    skdl.save(net, tmp_path / "net.skdl")
    with pytest.raises(ValueError, match="members differ"):
        skdl.load(tmp_path / "net.skdl").predict(table)
