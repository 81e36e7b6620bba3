"""`PiecewiseLinearEncoder`: against NumPy, scikit-learn, and what holds for any numbers."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, SplineTransformer, StandardScaler

import skdl._transformers.piecewise
from skdl import PiecewiseLinearEncoder


@pytest.fixture
def table():
    """Numbers: plain, rounded, far from 0 with gaps, of two values, of few, constant, missing."""
    rng = np.random.default_rng(0)
    n = 430
    X = np.column_stack(
        [
            rng.normal(size=n),
            rng.exponential(size=n).round(1),
            1e6 + rng.normal(size=n),
            rng.integers(0, 2, n),
            rng.integers(0, 5, n),
            np.full(n, 7.0),
            np.full(n, np.nan),
            np.where(rng.random(n) < 0.3, 3.0, np.nan),
        ]
    )
    X[::7, 2] = np.nan
    X[5, 3] = np.nan
    return X


def reference(column, n_bins, new):
    """Return what the recipe makes of one column with distinct values, by numpy.quantile."""
    observed = column[~np.isnan(column)]
    imputed = np.where(np.isnan(column), observed.mean(), column)
    x = np.where(np.isnan(new), observed.mean(), new)
    z = (x - imputed.mean()) / imputed.std()
    parts = [z / np.sqrt(1 + (z / 3) ** 2)]
    distinct = np.unique(observed)
    knots = np.unique(np.quantile(observed, np.linspace(0, 1, n_bins + 1)))
    if len(distinct) <= n_bins + 1:
        knots = distinct
    if len(distinct) > 2:
        bins = [(x - a) / (b - a) for a, b in pairwise(knots)]
        parts += [np.clip(b, 0, 1) / np.sqrt(len(bins)) for b in bins]
    if np.isnan(column).any():
        parts.append(np.isnan(new).astype(float))
    return np.column_stack(parts)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_recipe(table, dtype):
    new = np.concatenate([table[:50], table[:50] * 3 - 1])
    encoder = PiecewiseLinearEncoder(dtype=dtype).fit(table)
    found = encoder.transform(new)
    names = encoder.get_feature_names_out([f"c{j}" for j in range(8)])
    assert found.dtype == dtype
    assert found.shape == (100, encoder.n_features_out_) == (100, len(names))
    for j in range(5):
        own = [i for i, name in enumerate(names) if name == f"c{j}" or f"c{j}_" in name]
        expected = reference(table[:, j], 8, new[:, j])  # 430 // 50
        assert_allclose(found[:, own], expected, atol=1e-9 if dtype == "float64" else 1e-6)
    # Constant columns and those without values give nothing; a gap is told where it is all.
    assert not any(name.startswith(("c5", "c6")) for name in names)
    assert [name for name in names if "c7" in name] == ["c7_missing"]
    assert_array_equal(found[:, -1], np.isnan(new[:, 7]))
    assert_array_equal(encoder.n_bins_[[0, 3, 4, 5, 6, 7]], [8, 0, 4, 0, 0, 0])
    assert_array_equal(encoder.missing_features_, [2, 3, 7])


def test_scikit_learn_computes_the_same(table):
    X = table[:, :5]
    kept = PiecewiseLinearEncoder(keep="standardized", dtype=None).fit(X)
    scaled = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(X)
    assert_allclose(kept.transform(X)[:, :5], scaled, atol=1e-9)
    assert_array_equal(kept.transform(X)[:, -2:], MissingIndicator().fit_transform(X))
    X = np.nan_to_num(X[:, [0, 2]], nan=1e6)
    edges = KBinsDiscretizer(6, encode="ordinal", quantile_method="linear").fit(X).bin_edges_
    own = PiecewiseLinearEncoder(n_bins=6).fit(X)
    for found, expected in zip(own.knots_, edges, strict=True):
        assert_allclose(found, expected, rtol=1e-14)
    # A spline of degree 1 without its constant end is the same space of functions.
    for knots in ("quantile", "uniform"):
        encoder = PiecewiseLinearEncoder(n_bins=6, knots=knots, keep=None, dtype=None)
        bins = encoder.fit_transform(X[:, :1])
        spline = SplineTransformer(7, degree=1, knots=knots).fit_transform(X[:, :1])
        ones = np.ones((len(X), 1))
        joint = np.linalg.matrix_rank(np.hstack([ones, bins, spline]))
        assert joint == np.linalg.matrix_rank(np.hstack([ones, bins])) == 7


def test_layout_and_names(table):
    frame = pd.DataFrame(table[:, :4], columns=["age", "fare", "time", "sex"])
    encoder = PiecewiseLinearEncoder(n_bins=2).set_output(transform="pandas")
    found = encoder.fit_transform(frame)
    assert list(found.columns) == [
        *("age", "fare", "time", "sex"),
        *("age_bin1", "age_bin2", "fare_bin1", "fare_bin2", "time_bin1", "time_bin2"),
        *("time_missing", "sex_missing"),
    ]
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.transform(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match=r"Two columns .* 'age_bin1'"):
        encoder.fit(frame.rename(columns={"sex": "age_bin1"})).get_feature_names_out()
    assert list(PiecewiseLinearEncoder().fit(table[:, :1]).get_feature_names_out())[:2] == [
        "x0",
        "x0_bin1",
    ]


def test_how_many_bins(table):
    X = table[:, :2]

    def n_bins(n_samples, **parameters):
        return PiecewiseLinearEncoder(**parameters).fit(X[:n_samples]).n_bins_[0]

    assert [n_bins(n) for n in (99, 100, 149, 150, 430)] == [0, 2, 2, 3, 8]
    assert PiecewiseLinearEncoder().fit(np.arange(2000.0)[:, None]).n_bins_[0] == 16
    assert n_bins(99, n_bins=5) == 5
    # Where nothing else is kept, a column is not lost.
    alone = PiecewiseLinearEncoder(keep=None, dtype=None).fit(table[:60, [0, 3]])
    assert_array_equal(alone.n_bins_, [1, 1])
    low, high = table[:60, 0].min(), table[:60, 0].max()
    assert_allclose(alone.transform(table[:60, [0, 3]])[:, 0], (table[:60, 0] - low) / (high - low))
    unscaled = PiecewiseLinearEncoder(n_bins=4, scale_bins=False).fit_transform(X)
    scaled = PiecewiseLinearEncoder(n_bins=4).fit_transform(X)
    assert_array_equal(unscaled[:, 2:], scaled[:, 2:] * 2)
    assert not PiecewiseLinearEncoder(add_indicator=False).fit(table).missing_features_.size


def test_own_knots(table):
    own = {"a": [-1, 0, 2], "two": [0.0, 0.5, 1.0]}
    frame = pd.DataFrame({"a": table[:, 0], "b": table[:, 1], "two": table[:, 4] > 2})
    encoder = PiecewiseLinearEncoder(n_bins=3, knots=own, keep=None, scale_bins=False, dtype=None)
    found = encoder.fit_transform(frame)
    assert_array_equal(encoder.knots_[0], own["a"])
    a = table[:, 0]
    assert_allclose(found[:, :2], np.clip(np.column_stack([a + 1, a / 2]), 0, 1))
    assert_array_equal(encoder.knots_[1], PiecewiseLinearEncoder(n_bins=3).fit(frame).knots_[1])
    assert encoder.n_bins_[2] == 2
    by_position = PiecewiseLinearEncoder(knots={0: [-1, 0, 2]}).fit(table[:, :1])
    assert_array_equal(by_position.knots_[0], [-1, 0, 2])
    assert own == {"a": [-1, 0, 2], "two": [0.0, 0.5, 1.0]}
    for knots in ([1, 1], [2, 1], [1], [1, np.nan], [0, np.inf], "ab", None, [[0, 1]], [0, 1, "x"]):
        with pytest.raises(ValueError, match=r"increasing finite numbers.*knots\['a'\]"):
            PiecewiseLinearEncoder(knots={"a": knots}).fit(frame)
    for key in ("c", 3, -1, 0.5, None):
        with pytest.raises(ValueError, match="no column of X"):
            PiecewiseLinearEncoder(knots={key: [0, 1]}).fit(frame)
    with pytest.raises(ValueError, match="there twice"):
        PiecewiseLinearEncoder(knots={"a": [0, 1], 0: [0, 1]}).fit(frame)
    with pytest.raises(ValueError, match="The 'dtype' parameter"):
        PiecewiseLinearEncoder(dtype="int8").fit(frame)


def test_new_gaps_are_at_the_mean(table):
    X = table[:, :1]
    encoder = PiecewiseLinearEncoder(dtype=None).fit(X)
    assert_allclose(encoder.transform([[np.nan]]), encoder.transform([[X.mean()]]), atol=1e-12)
    assert encoder.transform([[np.nan]])[0, 0] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_at_the_ends_of_floats(dtype):
    encoder = PiecewiseLinearEncoder(n_bins=3, scale_bins=False, dtype=dtype)
    for unit in (1.0, 1e-300, 1e-38, 1e30, 1e300):
        X = np.arange(10.0)[:, None] * unit
        with np.errstate(all="raise"):
            found = encoder.fit(X).transform(np.vstack([X, [[-1.7e308], [1.7e308]]]))
        assert_allclose(found[:10], encoder.fit_transform(np.arange(10.0)[:, None]), atol=1e-6)
        assert_array_equal(found[-2, 1:], [0, 0, 0])
        assert_array_equal(found[-1, 1:], [1, 1, 1])
        assert_allclose(np.abs(found[-2:, 0]), 3, rtol=1e-3 if unit == 1e300 else 1e-6)
    near = encoder.fit_transform([[1e9], [1e9 + 1e-6]])
    assert_allclose(near[:, 0], np.array([-1, 1]) / np.sqrt(1 + 1 / 9), rtol=0.2)
    nearest = encoder.fit_transform([[1e9], [np.nextafter(1e9, np.inf)]])
    assert nearest[0, 0] < nearest[1, 0]
    with pytest.raises(ValueError, match=r"Column 0 of X spans from -1.7e\+308"):
        encoder.fit([[-1.7e308], [1.7e308], [0]])
    with pytest.raises(ValueError, match="Column 1 of X contains infinity"):
        encoder.fit([[1, np.inf], [2, 1]])
    plain = PiecewiseLinearEncoder(keep="standardized", dtype=dtype).fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match="Column 0 of X has values too far"):
        plain.transform([[1e308], [1.0]]) if dtype == "float32" else clone(plain).fit(
            [[1e-300], [2e-300]]
        ).transform([[1e10]])


def test_rows_are_computed_in_parts(table, monkeypatch):
    """The result is that of all rows at once, and X stays as it was."""
    before = table.copy()
    encoder = PiecewiseLinearEncoder().fit(table)
    expected = encoder.transform(table)
    monkeypatch.setattr(skdl._transformers.piecewise, "_AT_ONCE", 100)
    assert_array_equal(encoder.transform(table), expected)
    assert_array_equal(encoder.transform(np.asfortranarray(table)), expected)
    assert_array_equal(table, before)
    assert encoder.transform(table[:1]).tobytes() == expected[:1].tobytes()


def test_it_is_cloned_and_pickled(table):
    encoder = PiecewiseLinearEncoder(knots={0: [0, 1]}, n_bins=3)
    expected = encoder.fit_transform(table)
    assert_array_equal(clone(encoder).fit_transform(table), expected)
    assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(table), expected)
    before = vars(encoder).copy()
    with pytest.raises(ValueError, match="infinity"):
        encoder.fit([[np.inf], [1]])
    assert vars(encoder) == before


def test_bins_let_a_linear_model_bend():
    """Classes that alternate along one column, some of it missing."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(0, 6, 600), "kind": np.resize(["a", "b"], 600)})
    y = np.floor(frame["x"]) % 2
    frame.loc[::50, "x"] = np.nan
    columns = make_column_transformer((PiecewiseLinearEncoder(n_bins=16), ["x"]), ("drop", [1]))
    bent = make_pipeline(columns, LogisticRegression(C=1000)).fit(frame, y)
    assert bent.score(frame, y) > 0.9
    straight = make_pipeline(SimpleImputer(), LogisticRegression(C=1000)).fit(frame[["x"]], y)
    assert straight.score(frame[["x"]], y) < 0.7


