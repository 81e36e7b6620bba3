"""Estimators that load without being trusted: as they were, or not at all if a number lies."""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from fitted_estimators import (
    X,
    fitted_estimators,
    records,
    table,
    texts,
    two,
    unfitted_estimators,
    used,
    y,
)
from forged_files import ROOT, forged, json_node, members_of, refused
from mutations import put
from numpy.testing import assert_array_equal
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor, SGDClassifier
from sklearn.metrics import make_scorer, pairwise_distances
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MultiLabelBinarizer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC

import skdl
from skdl._files.known import ESTIMATORS
from skdl.exceptions import UntrustedTypesError

NEEDS_TREES = "Trees, where"


FEW = {"OneHotEncoder", "ColumnTransformer", "TfidfVectorizer", "OneVsRestClassifier", "Ridge"}
FEW |= {"KBinsDiscretizer", "SimpleImputer", "CalibratedClassifierCV", "RandomizedSearchCV"}


@pytest.mark.parametrize("names", [FEW, pytest.param(None, marks=pytest.mark.slow)])
def test_audited_estimators_are_loaded_as_they_were(names, tmp_path):
    """A few of them; and all, which is slow."""
    for estimator, X_, _ in fitted_estimators(names):
        skdl.save(estimator, tmp_path / "saved.skdl")
        loaded = skdl.load(tmp_path / "saved.skdl")
        expected, found = used(estimator, X_), used(loaded, X_)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert_array_equal(found[name], values)


def test_every_class_that_loads_is_tried():
    """Above, and by the slow test that changes files."""
    tried = {type(estimator).__name__ for estimator, _, _ in unfitted_estimators()}
    listed = {
        name
        for title, module, names in ESTIMATORS
        if module != "skdl" and not title.startswith(NEEDS_TREES)
        for name in names.split()
    }
    assert tried == listed


@pytest.mark.parametrize(
    "estimator",
    [SVC(), KNeighborsClassifier(), GradientBoostingClassifier(n_estimators=1)],
    ids=lambda e: type(e).__name__,
)
def test_what_nobody_audited_is_refused_by_name(estimator, tmp_path):
    skdl.save(estimator.fit(X, two), tmp_path / "saved.skdl")
    cls = type(estimator)
    error = refused(tmp_path / "saved.skdl", "compiled code", UntrustedTypesError)
    assert f"{cls.__module__}.{cls.__name__}" in error.names
    if cls is SVC:
        loaded = skdl.load(tmp_path / "saved.skdl", trusted=[SVC])
        assert_array_equal(loaded.predict(X), estimator.predict(X))


def attributes_of(tree, *path):
    """Return the attributes of the object at a path of attributes in skops's tree."""
    content = tree["content"]["content"]
    for name in path:
        node = content[name]
        content = node["content"]["content"] if "Object" in node["__loader__"] else node["content"]
    return content


