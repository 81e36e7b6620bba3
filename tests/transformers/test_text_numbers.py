"""Numbers that are written as texts in a table: a warning names the column and the remedy."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest

from skdl import TabularRegressor

N = 40
y = np.arange(N, dtype=float)


def fitted(table, **parameters):
    return TabularRegressor(n_members=1, epochs=1, random_state=0, **parameters).fit(table, y)


TEXTS = {
    "thousands": [f"{1000 + 7 * i:,}" for i in range(N)],
    "prices": [f"${i}.50" for i in range(N)],
    "percent": [f"{i / 2} %" for i in range(N)],
    "comma": [f"{i},5" for i in range(N)],
    "gaps": ["?" if i % 9 == 5 else str(i) for i in range(N)],
}


@pytest.mark.parametrize("name", TEXTS)
def test_numbers_as_texts_are_warned_of(name):
    table = pd.DataFrame({"age": y, name: TEXTS[name]})
    with pytest.warns(UserWarning, match=f"^Column '{name}' holds numbers as texts, such as"):
        fitted(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(table, categorical_features=[name])  # which says that they are categories


def test_the_value_beside_them_is_named_and_the_remedy_is_silent():
    table = pd.DataFrame({"age": y, "power": TEXTS["gaps"], "size": TEXTS["thousands"]})
    with pytest.warns(UserWarning, match="numbers as texts") as told:
        fitted(table)
    told = [str(each.message) for each in told]
    assert any("such as '0', with '?' among them" in text for text in told)
    assert any("such as '1,000', which are taken for categories" in text for text in told)
    file = io.StringIO(table.to_csv(index=False))
    read = pd.read_csv(file, thousands=",", na_values="?")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitted(read).encoder_.kinds_ == ["number"] * 3


@pytest.mark.parametrize(
    "texts",
    [
        [f"{i:05}" for i in range(N)],  # codes, such as postal ones
        [f"z{i}" for i in range(N)],
        [f"{i}:30" for i in range(N)],
        [f"{10 * (i % 5)} %" for i in range(N)],
        pd.Categorical(TEXTS["prices"]),
    ],
    ids=["codes", "names", "times", "few", "categorical"],
)
def test_texts_that_are_meant_are_silent(texts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitted(pd.DataFrame({"age": y, "text": texts})).encoder_.kinds_[1] == "category"
