"""OneHotTextVectorizer against plain Python, CountVectorizer and the course's own function."""

import pickle
import re
import tracemalloc
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from skdl import OneHotTextVectorizer

TEXTS = ["a good film, good plot", "bad film", "", "bad, bad film: uncanny"]
REVIEWS = [[1, 4, 5, 4], [1, 7, 2, 5], [], [1, 5, 5, 9]]
WORD_INDEX = {"the": 1, "film": 2, "good": 3, "bad": 4, "uncanny": 5, "plot": 6}

ragged_indices = st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=8)
unicode_texts = st.lists(
    st.text(st.sampled_from("abAB éßİ漢字1_.\n'") | st.characters(codec="utf-8"), max_size=20),
    min_size=1,
    max_size=8,
)


def assert_canonical(X, shape):
    assert sp.issparse(X)
    assert X.format == "csr"
    assert X.dtype == np.float32
    assert X.shape == shape
    for start, stop in zip(X.indptr, X.indptr[1:], strict=False):
        assert (np.diff(X.indices[start:stop]) > 0).all()
    assert (X.data != 0).all()


def vectorize_sequences(sequences, dimension):
    """The function of the course, with padding left out."""
    results = np.zeros((len(sequences), dimension))
    for i, sequence in enumerate(sequences):
        results[i, [index for index in sequence if index]] = 1.0
    return results


def words_of(text):
    return re.findall(r"(?u)\b\w\w+\b", text.lower())


# ---------------------------------------------------------------------------------- indices


@given(ragged_indices, st.integers(1, 40), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=200)
def test_indices_against_plain_python(documents, max_words, binary, oov_column):
    oov_column &= max_words >= 3
    vectorizer = OneHotTextVectorizer(max_words, binary=binary, oov_column=oov_column)
    X = vectorizer.fit_transform(documents)
    expected = np.zeros((len(documents), max_words), dtype=np.float32)
    for i, document in enumerate(documents):
        for index in document:
            column = index if index < max_words else (2 if oov_column else 0)
            if column:
                expected[i, column] = 1 if binary else expected[i, column] + 1
    assert_canonical(X, expected.shape)
    np.testing.assert_array_equal(X.toarray(), expected)
    np.testing.assert_array_equal(vectorizer.transform(documents).toarray(), expected)
    found = vectorizer.inverse_transform(X)
    assert [f.tolist() for f in found] == [np.flatnonzero(row).tolist() for row in expected]
    np.testing.assert_array_equal(vectorizer.transform(found).toarray(), expected > 0)


@given(ragged_indices)
@settings(deadline=None)
def test_containers_of_indices_are_equal(documents):
    expected = OneHotTextVectorizer(20).fit_transform(documents).toarray()
    as_objects = np.empty(len(documents), dtype=object)
    for i, document in enumerate(documents):
        as_objects[i] = document
    width = max(1, *map(len, documents), 0)
    padded = np.array([[0] * (width - len(d)) + d for d in documents])
    for given_as in (
        [np.array(d, dtype=np.uint16) for d in documents],
        [np.array(d, dtype=float) for d in documents],
        tuple(map(tuple, documents)),
        (d for d in documents),
        as_objects,
        pd.Series(documents),
        padded,
        padded.astype(np.int32),
        padded.astype(float),
        padded.astype(object),
        pd.DataFrame(padded),
    ):
        X = OneHotTextVectorizer(20).fit_transform(given_as)
        np.testing.assert_array_equal(X.toarray(), expected)


def test_columns_are_those_of_the_course():
    rng = np.random.default_rng(0)
    documents = [[1, *rng.integers(2, 10_000, rng.integers(1, 300)).tolist()] for _ in range(50)]
    X = OneHotTextVectorizer().fit_transform(documents)
    assert_canonical(X, (50, 10_000))  # 10,000 inputs make 160,305 parameters with 16-16
    np.testing.assert_array_equal(X.toarray(), vectorize_sequences(documents, 10_000))


