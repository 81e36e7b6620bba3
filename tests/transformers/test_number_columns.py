"""Tables that `PiecewiseLinearEncoder` takes as numbers, whatever holds them, or refuses."""

import copy
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow
import pytest
from numpy.testing import assert_array_equal

from skdl import PiecewiseLinearEncoder

N = 120
rng = np.random.default_rng(0)
VALUES, WHOLE, TRUE = rng.normal(size=N).round(3), rng.integers(0, 40, N), rng.random(N) < 0.5
GAPS = rng.random(N) < 0.1
DAYS = pd.Series(pd.date_range("2020-01-01", periods=N))


def frame(values=float, whole=float, true=object):
    """Numbers, integers and booleans with gaps, in dtypes of pandas."""
    columns = {"values": (VALUES, values), "whole": (WHOLE, whole), "true": (TRUE, true)}
    return pd.DataFrame({k: pd.Series(v).astype(d).mask(GAPS) for k, (v, d) in columns.items()})


ARRAY = frame().astype(float).to_numpy()
TAKEN = {
    "objects": frame,
    "pandas.NA among objects": lambda: frame("Float64", object, object).replace(np.nan, pd.NA),
    "nullable": lambda: frame("Float64", "Int64", "boolean"),
    "arrow": lambda: frame("double[pyarrow]", "int64[pyarrow]", "bool[pyarrow]"),
    "mixed": lambda: frame(float, "Int64", "bool[pyarrow]"),
    "decimals": lambda: frame().assign(
        values=[None if gap else Decimal(str(v)) for v, gap in zip(VALUES, GAPS, strict=True)]
    ),
    "decimals of arrow": lambda: frame().assign(
        values=lambda X: X["values"].astype(pd.ArrowDtype(pyarrow.decimal128(10, 3)))
    ),
    "array of objects": lambda: np.where(np.isnan(ARRAY), None, ARRAY.astype(object)),
    "array of objects and pandas.NA": lambda: np.where(
        np.isnan(ARRAY), pd.NA, ARRAY.astype(object)
    ),
    "lists": ARRAY.tolist,
}


@pytest.mark.parametrize("made", TAKEN.values(), ids=TAKEN)
def test_numbers_of_any_kind(made):
    expected = PiecewiseLinearEncoder().fit(ARRAY)
    X = made()
    before = copy.deepcopy(X)
    found = PiecewiseLinearEncoder().fit(X)
    assert_array_equal(found.transform(X), expected.transform(ARRAY))
    assert_array_equal(found.transform(X[:1]), expected.transform(ARRAY[:1]))
    assert str(X) == str(before)
    assert not isinstance(X, pd.DataFrame) or X.equals(before)


def test_tables_of_arrow():
    table = pyarrow.Table.from_pandas(frame("Float64", "Int64", "boolean"))
    expected = PiecewiseLinearEncoder().fit_transform(ARRAY)
    encoder = PiecewiseLinearEncoder().fit(table)
    assert_array_equal(encoder.transform(table), expected)
    assert list(encoder.feature_names_in_) == ["values", "whole", "true"]
    with pytest.raises(ValueError, match=r"'text' \(str"):
        PiecewiseLinearEncoder().fit(table.append_column("text", [["1"] * N]))


def test_small_types_and_whole_columns_without_values():
    X = pd.DataFrame({"none": [None] * N, "whole": WHOLE.astype("int8"), "true": TRUE})
    found = PiecewiseLinearEncoder(dtype=None).fit(X)
    assert_array_equal(found.n_bins_, [0, 2, 0])
    assert np.isnan(found.mean_[0])
    assert found.transform(X).dtype == np.float64
    assert found.transform(X).shape == (N, 4)


OTHERS = {
    "str": ["x"] * N,
    "digits": ["1"] * N,
    "objects": pd.Series([1, "2"] * (N // 2), dtype=object),
    "bytes": [b"1"] * N,
    "days": DAYS,
    "zone": DAYS.dt.tz_localize("UTC"),
    "dates": DAYS.dt.date,
    "spans": DAYS - DAYS[0],
    "months": DAYS.dt.to_period("M"),
    "category": pd.Series(WHOLE).astype("category"),
    "category of booleans": pd.Series(TRUE).astype("category"),
    "arrow text": pd.Series(["1"] * N, dtype="string[pyarrow]"),
    "arrow days": DAYS.astype("timestamp[ns][pyarrow]"),
}


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
def test_what_is_no_number_is_refused_by_name(values):
    """Also where NumPy would make numbers of it, such as of digits and days."""
    X = pd.DataFrame({"age": VALUES, "other": values})
    with pytest.raises(ValueError, match=r"X has others: 'other' \(.*ColumnTransformer"):
        PiecewiseLinearEncoder().fit(X)
    fitted = PiecewiseLinearEncoder().fit(np.column_stack([VALUES, VALUES]))
    with pytest.raises(ValueError, match="X has others: 'other'"):
        fitted.transform(X)


def test_arrays_and_many_columns():
    with pytest.raises(ValueError, match=r"others: 1 \(object, with texts\)"):
        PiecewiseLinearEncoder().fit(np.array([[1, "2"], [3, 4]], dtype=object))
    with pytest.raises(ValueError, match=r"others: 0 \(datetime64"):
        PiecewiseLinearEncoder().fit(DAYS.to_numpy()[:, None])
    with pytest.raises(ValueError, match=r"others: 0 \(str\), 1 \(str\)"):
        PiecewiseLinearEncoder().fit([["1", "2"], ["3", "4"]])
    with pytest.raises(ValueError, match=r"'4' .* and 3 more"):
        PiecewiseLinearEncoder().fit(pd.DataFrame({str(j): ["x"] for j in range(8)}))
