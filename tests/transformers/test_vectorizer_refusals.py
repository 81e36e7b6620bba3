"""`OneHotTextVectorizer`: documents and parameters that it refuses."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from few_documents import REVIEWS, TEXTS

from skdl import OneHotTextVectorizer


@pytest.mark.parametrize("refused", [["..."], np.array([[1, -1, 2]]), np.array([[0.5, 1, 2]])])
def test_a_refit_that_fails_changes_nothing(refused):
    vectorizer = OneHotTextVectorizer().fit(pd.DataFrame({"first": [1, 2], "second": [3, 4]}))
    before = dict(vars(vectorizer))
    for fit in (vectorizer.fit, vectorizer.fit_transform):
        with pytest.raises(ValueError, match=r"No words|Negative|whole numbers"):
            fit(refused)
    assert vars(vectorizer) == before
    assert {"n_features_in_", "feature_names_in_"} <= before.keys()


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
