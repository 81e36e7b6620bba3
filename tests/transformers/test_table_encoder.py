"""Columns of tables: kinds, values, names, and what was not seen in fit."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from skdl import PiecewiseLinearEncoder
from skdl._transformers.table_encoder import TableEncoder

N = 60
DATES = ["2020-01-05", None, "2021-05-06"]


def column(values, dtype=None):
    return pd.Series(list(values) * (N // len(values)), dtype=dtype)


NUMBERS = {
    "int8": column([1, 2, 3], "int8"),
    "uint16": column([1, 2, 60000], "uint16"),
    "float16": column([1, 2.5, np.nan], "float16"),
    "bool": column([True, False, True]),
    "Int64": column([1, None, 3], "Int64"),
    "Float32": column([1.5, None, 3], "Float32"),
    "boolean": column([True, None, False], "boolean"),
    "objects": column([1, None, 2.5], object),
    "booleans": column([True, None, False], object),
    "decimals": column([Decimal("1.5"), None, Decimal(3)], object),
    "timedelta": column(pd.to_timedelta([1, None, 3], unit="D")),
    "timedeltas": column([datetime.timedelta(days=1), None, datetime.timedelta(days=3)], object),
}
CATEGORIES = {
    "texts": column(["a", None, "b"]),
    "objects": column(["a", None, "b"], object),
    "NaN": column(["a", np.nan, "b"], object),
    "NA": column(["a", pd.NA, "b"], object),
    "string": column(["a", None, "b"], "string"),
    "category": column(["a", None, "b"], "category"),
}
TIMES = {
    "datetime64": column(pd.to_datetime(DATES)),
    "UTC": column(pd.to_datetime(DATES)).dt.tz_localize("UTC"),
    "texts": column(DATES),
    "times": column(["2020-01-05T00:00:00", None, "2021-05-06 00:00"]),
    "date": column([datetime.date(2020, 1, 5), None, datetime.date(2021, 5, 6)], object),
    "period": column(pd.PeriodIndex(DATES, freq="D")),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_any_type_are_encoded_as_floats(name):
    table = NUMBERS[name].to_frame("x")
    encoder = TableEncoder().fit(table)
    assert encoder.kinds_ == ["number"]
    days = name.startswith("timedelta")
    floats = [[float(v / pd.Timedelta(days=1) if days else v)] if pd.notna(v) else [np.nan]
              for v in table["x"]]  # fmt: skip
    expected = PiecewiseLinearEncoder().fit_transform(np.array(floats))
    np.testing.assert_array_equal(encoder.transform(table), expected)
    assert encoder.get_feature_names_out()[0] == "x"


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_of_any_type_have_a_column_each_and_one_for_what_is_missing(name):
    encoder = TableEncoder().fit(CATEGORIES[name].to_frame("x"))
    assert encoder.kinds_ == ["category"]
    assert encoder.get_feature_names_out().tolist() == ["x_a", "x_b", "x_nan"]
    encoded = encoder.transform(CATEGORIES[name].head(3).to_frame("x"))
    np.testing.assert_array_equal(encoded, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize("name", TIMES)
def test_dates_of_any_type_become_the_same_numbers(name):
    encoder = TableEncoder().fit(TIMES[name].to_frame("d"))
    assert encoder.kinds_ == ["date"]
    names = ["d_days", "d_days_missing", "d_year", "d_month", "d_day", "d_day_of_week"]
    assert encoder.get_feature_names_out().tolist() == names
    expected = TableEncoder().fit_transform(TIMES["datetime64"].to_frame("d"))
    np.testing.assert_array_equal(encoder.transform(TIMES[name].to_frame("d")), expected)
    days = (pd.to_datetime(DATES) - pd.Timestamp("1970-01-01")).days.to_numpy()[:, None]
    np.testing.assert_allclose(
        expected[:3, :2], PiecewiseLinearEncoder().fit(np.tile(days, (20, 1))).transform(days)
    )


def test_numbers_among_texts_and_gaps_among_numbers_stay_what_they_are():
    mixed = pd.DataFrame({"x": column([1, "a", None], object), "y": column([3, 4, 4], "category")})
    encoder = TableEncoder().fit(mixed)
    assert encoder.kinds_ == ["category", "category"]
    names = ["x_1", "x_a", "x_nan", "y_3.0", "y_4.0"]
    assert encoder.get_feature_names_out().tolist() == names
    later = pd.DataFrame({"x": [1.0, np.nan], "y": [np.nan, 4.0]})  # what pandas makes of gaps
    np.testing.assert_array_equal(encoder.transform(later), [[1, 0, 0, 0, 0], [0, 0, 1, 0, 1]])
    unknown = pd.DataFrame({"x": ["b"], "y": ["four"]})
    assert not encoder.transform(unknown).any()


def test_rare_categories_share_a_column_with_unknown_ones():
    names = pd.Series([f"id{i}" for i in range(40)] + ["often"] * 20, name="x")
    encoder = TableEncoder().fit(names.to_frame())
    assert encoder.get_feature_names_out().tolist() == ["x_often", "x_infrequent_sklearn"]
    later = pd.DataFrame({"x": ["often", "id7", "new"]})
    np.testing.assert_array_equal(encoder.transform(later), [[1, 0], [0, 1], [0, 1]])
    many = pd.DataFrame({"x": [f"id{i % 100}" for i in range(1000)]})
    assert TableEncoder().fit_transform(many).shape[1] == 64


@pytest.mark.parametrize("given", [[0], ["code"], [True, False]])
def test_numbers_that_are_categories(given):
    table = pd.DataFrame({"code": column([7, 1, 3]), "x": np.linspace(0, 1, N)})
    encoder = TableEncoder(categorical_features=given).fit(table)
    assert encoder.kinds_ == ["category", "number"]
    expected = OneHotEncoder(sparse_output=False).fit_transform(table[["code"]])
    np.testing.assert_array_equal(encoder.transform(table)[:, 1:], expected)
    if isinstance(given[0], int):
        same = TableEncoder(categorical_features=given).fit(table.to_numpy())
        np.testing.assert_array_equal(same.transform(table.to_numpy()), encoder.transform(table))


def test_new_gaps_are_no_error():
    table = pd.DataFrame({"x": np.arange(float(N)), "s": column(["a", "b"])})
    table["d"] = ["2020-01-01"] * (N - 1) + ["2021-02-03"]
    encoder = TableEncoder().fit(table)
    gaps = pd.DataFrame({"x": [None], "s": [None], "d": [None]}, dtype=object)
    (encoded,) = encoder.transform(gaps)
    names = encoder.get_feature_names_out().tolist()
    assert np.isfinite(encoded).all()
    assert encoded[names.index("x")] == 0  # the mean
    assert not encoded[[names.index("s_a"), names.index("s_b")]].any()


def test_rows_of_an_array_of_objects_are_columns_of_any_type():
    table = pd.DataFrame({"x": NUMBERS["objects"], "s": CATEGORIES["objects"]})
    array = TableEncoder().fit_transform(table.to_numpy())
    np.testing.assert_array_equal(array, TableEncoder().fit_transform(table))


def test_polars_frames_are_as_pandas_frames():
    polars = pytest.importorskip("polars")
    table = pd.DataFrame({
        "x": np.linspace(0, 1, N), "i": NUMBERS["Int64"], "b": NUMBERS["boolean"],
        "s": CATEGORIES["texts"], "d": TIMES["datetime64"], "t": NUMBERS["timedelta"],
    })  # fmt: skip
    same = polars.DataFrame({
        "x": table["x"].tolist(), "i": [1, None, 3] * 20, "b": [True, None, False] * 20,
        "s": ["a", None, "b"] * 20,
        "d": [datetime.datetime(2020, 1, 5), None, datetime.datetime(2021, 5, 6)] * 20,
        "t": NUMBERS["timedeltas"].tolist(),
    })  # fmt: skip
    encoder = TableEncoder().fit(same)
    assert encoder.feature_names_in_.tolist() == table.columns.tolist()
    np.testing.assert_array_equal(encoder.transform(same), TableEncoder().fit_transform(table))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": ["abc"]}, r"Column 'x' held numbers in fit, received .*'abc'"),
        ({"x": [np.inf]}, r"contains infinity in column 'x'"),
        ({"d": ["soon"]}, r"Column 'd' held dates in fit, received .*soon"),
    ],
)
def test_other_values_than_in_fit_are_named(given, message):
    table = pd.DataFrame({"x": np.arange(N), "d": TIMES["datetime64"]})
    encoder = TableEncoder().fit(table)
    with pytest.raises(ValueError, match=message):
        encoder.transform(table.head(1).assign(**given))


def test_columns_that_say_nothing():
    table = pd.DataFrame({"one": [1] * N, "none": None, "nan": np.nan})
    with pytest.raises(ValueError, match="No column of X has two different values"):
        TableEncoder().fit(table)
    table["x"] = np.arange(N)
    assert TableEncoder().fit(table).get_feature_names_out().tolist() == ["x"]


@pytest.mark.parametrize("value", [np.inf, 10**400])
def test_categories_are_finite(value):
    table = pd.DataFrame({"code": [1.0, 2.0, value] * 3}, dtype=object)
    with pytest.raises(ValueError, match=r"Column 'code': .* must be finite"):
        TableEncoder(categorical_features=["code"]).fit(table)


@pytest.mark.parametrize(
    "value", [[1, 2], {"a": 1}, {1}, np.arange(3)], ids=lambda v: type(v).__name__
)
def test_cells_that_hold_several_values_are_refused(value):
    table = pd.DataFrame({"embedding": [value] * 30, "number": range(30)})
    with pytest.raises(ValueError, match=f"'embedding': .* is a {type(value).__name__}"):
        TableEncoder().fit(table)
    encoder = TableEncoder().fit(table.assign(embedding=["u", "v", "w"] * 10))
    with pytest.raises(ValueError, match="no category"):
        encoder.transform(table)


def test_two_columns_of_one_name():
    table = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="more than one column called 'a'"):
        TableEncoder().fit(table)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([True], "X has 2 columns"),
        ([2], "none at 2"),
        (["z"], "no column 'z'"),
        ([[0]], "no shape"),
        ([0.5], "they are floats"),
    ],
)
def test_wrong_categorical_features(given, message):
    table = pd.DataFrame({"x": [1, 2, 3], "y": [1, 2, 3]})
    with pytest.raises(ValueError, match=rf"categorical_features must be .*{message}"):
        TableEncoder(categorical_features=given).fit(table)