def test_columns_do_not_depend_on_the_fitted_indices():
    vectorizer = OneHotTextVectorizer(max_words=10).fit([[3, 3, 3]])
    np.testing.assert_array_equal(vectorizer.transform([[9, 4]]).indices, [4, 9])
    assert vectorizer.fixed_vocabulary_
    assert vectorizer.vocabulary_ == {i: i for i in range(10)}


def test_out_of_vocabulary_is_as_loaded_with_num_words():
    full, loaded = [[1, 4, 8, 12, 12]], [[1, 4, 2, 2, 2]]
    vectorizer = OneHotTextVectorizer(8, oov_column=True, binary=False)
    X = vectorizer.fit_transform(full)
    np.testing.assert_array_equal(X.toarray(), vectorizer.transform(loaded).toarray())
    np.testing.assert_array_equal(X.toarray(), [[0, 1, 3, 0, 1, 0, 0, 0]])


def test_names_of_indices():
    plain = OneHotTextVectorizer(5).fit(REVIEWS)
    assert plain.get_feature_names_out().tolist() == [f"index_{i}" for i in range(5)]
    named = OneHotTextVectorizer(7, word_index=WORD_INDEX).fit(REVIEWS)
    names = ["[PAD]", "[START]", "[OOV]", "index_3", "the", "film", "good"]
    assert named.get_feature_names_out().tolist() == names
    assert named.get_feature_names_out().dtype == object
    assert named.vocabulary_ == {name: i for i, name in enumerate(names)}
    found = [words.tolist() for words in named.inverse_transform(named.transform(REVIEWS))]
    assert found == [["[START]", "the", "film"], ["[START]", "[OOV]", "film"], [], found[3]]
    assert found[3] == ["[START]", "film"]


def test_index_from_zero_has_no_markers_but_padding():
    vectorizer = OneHotTextVectorizer(4, word_index=WORD_INDEX, index_from=0).fit([[0, 1, 2, 3]])
    assert vectorizer.get_feature_names_out().tolist() == ["[PAD]", "the", "film", "good"]
    assert vectorizer.decode([0, 1, 2, 4]) == "the film ?"


def test_texts_are_looked_up_in_the_word_index():
    parameters = {"max_words": 9, "word_index": WORD_INDEX, "oov_column": True, "binary": False}
    vectorizer = OneHotTextVectorizer(**parameters).fit(REVIEWS)
    X = vectorizer.transform(["The FILM: uncanny plot, unheard of"])
    np.testing.assert_array_equal(X.toarray(), [[0, 0, 3, 0, 1, 1, 0, 0, 1]])
    texts_first = OneHotTextVectorizer(**parameters).fit(TEXTS)
    assert texts_first.vocabulary_ == vectorizer.vocabulary_
    np.testing.assert_array_equal(
        texts_first.transform(REVIEWS).toarray(), vectorizer.transform(REVIEWS).toarray()
    )


def test_padded_documents_are_checked_as_arrays():
    padded = pd.DataFrame({"first": [4, 5], "second": [0, 6]})
    vectorizer = OneHotTextVectorizer(10).fit(padded)
    assert vectorizer.n_features_in_ == 2
    assert vectorizer.feature_names_in_.tolist() == ["first", "second"]
    with pytest.raises(ValueError, match="Feature names"):
        vectorizer.transform(padded[["second", "first"]])
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 2"):
        OneHotTextVectorizer(10).fit(padded.to_numpy()).transform(np.ones((1, 3)))
    assert vectorizer.transform([[4, 5, 6]]).nnz == 3
    vectorizer.fit(REVIEWS)
    assert not hasattr(vectorizer, "n_features_in_")
    assert not hasattr(vectorizer, "feature_names_in_")


def test_indices_alone():
    vectorizer = OneHotTextVectorizer(10, input="indices")
    np.testing.assert_array_equal(
        vectorizer.fit_transform(REVIEWS).toarray(),
        OneHotTextVectorizer(10).fit_transform(REVIEWS).toarray(),
    )
    with pytest.raises(ValueError, match="input='indices' takes no texts"):
        vectorizer.fit(TEXTS)


