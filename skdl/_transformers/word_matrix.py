"""How a vectorizer learns its columns from documents, and fills a matrix of words."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import validate_data

from skdl._common.counts import counted
from skdl._transformers.documents import (
    MARKERS,
    OOV,
    PADDING,
    UNKNOWN,
    Analyzer,
    Indices,
    are_texts,
    check_ngrams,
    listed,
    terms_of_indices,
)


class WordMatrix:
    """Mixin: documents in, a sparse matrix with one column per word out.

    The class that it is mixed into has the parameters, and gets `vocabulary_` and
    `fixed_vocabulary_`.
    """

    vocabulary_: dict[Any, int]
    fixed_vocabulary_: bool

    def _read(self, X, reset=False):
        """Return texts as a list, anything else as `Indices`, checking both.

        With `reset` the documents are those of a fit, otherwise they must go with it.
        """
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):
                vars(self).pop(name, None)
        documents = listed(X)
        if documents is None:
            documents = Indices.of_table(validate_data(self, X, reset=reset))
        elif (self.input == "content" and callable(self.analyzer)) or are_texts(documents):
            if self.input == "indices":
                raise ValueError("input='indices' takes no texts. Use input='content'.")
            if self.word_index is not None:
                documents = self._looked_up(documents)
        else:
            documents = Indices.of(documents)
        if not reset and isinstance(documents, Indices) != self.fixed_vocabulary_:
            kinds = ("word indices", "texts")
            given, fitted = kinds if isinstance(documents, Indices) else kinds[::-1]
            raise ValueError(
                f"X holds {given}, but fit was on {fitted}. Pass {fitted}, or fit with word_index, "
                "which gives both the same columns."
            )
        return documents

    def _looked_up(self, texts):
        """Return texts as the indices of their words."""
        analyze = Analyzer(self)
        indices = {word: rank + self.index_from for word, rank in self.word_index.items()}
        return Indices.of([[indices.get(word, UNKNOWN) for word in analyze(t)] for t in texts])

    def _learn(self, X):
        if self.oov_column and self.max_words < 3:
            raise ValueError(
                f"oov_column=True needs max_words of 3 or more, received {self.max_words}."
            )
        terms = terms_of_indices(self.max_words, self.word_index, self.index_from)
        documents = self._read(X, reset=True)
        if not isinstance(documents, Indices):
            return self._learn_texts(documents)
        if self.oov_column and self.index_from < OOV:
            raise ValueError(
                f"With index_from={self.index_from} index {OOV} is a word. Use oov_column=False, "
                "or load the data with index_from=3."
            )
        self.vocabulary_ = {term: column for column, term in enumerate(terms)}
        self.fixed_vocabulary_ = True
        return self._matrix_of_indices(documents)

    def _learn_texts(self, texts):
        analyze = Analyzer(self)
        counter = CountVectorizer(analyzer=iter, min_df=self.min_df, max_df=self.max_df)
        try:
            counts = counter.fit_transform(map(analyze, texts))
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            check_ngrams(self, texts, max(analyze.lengths))
            raise ValueError(
                f"No words in the {counted(len(texts), 'document')} with token_pattern="
                f"{self.token_pattern!r}, stop_words={reprlib.repr(self.stop_words)}: {error}."
            ) from error
        terms = sorted(counter.vocabulary_, key=counter.vocabulary_.get)  # tuples, for one
        totals = np.bincount(counts.indices, weights=counts.data, minlength=len(terms))
        order = np.argsort(-totals, kind="stable")  # the terms are sorted, and so are ties
        names = []
        if self.oov_column:
            names = [MARKERS[OOV]]
            order = [i for i in order if terms[i] != names[0]]
        order = order[: self.max_words - len(names)]
        names = [*(terms[i] for i in order), *names]
        self.vocabulary_ = {term: i for i, term in enumerate(names)}
        self.fixed_vocabulary_ = False
        return self._matrix_of_counts(counts[:, order], analyze.lengths)

    def _matrix_of_indices(self, documents):
        flat, starts = documents
        n_columns = len(self.vocabulary_)
        if self.oov_column:
            flat = np.where(flat < n_columns, flat, OOV)
        kept = (flat < n_columns) & (flat != PADDING)
        starts = np.concatenate([[0], np.cumsum(kept)])[starts]
        columns = flat[kept]
        ones = np.ones(len(columns), dtype=np.float32)
        return self._canonical((ones, columns, starts), (len(starts) - 1, n_columns))

    def _matrix_of_counts(self, counts, lengths):
        """Return the matrix of counted words, with the column of all other words."""
        if self.oov_column:
            others = np.array(lengths) - np.ravel(counts.sum(axis=1))
            counts = sp.hstack([counts, sp.csr_array(others[:, None])])
        return self._canonical(counts, counts.shape)

    def _canonical(self, matrix, shape):
        """Return float32 CSR as scikit-learn is set to, sorted and without duplicates."""
        interface = get_config().get("sparse_interface")  # known to scikit-learn from 1.9 on
        made = sp.csr_array if interface == "sparray" else sp.csr_matrix
        matrix = made(matrix, shape=shape, dtype=np.float32)
        matrix.sum_duplicates()
        if self.binary:
            matrix.data.fill(1)
        return matrix
