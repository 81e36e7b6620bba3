"""Estimators for tables as they come: members, their mean, what is held out."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict

from skdl import DenseClassifier, TabularClassifier, TabularRegressor

SMALL = {"hidden_layer_sizes": 16, "epochs": 15, "learning_rate": 0.01, "random_state": 0}


@pytest.fixture(scope="module")
def penguins():
    """A made-up table of 150 birds, with gaps, whose kind follows from bill and island."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "bill": rng.normal(40, 5, 150),
        "mass": pd.array(rng.integers(2700, 6300, 150), dtype="Int64"),
        "island": pd.Categorical(rng.choice(["Biscoe", "Dream", "Torgersen"], 150)),
        "sex": rng.choice(np.array(["f", "m", None], object), 150),
        "seen": pd.to_datetime("2007-11-01") + pd.to_timedelta(rng.integers(0, 700, 150), "D"),
    })  # fmt: skip
    table.loc[::7, "mass"] = pd.NA
    table.loc[::11, "bill"] = np.nan
    long = table["bill"].fillna(40) > 40
    kinds = np.where(table["island"] == "Dream", "chinstrap", np.where(long, "gentoo", "adelie"))
    return table, kinds


@pytest.fixture(scope="module")
def fitted(penguins):
    return TabularClassifier(**SMALL).fit(*penguins)


def test_a_table_with_texts_gaps_and_dates_is_learned(penguins, fitted):
    table, kinds = penguins
    assert fitted.score(table, kinds) > 0.9
    assert fitted.classes_.tolist() == ["adelie", "chinstrap", "gentoo"]
    assert fitted.feature_names_in_.tolist() == table.columns.tolist()
    assert (
        fitted.oof_predictions_.argmax(axis=1) == pd.factorize(kinds, sort=True)[0]
    ).mean() > 0.8


