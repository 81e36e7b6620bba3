"""Integers beyond 2**53, of which several are the same float, stay what they are."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skdl import DenseClassifier, KerasClassifier, TabularClassifier, build_dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).astype(np.float32)
HIGH = X[:, 0] > 0
ID = 2**53


def of(first, second):
    return [second if high else first for high in HIGH.tolist()]


SIGNED = of(ID, ID + 1)
UNSIGNED = of(2**63 + 1, 2**63 + 2)
LABELS = {
    "Int64": pd.Series(SIGNED, dtype="Int64"),
    "UInt64": pd.Series(UNSIGNED, dtype="UInt64"),
    "column": pd.DataFrame({"y": SIGNED}, dtype="Int64"),
    "array": pd.array(SIGNED, dtype="Int64"),
    "uint64": np.array(UNSIGNED, dtype=np.uint64),
    "category": pd.Series(SIGNED, dtype="Int64").astype("category"),
    "list": UNSIGNED,
    "list across 2**63": of(5, 2**63 + 1),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_labels_keep_all_digits(kind):
    y = LABELS[kind]
    expected = sorted({int(label) for label in np.ravel(np.asarray(y, dtype=object))})
    net = DenseClassifier((8,), epochs=30, learning_rate=0.05, random_state=0)
    net.fit(X, y, X_val=X, y_val=y)
    assert net.classes_.dtype.kind in "iu"
    assert net.classes_.tolist() == expected
    pairs = zip(net.predict(X).tolist(), HIGH.tolist(), strict=True)
    assert np.mean([found == expected[high] for found, high in pairs]) > 0.9


def test_nullable_columns_as_pyarrow_has_them():
    pytest.importorskip("pyarrow")
    y = pd.Series(SIGNED, dtype="int64[pyarrow]")
    assert DenseClassifier(4, epochs=1).fit(X, y).classes_.tolist() == [ID, ID + 1]


def test_estimators_for_tables_and_networks_of_ones_own():
    y = LABELS["Int64"]
    tabular = TabularClassifier(hidden_layer_sizes=4, epochs=1, n_members=2, random_state=0)
    tabular.fit(pd.DataFrame(X), y)
    assert tabular.classes_.tolist() == [ID, ID + 1]
    own = KerasClassifier(build_dense, model_params={"hidden_layer_sizes": (4,)}, epochs=1)
    assert own.fit(X, y).classes_.tolist() == [ID, ID + 1]


def test_parts_and_their_classes():
    y = LABELS["Int64"]
    for classes in (pd.unique(y), pd.Series([ID, ID + 1, 7], dtype="Int64"), [ID, ID + 1]):
        net = DenseClassifier(4, random_state=0).partial_fit(X, y, classes=classes)
        assert set(net.classes_.tolist()) >= {ID, ID + 1}
    unsigned = np.array(SIGNED, dtype=np.uint64)
    nets = [
        DenseClassifier(4, random_state=0).partial_fit(X, labels, classes=np.array([ID, ID + 1]))
        for labels in (unsigned, unsigned.astype(np.int64))
    ]
    assert_array_equal(*(net.predict_proba(X) for net in nets))
    large = DenseClassifier(4).partial_fit(X, UNSIGNED, classes=[2**63 + 1, 2**63 + 2])
    assert large.classes_.tolist() == [2**63 + 1, 2**63 + 2]


def test_labels_of_no_integer_dtype_are_refused():
    with pytest.raises(ValueError, match=r"do not fit into one integer dtype.*texts"):
        DenseClassifier(4, epochs=1).fit(X, of(-1, 2**63 + 1))


def test_categories_that_are_ids_stay_apart():
    table = pd.DataFrame({"id": pd.Series(SIGNED), "gap": pd.Series(SIGNED, dtype="Int64")})
    table.loc[0, "gap"] = pd.NA
    net = TabularClassifier(
        hidden_layer_sizes=8, categorical_features=["id", "gap"], epochs=20, learning_rate=0.05,
        n_members=2, random_state=0,
    ).fit(table, HIGH.astype(int))  # fmt: skip
    assert net.score(table, HIGH.astype(int)) > 0.9
