"""Columns of a table in which fit saw no value, or that hold something else when predicting."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import cross_val_score

from skdl import TabularClassifier

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"a": RNG.normal(size=40), "b": RNG.choice(["x", "y"], 40)})
Y = (TABLE["a"] > 0).astype(int)
NET = TabularClassifier(hidden_layer_sizes=2, epochs=1, n_members=2, random_state=0)
EMPTY = {
    "object": pd.Series([None] * 40, dtype=object),
    "float": pd.Series(np.nan, range(40)),
    "date": pd.Series(pd.NaT, range(40), dtype="datetime64[ns]"),
    "date of another zone": pd.Series(pd.NaT, range(40), dtype="datetime64[ns, Europe/Vienna]"),
    "nullable": pd.Series([pd.NA] * 40, dtype="Int64"),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_a_column_without_values_in_fit_may_hold_anything_later(kind):
    table = TABLE.assign(rare=EMPTY[kind], c=TABLE["a"] * 2, day=pd.Timestamp("2020-02-02"))
    net = NET.fit(table, Y)
    expected = net.predict_proba(table)
    for found in ["text", 3.0, True, pd.Timestamp("2021-01-01"), None]:
        assert_array_equal(net.predict_proba(table.assign(rare=found)), expected)


def test_a_text_of_one_fold_alone():
    """In the other fold's training rows there is none."""
    table = TABLE.assign(note=pd.Series([None] * 20 + ["seen"] * 20, dtype=object))
    scores = cross_val_score(NET, table, Y, cv=[(range(20), range(20, 40))], error_score="raise")
    assert scores.shape == (1,)


def test_complex_numbers_are_refused_as_in_fit():
    net = NET.fit(TABLE, Y)
    with pytest.raises(ValueError, match="Complex data not supported: column 'a'"):
        net.predict(TABLE.assign(a=TABLE["a"] + 1j))