def test_large_data_stay_sparse():
    rng = np.random.default_rng(0)
    documents = [rng.integers(1, 100_000, 200) for _ in range(3000)]
    tracemalloc.start()
    X = OneHotTextVectorizer(100_000).fit(documents).transform(documents)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert X.nnz > 590_000
    assert peak < 100e6  # dense: 1.2e9


# ------------------------------------------------------------------------------------ texts


@given(unicode_texts, st.integers(1, 6), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=200)
def test_texts_against_plain_python(texts, max_words, binary, oov_column):
    oov_column &= max_words >= 3
    vectorizer = OneHotTextVectorizer(max_words, binary=binary, oov_column=oov_column)
    counts = Counter(word for text in texts for word in words_of(text))
    if not counts:
        with pytest.raises(ValueError, match="No words in the"):
            vectorizer.fit(texts)
        return
    terms = sorted(counts, key=lambda word: (-counts[word], word))[: max_words - oov_column]
    columns = [[w if w in terms else "[OOV]" for w in words_of(text)] for text in texts]
    terms += ["[OOV]"] * oov_column
    expected = np.array([[words.count(term) for term in terms] for words in columns])
    expected = expected > 0 if binary else expected
    X = vectorizer.fit_transform(texts)
    assert_canonical(X, expected.shape)
    np.testing.assert_array_equal(X.toarray(), expected)
    np.testing.assert_array_equal(vectorizer.transform(texts).toarray(), expected)
    assert vectorizer.get_feature_names_out().tolist() == terms
    assert vectorizer.vocabulary_ == {term: i for i, term in enumerate(terms)}
    assert not vectorizer.fixed_vocabulary_
    found = vectorizer.inverse_transform(X)
    assert [f.tolist() for f in found] == [[t for t in terms if t in words] for words in columns]
    decoded = [" ".join("?" if w == "[OOV]" else w for w in words) for words in columns]
    assert [vectorizer.decode(text) for text in texts] == decoded


def test_ties_are_in_the_order_of_the_characters():
    words = ["zebra", "apple", "Zebra", "älg", "apple2"]
    for shuffled in (words, words[::-1]):
        vectorizer = OneHotTextVectorizer(3, lowercase=False).fit([" ".join(shuffled)])
        assert vectorizer.get_feature_names_out().tolist() == ["Zebra", "apple", "apple2"]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"lowercase": False, "strip_accents": "ascii"},
        {"strip_accents": "unicode", "stop_words": "english"},
        {"stop_words": ["film"]},
        {"token_pattern": r"(?u)\b\w+\b"},
        {"tokenizer": str.split, "token_pattern": None},
        {"preprocessor": str.upper},
        {"ngram_range": (1, 2)},
        {"analyzer": "char", "ngram_range": (2, 3)},
        {"analyzer": "char_wb", "ngram_range": (2, 2)},
        {"analyzer": str.split},
        {"min_df": 2},
        {"max_df": 0.4},
        {"min_df": 0.3, "max_df": 2},
    ],
)
@pytest.mark.parametrize("oov_column", [False, True])
def test_parameters_of_count_vectorizer(parameters, oov_column):
    texts = [*TEXTS, "Ça c'est déjà bon, the good film", "THE Good plot of a bad film"]
    reference = CountVectorizer(**parameters)
    counts = reference.fit_transform(texts).toarray()
    vectorizer = OneHotTextVectorizer(binary=False, oov_column=oov_column, **parameters)
    X = vectorizer.fit_transform(texts).toarray()
    names = vectorizer.get_feature_names_out().tolist()
    if oov_column:
        lengths = [len(list(reference.build_analyzer()(text))) for text in texts]
        np.testing.assert_array_equal(X.sum(axis=1), lengths)
        assert names.pop() == "[OOV]"
        np.testing.assert_array_equal(X, vectorizer.transform(texts).toarray())
        X = X[:, :-1]
    order = [reference.vocabulary_[name] for name in names]
    assert len(order) == len(reference.vocabulary_)
    np.testing.assert_array_equal(X, counts[:, order])
    assert (np.diff(X.sum(axis=0)) <= 0).all()


