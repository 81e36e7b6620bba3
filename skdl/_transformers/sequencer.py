"""Documents as rows of token ids for an `Embedding`: `TokenSequencer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skdl._common.arguments import ExplainedArguments
from skdl._common.documentation import DocumentationLink
from skdl._common.restoring import as_before_if_it_fails
from skdl._common.versions import PickledWithVersions
from skdl._sklearn import Interval, StrOptions, fit_context
from skdl._transformers.documents import (
    OOV,
    TEXT_PARAMETERS,
    Analyzer,
    Indices,
    are_texts,
    listed,
)
from skdl._transformers.vectorizer import OneHotTextVectorizer

# Ids of texts that stand for no word of their own.
_PADDING_ID, _UNKNOWN_ID, _FIRST_ID = range(3)
_ENDS = {"pre", "post"}


class TokenSequencer(
    TransformerMixin, ExplainedArguments, DocumentationLink, PickledWithVersions, BaseEstimator
):
    r"""Turn documents into rows of token ids, padded with zeros, for an embedding layer.

    Documents are texts, or sequences of word indices such as those of `keras.datasets.imdb`. All
    rows get the same length, as in `keras.utils.pad_sequences` [1]_. All ids are smaller than
    `max_words`, which is the `input_dim` of the embedding.

    Parameters
    ----------
    max_words : int, default=10000
        Number of different ids. For texts, 0 is padding, 1 is any word without an id, and the
        `max_words` - 2 most frequent words follow. Word indices stay as they are, and those that
        are too large become 2, the out-of-vocabulary index of Keras's data sets.
    length : int, default=None
        Number of ids in a row. None: the length of the longest document in fit.
    padding : str, default="pre"
        Where a shorter document is padded with zeros: "pre", at its beginning, or "post", at its
        end.
    truncating : str, default="pre"
        What is removed from a longer document: "pre", its beginning, or "post", its end.
    input : str, default="content"
        "content": texts or word indices, recognized by the documents. "indices": word indices only.
    encoding : str, default="utf-8"
        How documents that are bytes are decoded. This and all parameters below apply to texts, with
        the same meaning as in `CountVectorizer`.
    decode_error : str, default="strict"
        What to do with bytes that `encoding` cannot decode: "strict" raises an error, "ignore"
        skips them, "replace" puts a replacement character in their place.
    strip_accents : str or callable, default=None
        How accents are removed: "ascii", "unicode" or a function. None keeps them.
    lowercase : bool, default=True
        Whether texts are converted to lower case.
    preprocessor : callable, default=None
        Function from text to text, used instead of `strip_accents` and `lowercase`.
    tokenizer : callable, default=None
        Function from text to list of words, used instead of `token_pattern`.
    stop_words : str or list of str, default=None
        Words to leave out: a list, or "english" for the list built into scikit-learn.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        Regular expression of a word: by default two or more letters or digits.
    ngram_range : tuple of int, default=(1, 1)
        Smallest and largest number of words (or characters) that make up a term.
    analyzer : str or callable, default="word"
        "word", "char", "char_wb" (characters, within words), or a function from a document of
        any kind to its terms.
    max_df : float or int, default=1.0
        Terms that occur in more documents than this get no id: a fraction if float, otherwise a
        number of documents.
    min_df : float or int, default=1
        Terms that occur in fewer documents than this get no id: a fraction if float, otherwise a
        number of documents.

    Attributes
    ----------
    vocabulary_ : dict
        Ids of words; empty after a fit on word indices.
    length_ : int
        Number of ids in a row.
    n_features_in_ : int
        Number of indices in a row; defined only if X was an array of word indices.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of such a table; defined only if all of them are strings.

    See Also
    --------
    OneHotTextVectorizer : Documents as bags of words.
    KerasClassifier : Takes a function that builds a network with an embedding.

    References
    ----------
    .. [1] Keras, `keras.utils.pad_sequences`. https://keras.io/api/data_loading/timeseries/

    Examples
    --------
    >>> from skdl import TokenSequencer
    >>> TokenSequencer(max_words=5).fit_transform(["fine fine film", "a bad film", "bad"])
    array([[4, 4, 3],
           [0, 2, 3],
           [0, 0, 2]], dtype=int32)
    """

    _parameter_constraints: dict = {
        "max_words": [Interval(Integral, 3, None, closed="left")],
        "length": [Interval(Integral, 1, None, closed="left"), None],
        "padding": [StrOptions(_ENDS)],
        "truncating": [StrOptions(_ENDS)],
        "input": [StrOptions({"content", "indices"})],
        **TEXT_PARAMETERS,
    }

    def __init__(
        self,
        max_words: int = 10000,
        *,
        length: int | None = None,
        padding: str = "pre",
        truncating: str = "pre",
        input: str = "content",
        encoding: str = "utf-8",
        decode_error: str = "strict",
        strip_accents: str | Callable | None = None,
        lowercase: bool = True,
        preprocessor: Callable | None = None,
        tokenizer: Callable | None = None,
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: str | Callable = "word",
        max_df: float | int = 1.0,
        min_df: float | int = 1,
    ):
        self.max_words = max_words
        self.length = length
        self.padding = padding
        self.truncating = truncating
        self.input = input
        self.encoding = encoding
        self.decode_error = decode_error
        self.strip_accents = strip_accents
        self.lowercase = lowercase
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.stop_words = stop_words
        self.token_pattern = token_pattern
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.max_df = max_df
        self.min_df = min_df

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Iterable, y: Any = None) -> Self:
        """Learn the ids of words and the length of rows.

        Parameters
        ----------
        X : iterable of str, bytes or sequences of int
            The documents, all texts or all word indices; or an array of shape
            (n_documents, n_indices).
        y : None
            Not used.

        Returns
        -------
        self : object
            The transformer.

        Raises
        ------
        ValueError
            If there are no documents, if texts contain no words or cannot be decoded, or if indices
            are negative or not whole numbers.
        """
        with as_before_if_it_fails(self):
            documents = self._read(X, reset=True)
            self.vocabulary_ = {}
            self._of_texts = not isinstance(documents, Indices)
            if self._of_texts:
                words = {name: getattr(self, name) for name in TEXT_PARAMETERS}
                counted = OneHotTextVectorizer(self.max_words - _FIRST_ID, **words).fit(documents)
                self.vocabulary_ = {w: _FIRST_ID + i for w, i in counted.vocabulary_.items()}
            longest = max(map(len, self._sequences(documents)))
            self.length_ = self.length or max(longest, 1)
        return self

    def transform(self, X: Iterable) -> NDArray[np.int32]:
        """Return the ids of documents.

        Parameters
        ----------
        X : iterable of str, bytes or sequences of int
            The documents, of the same kind as in fit.

        Returns
        -------
        ids : ndarray of shape (n_documents, `length_`)
            Token ids, int32.

        Raises
        ------
        ValueError
            As for `fit`, or if the documents are not of the same kind as in fit.
        """
        check_is_fitted(self)
        documents = self._read(X, reset=False)
        if isinstance(documents, Indices) == self._of_texts:
            given, fitted = ("word indices", "texts")[:: 1 if self._of_texts else -1]
            raise ValueError(f"X holds {given}, but fit was on {fitted}. Pass {fitted}.")
        sequences = self._sequences(documents)
        rows = np.full((len(sequences), self.length_), _PADDING_ID, np.int32)
        for row, ids in zip(rows, sequences, strict=True):
            kept = ids[-self.length_ :] if self.truncating == "pre" else ids[: self.length_]
            where = slice(self.length_ - len(kept), None)
            row[where if self.padding == "pre" else slice(len(kept))] = kept
        return rows

    def _read(self, X, reset):
        """Return texts as a list, anything else as `Indices`, checking both."""
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):
                vars(self).pop(name, None)
        documents = listed(X)
        if documents is None:
            return Indices.of_table(validate_data(self, X, reset=reset))
        texts = callable(self.analyzer) or are_texts(documents)
        if self.input == "content" and texts:
            return documents
        if texts:
            raise ValueError("input='indices' takes no texts. Use input='content'.")
        return Indices.of(documents)

    def _sequences(self, documents):
        """Return a list of ids for each document."""
        if isinstance(documents, Indices):
            ids = np.where(documents.flat < self.max_words, documents.flat, OOV)
            return np.split(ids, documents.starts[1:-1])
        analyze = Analyzer(self)
        return [[self.vocabulary_.get(w, _UNKNOWN_ID) for w in analyze(text)] for text in documents]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        indices = self.input == "indices"
        tags.input_tags.string = not indices
        tags.input_tags.two_d_array = tags.input_tags.categorical = indices
        tags.input_tags.positive_only = indices
        tags.transformer_tags.preserves_dtype = []
        return tags


TokenSequencer.__module__ = "skdl"