finite = st.floats(-1e6, 1e6, width=32) | st.integers(-3, 3).map(float)
columns = arrays(
    "float64",
    st.tuples(st.integers(1, 20), st.integers(1, 3)),
    elements=finite | st.just(np.nan),
)


@settings(max_examples=60)
@given(X=columns, n_bins=st.integers(2, 20), knots=st.sampled_from(["quantile", "uniform"]))
def test_what_holds_for_any_numbers(X, n_bins, knots):
    encoder = PiecewiseLinearEncoder(n_bins=n_bins, knots=knots, scale_bins=False, dtype=None)
    found = encoder.fit_transform(X)
    assert np.isfinite(found).all()
    assert found.shape == (len(X), encoder.n_features_out_)
    n_kept, n_binned = int((encoder.scale_ > 0).sum()), int(encoder.n_bins_.sum())
    bins = found[:, n_kept : n_kept + n_binned]
    assert ((bins >= 0) & (bins <= 1)).all()
    assert (np.abs(found[:, :n_kept]) <= 3).all()
    assert np.isin(found[:, n_kept + n_binned :], [0, 1]).all()
    # A bin begins once the one before has ended, and its column grows with the value.
    columns = np.repeat(np.arange(X.shape[1]), encoder.n_bins_)
    later = np.flatnonzero(columns[1:] == columns[:-1]) + 1
    assert (bins[:, later][bins[:, later - 1] < 1] == 0).all()
    for knots_ in encoder.knots_:
        assert len(knots_) != 1
        assert (np.diff(knots_) > 0).all()
    for j in np.flatnonzero(encoder.scale_ > 0):
        order = np.argsort(np.where(np.isnan(X[:, j]), encoder.mean_[j], X[:, j]), kind="stable")
        kept = found[:, :n_kept][:, np.flatnonzero(encoder.scale_ > 0) == j]
        own = np.hstack([kept, bins[:, columns == j]])[order]
        assert (np.diff(own, axis=0) >= 0).all()
    # Rows alone, and columns in another order, are encoded alike.
    assert_array_equal(np.vstack([encoder.transform(row[None]) for row in X]), found)
    turned = clone(encoder).fit(X[:, ::-1])
    names = [f"{j}" for j in range(X.shape[1])]
    place = {name: i for i, name in enumerate(turned.get_feature_names_out(names[::-1]))}
    order = [place[name] for name in encoder.get_feature_names_out(names)]
    assert_array_equal(turned.transform(X[:, ::-1])[:, order], found)
