"""`TextBoWClassifier`: documents in, labels out, and sparse matrices in between."""

import csv
import gzip
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdl import DenseClassifier, OneHotTextVectorizer, TextBoWClassifier

TEXTS = [
    "a fine film with fine actors", "what a bad plot", "bad actors and a bad film",
    "a fine plot", "the plot is bad", "fine, really fine",
] * 6  # fmt: skip
LABELS = np.array(["good", "bad", "bad", "good", "bad", "good"] * 6)
INDICES = [[1, 4, 7, 5], [1, 9, 6], [1, 6, 8, 5], [1, 4, 9], [1, 9, 6, 6], [1, 4, 4]] * 6


def net(**parameters):
    settings = {"learning_rate": 0.02, "epochs": 30, "random_state": 0}
    return TextBoWClassifier(**settings | parameters)


@pytest.mark.parametrize(
    "documents",
    [
        TEXTS,
        np.array(TEXTS),
        pd.Series(TEXTS),
        pd.DataFrame({"text": TEXTS}),
        [text.encode() for text in TEXTS],
        INDICES,
        [np.array(row) for row in INDICES],
        np.array([*INDICES, []], dtype=object)[:-1],
    ],
    ids=["list", "array", "series", "frame", "bytes", "indices", "arrays", "objects"],
)
def test_documents_of_every_form(documents):
    fitted = net(max_words=12).fit(documents, LABELS)
    assert fitted.score(documents, LABELS) == 1
    assert isinstance(fitted.vectorizer_, OneHotTextVectorizer)
    one = documents.iloc[:1] if hasattr(documents, "iloc") else documents[:1]
    assert fitted.predict_proba(one).shape == (1, 2)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.coo_array, lambda X: X.toarray(), None])
def test_matrices_train_like_the_documents_they_are_made_of(make):
    X = OneHotTextVectorizer().fit_transform(TEXTS)
    rows = X.toarray().tolist() if make is None else make(X)
    from_matrix = net().fit(rows, LABELS)
    from_texts = net().fit(TEXTS, LABELS)
    assert not hasattr(from_matrix, "vectorizer_")
    assert from_matrix.n_features_in_ == X.shape[1]
    assert not hasattr(from_texts, "n_features_in_")
    assert_allclose(from_matrix.predict_proba(rows), from_texts.predict_proba(TEXTS), atol=1e-5)
    assert_allclose(from_texts.predict_proba(X), from_texts.predict_proba(TEXTS), atol=1e-7)


def test_is_the_pipeline_of_its_parts():
    pipeline = make_pipeline(
        OneHotTextVectorizer(max_words=8, ngram_range=(1, 2)),
        DenseClassifier((16, 16), epochs=30, learning_rate=0.02, random_state=0),
    ).fit(TEXTS, LABELS)
    whole = net(max_words=8, ngram_range=(1, 2)).fit(TEXTS, LABELS)
    assert_array_equal(whole.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))


def test_the_vocabulary_is_that_of_the_training_rows():
    texts = [f"word{i} common" for i in range(40)]
    y = np.arange(40) % 2
    result = cross_validate(net(epochs=1), texts, y, cv=2, return_estimator=True)
    words = [set(fold.vectorizer_.vocabulary_) for fold in result["estimator"]]
    assert words[0] & words[1] == {"common"}
    held_out = net(epochs=1, validation_split=0.25).fit(texts, y)
    assert len(held_out.vectorizer_.vocabulary_) == 31
    given = net(epochs=1).fit(texts[:20], y[:20], X_val=texts[20:], y_val=y[20:])
    assert len(given.vectorizer_.vocabulary_) == 21
    assert len(given.history_["val_loss"]) == 1
    dropped = net(epochs=1).fit(texts, y, sample_weight=np.r_[np.zeros(10), np.ones(30)])
    assert "word0" not in dropped.vectorizer_.vocabulary_


def test_going_on_keeps_the_vocabulary():
    first = net(epochs=2, warm_start=True).fit(TEXTS, LABELS)
    words = first.vectorizer_
    assert first.fit(TEXTS, LABELS).vectorizer_ is words
    assert first.n_iter_ == 4
    part = net()
    for rows in (slice(0, 18), slice(18, None)):
        part.partial_fit(TEXTS[rows], LABELS[rows], classes=["bad", "good"])
    assert part.n_iter_ == 2
    refitted = first.set_params(warm_start=False).fit(["new words", "old ones"], ["a", "b"])
    assert set(refitted.vectorizer_.vocabulary_) == {"new", "words", "old", "ones"}


