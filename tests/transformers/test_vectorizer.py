"""`OneHotTextVectorizer`: texts and word indices to sparse rows, against plain Python."""

import re
import tracemalloc
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from few_documents import REVIEWS, TEXTS, WORD_INDEX
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from skdl import OneHotTextVectorizer

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


def test_unseen_and_empty_documents_are_empty_rows():
    vectorizer = OneHotTextVectorizer().fit(TEXTS)
    assert vectorizer.transform(["unheard of", "", " "]).nnz == 0
    assert OneHotTextVectorizer(5).fit_transform([[], []]).shape == (2, 5)


def test_decode_shows_what_has_a_column():
    vectorizer = OneHotTextVectorizer(8, word_index=WORD_INDEX).fit(REVIEWS)
    assert vectorizer.decode([0, 0, 1, 4, 5, 2, 7, 9, 3]) == "the film ? bad ? ?"
    assert vectorizer.decode(np.array([1, 5])) == "film"
    assert vectorizer.decode([]) == ""
    assert vectorizer.decode("Good film, dull plot") == "good film ? ?"


def test_decode_needs_the_words():
    with pytest.raises(ValueError, match=r"word_index=None.*Pass"):
        OneHotTextVectorizer(8).fit(REVIEWS).decode([1, 4])