def test_ngram_range_may_be_a_list():
    vectorizer = OneHotTextVectorizer(ngram_range=[1, 2]).fit(TEXTS)
    assert "good film" in vectorizer.vocabulary_


def test_containers_of_texts_are_equal():
    expected = OneHotTextVectorizer().fit_transform(TEXTS).toarray()
    for given_as in (
        tuple(TEXTS),
        (text for text in TEXTS),
        [text.encode() for text in TEXTS],
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        np.array(TEXTS)[:, None],
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype="category"),
        pd.DataFrame({"text": TEXTS}),
    ):
        X = OneHotTextVectorizer().fit_transform(given_as)
        np.testing.assert_array_equal(X.toarray(), expected)


def test_newswires(shared):
    data = pd.read_csv(shared / "data" / "reuters_r52.csv.gz", keep_default_na=False)
    train, test = (data.text[data.split == part] for part in ("train", "test"))
    vectorizer = OneHotTextVectorizer(1000, binary=False).fit(train)
    reference = CountVectorizer().fit(train)
    totals = np.ravel(reference.transform(train).sum(axis=0))
    chosen = [reference.vocabulary_[word] for word in vectorizer.get_feature_names_out()]
    np.testing.assert_array_equal(totals[chosen], np.sort(totals)[:-1001:-1])
    X = vectorizer.transform(test)
    assert_canonical(X, (len(test), 1000))
    assert (reference.transform(test)[:, chosen] != X).nnz == 0


def test_a_word_like_the_marker_counts_as_out_of_vocabulary():
    texts = ["[OOV] one two", "[OOV] one three"]
    vectorizer = OneHotTextVectorizer(3, analyzer=str.split, oov_column=True, binary=False)
    X = vectorizer.fit_transform(texts)
    assert vectorizer.get_feature_names_out().tolist() == ["one", "three", "[OOV]"]
    np.testing.assert_array_equal(X.toarray(), [[1, 0, 2], [1, 1, 1]])
    np.testing.assert_array_equal(vectorizer.transform(texts).toarray(), X.toarray())
    assert vectorizer.decode("[OOV] one") == "? one"