def changed(estimator, tmp_path, name, node, *path):
    """Save an estimator with another node, or number, as an attribute; return the file."""
    skdl.save(estimator, tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    node = node if isinstance(node, dict) else json_node(node)
    attributes_of(tree, *path)[name] = node
    types = tree["content"]["key_types"]["content"]
    types += [types[0]] * (len(tree["content"]["content"]) - len(types))
    return forged(tmp_path / "changed.skdl", about, tree, arrays)


@pytest.mark.parametrize("column", [2 * 10**9, -1, 3, 0, 1.0, True, None, "x"])
@pytest.mark.parametrize("vectorizer", [CountVectorizer(), DictVectorizer()], ids=["words", "dict"])
def test_words_without_a_column_of_their_own_are_refused(vectorizer, column, tmp_path):
    """Such a column made compiled code of SciPy write anywhere."""
    data = texts if isinstance(vectorizer, CountVectorizer) else records
    word = "good" if isinstance(vectorizer, CountVectorizer) else "b"
    fitted = vectorizer.fit(data)
    column = len(fitted.vocabulary_) if column == 3 else column
    if column in fitted.vocabulary_.values() and fitted.vocabulary_[word] == column:
        column = (column + 1) % len(fitted.vocabulary_)
    skdl.save(fitted, tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    path = tmp_path / "changed.skdl"
    words = attributes_of(tree, "vocabulary_")
    words[word] = json_node(column)
    refused(forged(path, about, tree, arrays), "vocabulary|columns?")


def test_long_vocabularies_are_checked_too(tmp_path):
    net = skdl.TextBoWClassifier(epochs=1, random_state=0)
    net.fit([" ".join(f"word{i}" for i in range(50)), "word1 word2"] * 4, [0, 1] * 4)
    skdl.save(net, tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    (number,) = [n for n, p in enumerate(about["parts"]) if "word7" in p.get("keys", ())]
    about["parts"][number]["values"][0] = 2 * 10**9
    refused(
        forged(tmp_path / "changed.skdl", about, tree, arrays), "for columns that it does not have"
    )


LIES = [
    (lambda: OneHotEncoder().fit(table), "_n_features_outs", [], "other numbers of columns"),
    (lambda: PolynomialFeatures().fit(X), "_n_out_full", 10**9, "another number of columns"),
    (lambda: PolynomialFeatures().fit(X), "_max_degree", 10**9, "not as fit leaves it|columns"),
    (lambda: StandardScaler().fit(X), "n_features_in_", 9, "mean_ of shape"),
    (lambda: StandardScaler().fit(X), "n_features_in_", -1, "n_features_in_=-1"),
    (lambda: StandardScaler().fit(X), "transform", 1, "another 'transform'"),
    (lambda: StandardScaler().fit(X), "_parameter_constraints", 1, "another '_parameter"),
    (lambda: ElasticNet().fit(X, y), "warm_start", True, "warm_start"),
    (lambda: ElasticNet().fit(X, y), "max_iter", -1, "max_iter"),
    (lambda: FunctionTransformer().fit(X), "validate", "x", "validate"),
    (lambda: OneVsRestClassifier(LogisticRegression()).fit(X, y), "n_jobs", 10**6, "n_jobs"),
    (lambda: PoissonRegressor().fit(X, y), "_base_loss", 3, "another loss"),
    (lambda: make_scorer(np.add), "_response_method", "set_params", "calls"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "name", "value", "match"), LIES, ids=[lie[1] for lie in LIES])
def test_attributes_that_no_fit_leaves_are_refused(made, name, value, match, tmp_path):
    if isinstance(value, list):
        value = {"__loader__": "ListNode", "__module__": "builtins", "__class__": "list",
                 "content": []}  # fmt: skip
    refused(changed(made(), tmp_path, name, value), match)


def test_categories_are_in_the_order_of_the_search(tmp_path):
    """Sought in another order, a value is found beyond the last category."""
    skdl.save(OneHotEncoder().fit([[1], [2], [3]]), tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    numbers = np.array([3, 2, 1]).tobytes()
    assert np.arange(1, 4).tobytes() in arrays
    arrays = arrays.replace(np.arange(1, 4).tobytes(), numbers)
    refused(forged(tmp_path / "changed.skdl", about, tree, arrays), "out of order")


def test_categories_of_booleans_are_in_order_too(tmp_path):
    skdl.save(OneHotEncoder().fit([[False], [True]]), tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    assert b"\0\1" in arrays
    arrays = arrays.replace(b"\0\1", b"\1\0")
    refused(forged(tmp_path / "changed.skdl", about, tree, arrays), "out of order")


def test_no_class_of_a_binarizer_is_there_twice(tmp_path):
    """There would be fewer columns than the places of the classes."""
    fitted = MultiLabelBinarizer(sparse_output=True).fit([[1, 2], [3]])
    fitted.classes_ = np.array([1, 1, 2])
    skdl.save(fitted, tmp_path / "saved.skdl")
    refused(tmp_path / "saved.skdl", "a class twice")


def test_classes_that_a_binarizer_kept_are_its_own(tmp_path):
    fitted = MultiLabelBinarizer(sparse_output=True).fit([[1, 2], [3]])
    fitted.transform([[1]])
    assert fitted._cached_dict == {1: 0, 2: 1, 3: 2}
    skdl.save(fitted, tmp_path / "saved.skdl")
    assert skdl.load(tmp_path / "saved.skdl").transform([[2]]).nnz == 1
    path = changed(fitted, tmp_path, "2", 10**9, "_cached_dict")
    refused(path, "for columns that it does not have")


def test_averages_of_weights_are_as_many_as_weights(tmp_path):
    fitted = SGDClassifier(average=True, random_state=0).fit(X, two)
    fitted._average_coef = np.zeros((1, 2))
    skdl.save(fitted, tmp_path / "saved.skdl")
    refused(tmp_path / "saved.skdl", "_average_coef of shape")


def test_one_vs_rest_of_two_classes_believes_rows_of_known_steps_only(tmp_path):
    """It makes a sparse matrix of them; rows that a step adds would be written outside."""
    steps = StandardScaler(), LogisticRegression()
    skdl.save(OneVsRestClassifier(make_pipeline(*steps)).fit(X, two), tmp_path / "fine.skdl")
    assert skdl.load(tmp_path / "fine.skdl").predict(X).shape == (30,)
    added = FunctionTransformer(partial(np.add, np.zeros((1, 4))))
    skdl.save(OneVsRestClassifier(make_pipeline(added, *steps)).fit(X, two), tmp_path / "rows.skdl")
    refused(tmp_path / "rows.skdl", "other rows than they get")
    skdl.load(tmp_path / "rows.skdl", trusted=[OneVsRestClassifier])


def test_functions_that_believe_matrices_are_refused(tmp_path):
    metric = FunctionTransformer(pairwise_distances, kw_args={"metric": "mahalanobis"})
    skdl.save(metric, tmp_path / "saved.skdl")
    refused(tmp_path / "saved.skdl", "pairwise_distances", UntrustedTypesError)


def test_booleans_and_texts_are_such(tmp_path):
    """NumPy adds up the bytes of a mask to see how much memory to ask for."""
    values = {"mask": np.array([True, False]), "text": np.array(["ab"]),
              "record": np.array([(True, 1)], [("a", "?"), ("b", "<i4")])}  # fmt: skip
    for name, good, bad in (("mask", b"\1\0", b"\2\0"), ("record", b"\1\1\0", b"\3\1\0"),
                            ("text", "ab".encode("utf-32-le"), b"\xff\xff\xff\0" * 2)):  # fmt: skip
        skdl.save(FunctionTransformer(kw_args={name: values[name]}), tmp_path / "saved.skdl")
        about, tree, arrays = members_of(tmp_path / "saved.skdl")
        assert arrays.startswith(good)
        path = forged(tmp_path / "changed.skdl", about, tree, bad + arrays[len(bad) :])
        refused(path, "booleans|characters")


def test_arrays_without_items_are_of_no_huge_shape(tmp_path):
    """They take no bytes, but who allocates by their shape would."""
    skdl.save(FunctionTransformer(kw_args={"a": np.empty((0, 3))}), tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    about["arrays"][0][1] = [0, 10**9]
    refused(forged(tmp_path / "changed.skdl", about, tree, arrays), "without items")
    matrix = sp.csr_matrix(np.eye(3))
    skdl.save(FunctionTransformer(kw_args={"a": matrix}), tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    about["parts"][0]["shape"] = [3, 10**12]
    refused(forged(tmp_path / "changed.skdl", about, tree, arrays), "sparse matrix of shape")


def test_random_generators_are_of_what_save_writes(tmp_path):
    """A size of the pool among the seeds would keep NumPy busy for hours."""
    skdl.save(FunctionTransformer(kw_args={"r": np.random.default_rng(1)}), tmp_path / "saved.skdl")
    about, tree, arrays = members_of(tmp_path / "saved.skdl")
    sequence = ("parts", 0, "sequence")
    state = ("parts", 0, "state")
    for path, value in (
        ((*sequence, "pool_size"), 10**5),
        ((*sequence, "entropy"), -1),
        ((*sequence, "entropy"), 1 << 5000),
        ((*sequence, "entropy"), [1] * 10**5),
        ((*sequence, "spawn_key"), [1]),
        ((*sequence, "n_children_spawned"), -1),
        ((*state, "bit_generator"), ["PCG64"]),
        ((*state, "state", "inc"), 1 << 200),
        ((*state, "has_uint32"), 7),
    ):
        changed_ = put(about, path, value)
        if path[-1] != "bit_generator":
            refused(forged(tmp_path / "changed.skdl", changed_, tree, arrays), "random generator")


def run_mutations(*arguments):
    """Run the program that changes files; it ends with the number of those that did harm.

    Its output goes to a file: workers that a changed `n_jobs` has started would hold a pipe open
    for minutes after the program has ended.
    """
    command = [sys.executable, str(Path(__file__).with_name("mutations.py")), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        output.seek(0)
        told = output.read()
    assert done.returncode == 0, told[-4000:]
    return told


needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork") or not Path("/proc/self/statm").exists(),
    reason="forks, and reads the memory that is taken from /proc",
)


@needs_fork
def test_some_changed_files_do_no_harm():
    assert run_mutations("CountVectorizer", "SparseRandomProjection", 30).count("refused") == 2


@needs_fork
@pytest.mark.slow
def test_changed_files_do_no_harm():
    """Every 20th change of every audited estimator; `mutations.py` makes all, in an hour."""
    assert "StandardScaler" in run_mutations(20)


@needs_fork
@pytest.mark.slow
def test_changed_files_of_networks_do_no_harm():
    """Every 20th change of three networks; `mutations.py --networks` makes all, in half an hour."""
    assert run_mutations("--networks", 20).count("refused") == 3