@pytest.mark.parametrize(
    "changed", [{"max_words": 3}, {"ngram_range": (1, 2)}, {"binary": False}, {"analyzer": list}]
)
def test_going_on_with_other_words_is_refused(changed):
    fitted = net(epochs=1, warm_start=True).fit(TEXTS, LABELS)
    fitted.set_params(**changed)
    for go_on in (fitted.fit, fitted.partial_fit):
        with pytest.raises(ValueError, match=f"{next(iter(changed))} was changed since, from"):
            go_on(TEXTS, LABELS)
    assert fitted.n_iter_ == 1


def test_pickles_predict_the_same():
    fitted = net().fit(TEXTS, LABELS)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


@pytest.mark.slow
def test_search_over_words_and_units():
    search = GridSearchCV(
        net(epochs=5), {"max_words": [3, 50], "hidden_layer_sizes": [(4,), (8, 8)]}, cv=2
    ).fit(TEXTS, LABELS)
    assert search.best_score_ > 0.8


def test_empty_documents_are_rows_of_zeros():
    fitted = net().fit([*TEXTS, "", "unknown"], [*LABELS, "good", "bad"])
    assert fitted.predict([""]).shape == (1,)
    assert_array_equal(fitted.predict_proba([""]), fitted.predict_proba(["nothing known"]))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("a single text", "received 'a single text'"),
        ([*TEXTS[:-1], None], "None"),
        ([*TEXTS[:-1], float("nan")], "missing"),
        ([float("nan"), *TEXTS[1:]], "missing"),
        ([*TEXTS[:-1], [1, 2]], "All documents must be texts"),
        ([*INDICES[:-1], [1, -2]], "-2"),
        ([*INDICES[:-1], [1, 2.5]], "2.5"),
        ([b"\xff"] * 36, "decode"),
        ([""] * 36, "vocabulary"),
        ([], "0 documents"),
        (TEXTS[:-1], "inconsistent numbers of samples"),
    ],
    ids=["one", "none", "nan", "nan first", "mixed", "negative", "fraction", "bytes", "empty",
         "no documents", "lengths"],
)  # fmt: skip
def test_bad_documents(X, message):
    with pytest.raises(ValueError, match=message):
        net(epochs=1).fit(X, LABELS)


def test_documents_and_matrices_that_do_not_fit():
    fitted = net(epochs=1).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"3 columns.*learned \d+ words"):
        fitted.predict(sp.csr_matrix((2, 3)))
    X = OneHotTextVectorizer().fit_transform(TEXTS)
    with pytest.raises(ValueError, match="fitted on a matrix of words"):
        net(epochs=1).fit(X, LABELS).predict(TEXTS)
    with pytest.raises(ValueError, match="X has 3 features"):
        net(epochs=1).fit(X, LABELS).predict(sp.csr_matrix((2, 3)))
    with pytest.raises(ValueError, match="max_words"):
        net(max_words=0).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("name", "units", "n_classes", "expected"),
    [("A2", (16, 16), 2, 160_305), ("A5", (64, 64), 46, 647_214), ("A6", (64, 4), 46, 640_554)],
)
def test_exact_parameter_counts(name, units, n_classes, expected):
    rng = np.random.default_rng(0)
    documents = [rng.integers(1, 12_000, 20).tolist() for _ in range(120)]
    fitted = TextBoWClassifier(
        max_words=10_000, hidden_layer_sizes=units, optimizer="rmsprop", batch_size=512, epochs=1
    ).fit(documents, np.arange(120) % n_classes)
    assert fitted.model_.count_params() == expected


def test_level_with_scikit_learn_on_newswires(shared):
    """Reuters' R52 on its own split, 64-64 units, 8 epochs of batches of 512."""
    with gzip.open(shared / "data" / "reuters_r52.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parts = {
        split: ([row["text"] for row in rows if row["split"] == split],
                [row["category"] for row in rows if row["split"] == split])
        for split in ("train", "test")
    }  # fmt: skip
    settings = {"hidden_layer_sizes": (64, 64), "batch_size": 512, "random_state": 0}
    ours = TextBoWClassifier(epochs=8, **settings).fit(*parts["train"])
    peer = make_pipeline(
        CountVectorizer(binary=True, max_features=10_000),
        MLPClassifier(max_iter=8, alpha=0, **settings),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(*parts["train"])
    found, expected = ours.score(*parts["test"]), peer.score(*parts["test"])
    assert found > 0.85
    assert found >= expected - 0.005
