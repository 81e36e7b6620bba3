"""`OneHotTextVectorizer` as an estimator of scikit-learn."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from few_documents import REVIEWS, TEXTS, WORD_INDEX
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
