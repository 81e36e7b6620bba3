"""Files of `PiecewiseLinearEncoder`: as it was, or refused if its numbers lie."""

import numpy as np
import pytest
from forged_files import refused
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

import skdl

rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(size=200), rng.integers(0, 9, 200), np.ones(200)])
X[::9, 1] = np.nan


@pytest.mark.parametrize(
    "parameters",
    [{}, {"knots": {0: [-1, 0, 1.5]}, "n_bins": 5, "dtype": "float64"}, {"keep": None}],
    ids=lambda given: "-".join(given) or "defaults",
)
def test_it_is_loaded_as_it_was(parameters, tmp_path):
    encoder = skdl.PiecewiseLinearEncoder(**parameters).fit(X)
    skdl.save(encoder, tmp_path / "saved.skdl")
    loaded = skdl.load(tmp_path / "saved.skdl")
    assert_array_equal(loaded.transform(X), encoder.transform(X))
    assert str(loaded.get_params()) == str(encoder.get_params())
    assert_array_equal(loaded.get_feature_names_out(), encoder.get_feature_names_out())


def test_before_what_believes_in_rows(tmp_path):
    steps = skdl.PiecewiseLinearEncoder(), LogisticRegression()
    model = OneVsRestClassifier(make_pipeline(*steps)).fit(X, X[:, 0] > 0)
    skdl.save(model, tmp_path / "saved.skdl")
    assert_array_equal(skdl.load(tmp_path / "saved.skdl").predict(X), model.predict(X))


LIES = [
    ("knots_", [np.arange(3.0)], "knots of other columns"),
    ("knots_", [np.arange(3.0), np.arange(4.0), np.empty(0)], "other knots than bins"),
    ("knots_", [np.arange(5.0)[::-1]] * 3, "other knots than bins|out of order"),
    ("knots_", [np.array([0, 1, np.nan, 2, 3]), np.arange(5.0), np.empty(0)], "out of order"),
    ("knots_", [np.arange(5), np.arange(5), np.empty(0)], "other knots than bins"),
    ("n_bins_", np.array([4, 10**9, 0]), "other knots than bins"),
    ("n_bins_", np.array([4, 4]), "n_bins_ of shape"),
    ("mean_", np.zeros(2), "mean_ of shape"),
    ("scale_", np.array(["a", "b", "c"]), "scale_ of shape"),
    ("missing_features_", np.array([3]), "indicators for columns"),
    ("missing_features_", np.array([-1]), "indicators for columns"),
    ("missing_features_", np.array([1, 1]), "indicators for columns"),
    ("missing_features_", np.array([1.0]), "indicators for columns"),
    ("missing_features_", None, "not as fit leaves it"),
    ("n_features_out_", None, "another 'n_features_out_'"),
    ("n_features_in_", 2, "shape"),
]


@pytest.mark.parametrize(("name", "value", "match"), LIES)
def test_attributes_that_no_fit_leaves_are_refused(name, value, match, tmp_path):
    encoder = skdl.PiecewiseLinearEncoder().fit(X)
    assert encoder.n_bins_.tolist() == [4, 4, 0]
    vars(encoder)[name] = value
    skdl.save(encoder, tmp_path / "saved.skdl")
    refused(tmp_path / "saved.skdl", match)