def test_callable_analyzer_takes_documents_of_any_kind():
    vectorizer = OneHotTextVectorizer(analyzer=list)
    X = vectorizer.fit_transform([["good", "film"], ["bad"], []])
    assert vectorizer.get_feature_names_out().tolist() == ["bad", "film", "good"]
    np.testing.assert_array_equal(X.toarray(), [[0, 1, 1], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("oov_column", [False, True])
def test_terms_may_be_of_any_kind(oov_column):
    def pairs(text):
        return list(pairwise(text.split()))

    vectorizer = OneHotTextVectorizer(4, analyzer=pairs, oov_column=oov_column)
    X = vectorizer.fit_transform(["a b c", "b c d e f"])
    first = [("b", "c"), ("a", "b"), ("c", "d")]
    assert list(vectorizer.vocabulary_) == [*first, "[OOV]" if oov_column else ("d", "e")]
    assert X.toarray()[0].tolist() == [1, 1, 0, 0]
    assert vectorizer.inverse_transform(X)[0].tolist() == first[:2]
    assert vectorizer.get_feature_names_out()[0] == "('b', 'c')"
    assert vectorizer.decode("b c z") == "('b', 'c') ?"
    lengths = OneHotTextVectorizer(analyzer=lambda text: [len(word) for word in text.split()])
    assert lengths.fit(["a bb a"]).decode("bb ccc a") == "2 ? 1"


@pytest.mark.parametrize("refused", [["..."], np.array([[1, -1, 2]]), np.array([[0.5, 1, 2]])])
def test_a_refit_that_fails_changes_nothing(refused):
    vectorizer = OneHotTextVectorizer().fit(pd.DataFrame({"first": [1, 2], "second": [3, 4]}))
    before = dict(vars(vectorizer))
    for fit in (vectorizer.fit, vectorizer.fit_transform):
        with pytest.raises(ValueError, match=r"No words|Negative|whole numbers"):
            fit(refused)
    assert vars(vectorizer) == before
    assert {"n_features_in_", "feature_names_in_"} <= before.keys()


def test_unseen_and_empty_documents_are_empty_rows():
    vectorizer = OneHotTextVectorizer().fit(TEXTS)
    assert vectorizer.transform(["unheard of", "", " "]).nnz == 0
    assert OneHotTextVectorizer(5).fit_transform([[], []]).shape == (2, 5)


# ----------------------------------------------------------------------------------- decode


def test_decode_shows_what_has_a_column():
    vectorizer = OneHotTextVectorizer(8, word_index=WORD_INDEX).fit(REVIEWS)
    assert vectorizer.decode([0, 0, 1, 4, 5, 2, 7, 9, 3]) == "the film ? bad ? ?"
    assert vectorizer.decode(np.array([1, 5])) == "film"
    assert vectorizer.decode([]) == ""
    assert vectorizer.decode("Good film, dull plot") == "good film ? ?"


def test_decode_needs_the_words():
    with pytest.raises(ValueError, match=r"word_index=None.*Pass"):
        OneHotTextVectorizer(8).fit(REVIEWS).decode([1, 4])


# --------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("a good film", "sequence of documents, received 'a good film'"),
        (b"a good film", "sequence of documents"),
        ({"text": "a film"}, "sequence of documents"),
        ([], "0 documents"),
        (np.array([], dtype=object), "0 documents"),
        (np.empty((0, 3), dtype=int), "0 sample"),
        (["good film", None], "Document 1 is of type NoneType.*missing"),
        ([None, "good film"], "Document 0 is of type NoneType.*missing"),
        (["good film", np.nan], "Document 1 is of type float: received nan.*missing"),
        (pd.Series(["good film", None]), "Document 1 .*missing"),
        (pd.Series(["good film", pd.NA], dtype="string"), "Document 1 .*missing"),
        (pd.DataFrame({"text": [None, "good film"]}), "Document 0 .*missing"),
        ([None, None], "Document 0 .*missing"),
        ([[4, 5], None], "Document 1 .*missing"),
        ([[4, 5], np.nan], "Document 1 .*missing"),
        (["good film", [4, 5]], r"Document 1 is of type list: received \[4, 5\].*All"),
        ([[4, 5], "good film"], "Document 0 is of type list.*All documents must be texts"),
        (["good film", 5], "Document 1 is of type int"),
        ([4, 5], "Document 0 is of type int: received 4. A single document"),
        (np.array([4, 5]), "Reshape your data"),
        ([[4, -1]], "Negative values in data .* document 0 holds -1"),
        ([[4], [], [5, -2]], "document 2 holds -2"),
        (np.array([[4, 5], [6, -1]]), "document 1 holds -1"),
        ([[4, 5], [1, 2.5]], "whole numbers: document 1 holds 2.5"),
        (np.array([[4, 5.5]]), "whole numbers: document 0 holds 5.5"),
        ([[4, np.nan]], "whole numbers: document 0 holds nan"),
        ([[4, np.inf]], "whole numbers: document 0 holds inf"),
        (np.array([[4, np.nan]]), "contains NaN"),
        ([[True, False]], "whole numbers: document 0 holds True"),
        (np.array([[True, False]]), "whole numbers: document 0 holds True"),
        ([[4, 5j]], "Document 0 is of type list"),
        ([[4, None]], r"Document 0 is of type list: received \[4, None\]"),
        ([["good", "film"]], "Join its words, or set analyzer"),
        ([[4, "film"]], "Join its words"),
        ([[[4, 5], [6, 7]]], "one sequence of whole numbers"),
        ([[[4, 5], [6]]], "one sequence of whole numbers"),
        ([{4, 5}], "Document 0 is of type set"),
        ([[10**30]], "one sequence of whole numbers"),
        (["", " ", "!"], "No words in the 3 documents with token_pattern"),
        (np.array([["good", "film"]]), "one document per row, received 2 columns.*X\\['text'\\]"),
        (pd.DataFrame({"a": ["good"], "b": ["film"]}), "one document per row, received 2 columns"),
        ([b"caf\xe9 au lait"], "Document 0 cannot be decoded.*decode_error"),
        (["good film", b"caf\xe9"], "Document 1 cannot be decoded"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_bad_documents(X, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(OneHotTextVectorizer(), method)(X)


def test_bad_documents_in_transform():
    texts, indices = OneHotTextVectorizer().fit(TEXTS), OneHotTextVectorizer().fit(REVIEWS)
    for X, message in (("good", "sequence of documents"), ([None], "missing"), ([], "0 documents")):
        for vectorizer in (texts, indices):
            with pytest.raises(ValueError, match=message):
                vectorizer.transform(X)
    with pytest.raises(ValueError, match="cannot be decoded"):
        texts.transform([b"\xff"])
    with pytest.raises(ValueError, match=r"X holds word indices, but fit was on texts"):
        texts.transform(REVIEWS)
    with pytest.raises(ValueError, match=r"X holds texts, but fit was on word indices.*word_index"):
        indices.transform(TEXTS)
    with pytest.raises(ValueError, match=r"must have 10000 columns .* received 3"):
        indices.inverse_transform(np.ones((1, 3)))


@pytest.mark.parametrize("X", [sp.csr_array(np.eye(2)), sp.dok_matrix(np.eye(2))])
def test_sparse_input_is_refused(X):
    with pytest.raises(TypeError, match="Sparse input is not supported"):
        OneHotTextVectorizer().fit(X)


@pytest.mark.parametrize(
    ("bytes_", "parameters", "word"),
    [
        ("café".encode("latin-1"), {"encoding": "latin-1"}, "café"),
        (b"caf\xe9", {"decode_error": "ignore"}, "caf"),
        (b"caf\xe9 noir", {"decode_error": "replace"}, "noir"),
    ],
)
def test_bytes_that_can_be_decoded(bytes_, parameters, word):
    assert word in OneHotTextVectorizer(**parameters).fit([bytes_]).vocabulary_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_words": 0}, "'max_words' parameter"),
        ({"max_words": 2.5}, "'max_words' parameter"),
        ({"input": "filename"}, "'input' parameter"),
        ({"strip_accents": "all"}, "'strip_accents' parameter"),
        ({"min_df": -1}, "'min_df' parameter"),
        ({"word_index": ["good"]}, "'word_index' parameter"),
        ({"ngram_range": (2, 1)}, r"ngram_range must be .* received \(2, 1\)"),
        ({"oov_column": True, "max_words": 2}, "max_words of 3 or more, received 2"),
        ({"word_index": {"the": 0}}, "from 1: received 0"),
        ({"word_index": {"the": "1"}}, "from 1: received '1'"),
        ({"word_index": {"the": 1, "film": 1}}, "a rank of its own"),
        ({"word_index": {"[OOV]": 1}}, "a rank of its own, and hold none of"),
        ({"min_df": 5, "max_df": 2}, "max_df corresponds to < documents than min_df"),
        ({"min_df": 4}, "no terms remain"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        OneHotTextVectorizer(**parameters).fit(TEXTS)


def test_out_of_vocabulary_column_needs_its_index():
    vectorizer = OneHotTextVectorizer(oov_column=True, index_from=0)
    with pytest.raises(ValueError, match="index_from=0 index 2 is a word"):
        vectorizer.fit(REVIEWS)


# --------------------------------------------------------------------------- as an estimator


def test_not_fitted():
    for call in (
        lambda v: v.transform(TEXTS),
        lambda v: v.inverse_transform(np.ones((1, 1))),
        lambda v: v.get_feature_names_out(),
        lambda v: v.decode([1, 4]),
    ):
        with pytest.raises(NotFittedError):
            call(OneHotTextVectorizer())


def test_scikit_learn_checks_of_texts_are_those_of_count_vectorizer():
    def names(estimator):
        with pytest.warns(SkipTestWarning, match="Can't test estimator"):
            checks = list(estimator_checks_generator(estimator))
        return [check.func.__name__ for _, check in checks]

    assert names(OneHotTextVectorizer()) == names(CountVectorizer())
    with pytest.warns(SkipTestWarning):
        check_estimator(OneHotTextVectorizer())


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"binary": False, "max_words": 3},
        {"oov_column": True, "max_words": 4},
        {"word_index": WORD_INDEX, "max_words": 7},
        {"index_from": 0},
    ],
)
def test_scikit_learn_checks_of_indices(parameters):
    estimator = OneHotTextVectorizer(input="indices", **parameters)
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 40
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert skipped <= {"check_array_api_input"}


def test_tags():
    texts, indices = map(get_tags, (OneHotTextVectorizer(), OneHotTextVectorizer(input="indices")))
    assert texts.input_tags.string
    assert not texts.input_tags.two_d_array
    assert not indices.input_tags.string
    assert indices.input_tags.two_d_array
    assert indices.input_tags.categorical
    assert indices.input_tags.positive_only
    for tags in (texts, indices):
        assert not tags.input_tags.sparse
        assert tags.requires_fit
        assert not tags.target_tags.required
        assert tags.transformer_tags.preserves_dtype == []


def test_output_is_sparse_whatever_scikit_learn_is_set_to():
    """As for scikit-learn's own vectorizers: no DataFrame holds a sparse matrix as it is."""
    assert not hasattr(OneHotTextVectorizer(), "set_output")
    with config_context(transform_output="pandas"):
        assert sp.issparse(OneHotTextVectorizer().fit_transform(TEXTS))


@pytest.mark.skipif("sparse_interface" not in get_config(), reason="needs scikit-learn 1.9")
@pytest.mark.parametrize("X", [TEXTS, REVIEWS])
def test_sparse_interface_of_scikit_learn(X):
    for interface, kind in (("spmatrix", sp.csr_matrix), ("sparray", sp.csr_array)):
        with config_context(sparse_interface=interface):
            vectorizer = OneHotTextVectorizer(oov_column=True)
            assert type(vectorizer.fit_transform(X)) is kind
            assert type(vectorizer.transform(X)) is kind


@pytest.mark.parametrize("X", [TEXTS, REVIEWS])
def test_clone_and_pickle(X):
    vectorizer = OneHotTextVectorizer(6, oov_column=True, word_index=WORD_INDEX).fit(X)
    restored = pickle.loads(pickle.dumps(vectorizer))
    assert restored.vocabulary_ == vectorizer.vocabulary_
    np.testing.assert_array_equal(
        restored.transform(X).toarray(), vectorizer.transform(X).toarray()
    )
    assert clone(vectorizer).get_params() == vectorizer.get_params()
    assert not hasattr(clone(vectorizer), "vocabulary_")
    assert type(vectorizer).__module__ == "skdl"


def test_what_is_given_is_left_as_it_is():
    reviews, words = [list(review) for review in REVIEWS], dict(WORD_INDEX)
    vectorizer = OneHotTextVectorizer(8, word_index=words, binary=False).fit(reviews)
    X = vectorizer.transform(reviews)
    X.data[0] = 0
    before = X.copy()
    vectorizer.inverse_transform(X)
    assert reviews == REVIEWS
    assert words == WORD_INDEX
    assert X.nnz == before.nnz
    np.testing.assert_array_equal(X.toarray(), before.toarray())


@pytest.mark.parametrize("kind", ["texts", "indices"])
def test_in_a_pipeline_and_a_search(kind):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    words = [["film", "plot", "good" if label else "bad"] for label in y]
    X = (
        [" ".join(rng.permutation(w)) for w in words]
        if kind == "texts"
        else [[1, *(WORD_INDEX[word] + 3 for word in w)] for w in words]
    )
    pipeline = make_pipeline(OneHotTextVectorizer(), LogisticRegression())
    assert cross_val_score(pipeline, X, y).min() == 1
    search = GridSearchCV(pipeline, {"onehottextvectorizer__max_words": [1, 20]}).fit(X, y)
    assert search.best_params_ == {"onehottextvectorizer__max_words": 20}