def test_predictions_are_the_mean_of_the_members(penguins, fitted):
    table, _ = penguins
    encoded = fitted.encoder_.transform(table)
    members = [member.predict_proba(encoded) for member in fitted.members_]
    np.testing.assert_allclose(fitted.predict_proba(table), np.mean(members, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        fitted.model_.predict(encoded, verbose=0), np.mean(members, axis=0), atol=1e-6
    )


def test_every_row_is_left_out_by_one_member(penguins):
    table, kinds = penguins
    net = TabularClassifier(**SMALL, n_members=5).fit(table, kinds)
    encoded = net.encoder_.transform(table)
    members = np.array([member.predict_proba(encoded) for member in net.members_])
    same = np.isclose(members, net.oof_predictions_, atol=1e-6).all(axis=2)
    assert (same.sum(axis=0) == 1).all()
    shares = [pd.Series(kinds[rows]).value_counts(normalize=True) for rows in same]
    assert np.ptp(pd.DataFrame(shares), axis=0).max() < 0.05  # stratified


@pytest.mark.parametrize(("n_members", "share"), [(1, 0.2), (2, 0.4), (7, 1.0)])
def test_other_numbers_of_members(penguins, n_members, share):
    net = TabularClassifier(**SMALL, n_members=n_members).fit(*penguins)
    assert len(net.members_) == n_members
    assert np.isfinite(net.oof_predictions_).all(axis=1).mean() == pytest.approx(share)


def test_a_member_is_what_a_dense_network_learns_from_its_rows(cancer):
    """Held-out rows given as X_val and y_val to a `DenseClassifier` of the member's parameters."""
    X = cancer[0]
    y = np.random.default_rng(0).integers(0, 2, len(X))  # so that no probability is nearly 0 or 1
    net = TabularClassifier(**SMALL).fit(X, y)
    encoded, member = net.encoder_.transform(X), net.members_[0]
    held = np.isclose(member.predict_proba(encoded), net.oof_predictions_, atol=1e-6).all(axis=1)
    alone = DenseClassifier(**member.get_params())
    alone.fit(encoded[~held], y[~held], X_val=encoded[held], y_val=y[held])
    assert alone.history_ == member.history_
    np.testing.assert_array_equal(alone.predict_proba(encoded), member.predict_proba(encoded))


@pytest.mark.slow
def test_held_out_predictions_are_as_honest_as_cross_validation(cancer):
    X, y = cancer
    net = TabularClassifier(**SMALL)
    honest = log_loss(y, cross_val_predict(net, X, y, cv=2, method="predict_proba"))
    assert log_loss(y, net.fit(X, y).oof_predictions_) == pytest.approx(honest, abs=0.05)


def test_two_fits_are_equal_in_threads_and_from_a_pickle(penguins, fitted):
    table, kinds = penguins
    again = clone(fitted).set_params(n_jobs=2).fit(table, kinds)
    expected = fitted.predict_proba(table)
    np.testing.assert_array_equal(again.predict_proba(table), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(table), expected)
    other = clone(fitted).set_params(random_state=1).fit(table, kinds)
    assert not np.array_equal(other.predict_proba(table), expected)


def test_scikit_learns_settings_for_outputs_change_nothing(penguins, fitted):
    table, kinds = penguins
    with sklearn.config_context(transform_output="pandas"):
        net = clone(fitted).fit(table, kinds)
        found = net.predict_proba(table)
        assert list(net.encoder_.transform(table)) == list(net.encoder_.get_feature_names_out())
    np.testing.assert_array_equal(found, fitted.predict_proba(table))


def test_the_table_is_left_as_it_was(penguins):
    table, kinds = penguins
    before = table.copy(), kinds.copy()
    TabularClassifier(**SMALL).fit(table, kinds).predict(table)
    pd.testing.assert_frame_equal(table, before[0])
    np.testing.assert_array_equal(kinds, before[1])


def test_rows_of_weight_zero_are_left_out(penguins):
    table, kinds = penguins
    weight = np.ones(150)
    weight[100:] = 0
    net = TabularClassifier(**SMALL).fit(table, kinds, sample_weight=weight)
    only = TabularClassifier(**SMALL).fit(table[:100], kinds[:100])
    np.testing.assert_array_equal(net.predict_proba(table), only.predict_proba(table))
    np.testing.assert_array_equal(net.oof_predictions_[:100], only.oof_predictions_)
    np.testing.assert_array_equal(net.oof_predictions_[100:], only.predict_proba(table[100:]))


def test_class_weights_are_weights_of_rows(penguins):
    table, kinds = penguins
    by_class = TabularClassifier(**SMALL, class_weight={"gentoo": 5}).fit(table, kinds)
    by_row = TabularClassifier(**SMALL).fit(table, kinds, np.where(kinds == "gentoo", 5, 1))
    np.testing.assert_allclose(
        by_class.predict_proba(table), by_row.predict_proba(table), atol=1e-6
    )


def test_several_labels_per_row(penguins):
    table, kinds = penguins
    labels = np.column_stack([kinds == "gentoo", table["sex"] == "f"]).astype(int)
    net = TabularClassifier(**SMALL).fit(table, labels)
    assert net.predict(table).shape == net.oof_predictions_.shape == (150, 2)
    assert (net.predict(table) == labels).mean() > 0.9


def test_classes_of_one_row_are_known_to_every_member(penguins):
    table, kinds = penguins
    rare = kinds.copy()
    rare[:2] = ["auk", "tern"]
    net = TabularClassifier(**SMALL).fit(table, rare)
    assert all(member.classes_.tolist() == net.classes_.tolist() for member in net.members_)
    assert net.predict_proba(table).shape == net.oof_predictions_.shape == (150, 5)


@pytest.mark.slow
def test_in_a_search_with_encoder_and_network_parameters(penguins):
    table, kinds = penguins
    grid = {"n_bins": ["auto", 4]}
    search = GridSearchCV(TabularClassifier(**SMALL | {"epochs": 3}, n_members=2), grid, cv=2)
    assert search.fit(table, kinds).best_score_ > 0.4


def test_values(diabetes_in_units):
    X, y = diabetes_in_units
    net = TabularRegressor(**SMALL).fit(X, y)
    assert r2_score(y, net.oof_predictions_) > 0.4
    encoded = net.encoder_.transform(X)
    members = [member.predict(encoded) for member in net.members_]
    np.testing.assert_allclose(net.predict(X), np.mean(members, axis=0), rtol=1e-5)


@pytest.fixture(scope="module")
def diabetes_in_units():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return X, y + 1e6


def test_several_values_of_different_units(diabetes_in_units):
    X, y = diabetes_in_units
    both = np.column_stack([y, 1e-6 * X["bmi"]])
    net = TabularRegressor(**SMALL).fit(X, both)
    assert net.oof_predictions_.shape == both.shape
    scores = r2_score(both, net.predict(X), multioutput="raw_values")
    assert scores[0] > 0.4
    assert scores[1] > 0.9


def test_a_constant_value(diabetes_in_units):
    X, _ = diabetes_in_units
    net = TabularRegressor(**SMALL).fit(X, np.full(len(X), 7.5))
    np.testing.assert_allclose(net.predict(X), 7.5, atol=0.2)


@pytest.mark.parametrize("n_rows", [2, 3, 6])
def test_few_rows(n_rows):
    X, y = np.arange(2.0 * n_rows).reshape(-1, 2), np.arange(n_rows) % 2
    net = TabularClassifier(**SMALL | {"epochs": 2}).fit(X, y)
    assert net.predict_proba(X).shape == (n_rows, 2)
    assert np.isfinite(net.oof_predictions_).all()
    values = TabularRegressor(**SMALL | {"epochs": 2}).fit(X, y.astype(float))
    assert np.isfinite(values.oof_predictions_).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_members": 0}, "n_members"),
        ({"n_bins": 1}, "n_bins"),
        ({"batch_size": "all"}, "batch_size"),
        ({"categorical_features": ["none"]}, "no column 'none'"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
    ],
)
def test_wrong_parameters(penguins, parameters, message):
    with pytest.raises(ValueError, match=message):
        TabularClassifier(**parameters).fit(*penguins)


def test_a_failed_fit_leaves_the_last_one(penguins):
    table, kinds = penguins
    net = TabularClassifier(**SMALL | {"epochs": 2}).fit(table, kinds)
    expected = net.predict_proba(table)
    with pytest.raises(ValueError, match="infinity in column 'bill'"):
        net.fit(table.assign(bill=np.inf), kinds)
    np.testing.assert_array_equal(net.predict_proba(table), expected)


def test_columns_in_another_order_or_missing_are_an_error(penguins, fitted):
    table, _ = penguins
    with pytest.raises(ValueError, match="same order"):
        fitted.predict(table[table.columns[::-1]])
    with pytest.raises(ValueError, match="yet now missing:\n- bill"):
        fitted.predict(table.drop(columns="bill"))


def test_before_fit():
    with pytest.raises(AttributeError, match="call fit first"):
        TabularClassifier().model_  # noqa: B018


def test_names_of_columns_are_checked_for_the_estimator_that_was_called():
    table, y = pd.DataFrame({"a": range(40)}), ["p", "q"] * 20
    net = TabularClassifier(n_members=1, epochs=1, random_state=0).fit(table, y)
    with pytest.warns(UserWarning, match="but TabularClassifier was fitted") as warned:
        net.predict(table.to_numpy())
    assert len(warned) == 1
