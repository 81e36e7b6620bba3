"""Targets that are missing, and names in place of targets: the error says which and what to do."""

import numpy as np
import pandas as pd
import pytest

from skdl import ConvNetClassifier, DenseClassifier, DenseRegressor, TabularClassifier

X = np.random.default_rng(0).normal(size=(12, 16)).astype("float32")
GAPS = np.arange(12) % 4 == 3  # rows 3, 7 and 11
FOUND = r"Input y contains NaN: of 12 rows, 3 have no target, the first of which is row 3 \({}\)\. "


@pytest.mark.parametrize(
    ("y", "shown"),
    [
        (np.where(GAPS, np.nan, 1.0), "nan"),
        ([None if gap else "a" for gap in GAPS], "None"),
        (pd.Series([pd.NA if gap else "a" for gap in GAPS], dtype="string"), "<NA>"),
        (pd.Series([None if gap else "a" for gap in GAPS], dtype="category"), "nan"),
        (pd.Series([None if gap else 1 for gap in GAPS], dtype="Int64"), "nan"),
        (pd.to_datetime(pd.Series([None if gap else "2024" for gap in GAPS])), "None"),
    ],
    ids=["float", "None", "string", "category", "Int64", "datetime"],
)
@pytest.mark.parametrize("estimator", [DenseClassifier, TabularClassifier])
def test_missing_labels_are_counted_and_named(estimator, y, shown):
    with pytest.raises(ValueError, match=FOUND.format(shown) + "Leave them out of X and y"):
        estimator().fit(X, y)


def test_missing_values_of_several_outputs():
    y = np.stack([np.ones(12), np.where(GAPS, np.nan, 1.0)], axis=1)
    with pytest.raises(ValueError, match=FOUND.format(r"\[1.0, nan\]")) as error:
        DenseRegressor().fit(X, y)
    assert "pandas.notna(y).all(axis=1)" in str(error.value)
    kept = pd.notna(y).all(axis=1)  # the remedy that the message names
    assert DenseRegressor(2, epochs=1).fit(X[kept], y[kept]).n_outputs_ == 2


def test_missing_validation_targets():
    y = np.arange(12) % 2
    with pytest.raises(ValueError, match="Input y_val contains NaN: of 12 rows, 3"):
        DenseClassifier().fit(X, y, X_val=X, y_val=np.where(GAPS, np.nan, y))


@pytest.mark.parametrize("estimator", [DenseClassifier, DenseRegressor, TabularClassifier])
def test_the_name_of_a_column_is_no_target(estimator):
    table = pd.DataFrame({"age": np.arange(12.0), "target": np.arange(12) % 2})
    with pytest.raises(TypeError, match=r"received the text 'target'.*X\.drop\(columns='target'\)"):
        estimator().fit(table, "target")


def test_missing_inputs_get_a_remedy_among_networks():
    table = pd.DataFrame({"age": np.arange(12.0), "size": np.where(GAPS, np.nan, 1.0)})
    y = np.arange(12) % 2
    with pytest.raises(ValueError, match="Input X contains NaN") as error:
        DenseClassifier().fit(table, y)
    assert "TabularClassifier" in str(error.value)
    assert "SimpleImputer" in str(error.value)
    assert "missing in 'size'" in str(error.value)
    assert "HistGradientBoosting" not in str(error.value)
    with pytest.raises(ValueError, match=r"Input X contains NaN\. Every pixel") as error:
        ConvNetClassifier().fit(np.where(GAPS[:, None], np.nan, X), y)
    assert "HistGradientBoosting" not in str(error.value)
