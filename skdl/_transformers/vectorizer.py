"""Documents as rows of a sparse matrix, a column a word: `OneHotTextVectorizer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_array, check_is_fitted

from skdl._common.arguments import ExplainedArguments
from skdl._common.counts import counted
from skdl._common.documentation import DocumentationLink
from skdl._common.restoring import as_before_if_it_fails
from skdl._common.versions import PickledWithVersions
from skdl._sklearn import Interval, StrOptions, fit_context
from skdl._transformers.documents import (
    MARKERS,
    OOV,
    PADDING,
    START,
    TEXT_PARAMETERS,
    Analyzer,
)
from skdl._transformers.word_matrix import WordMatrix


class OneHotTextVectorizer(
    WordMatrix,
    TransformerMixin,
    ExplainedArguments,
    DocumentationLink,
    PickledWithVersions,
    BaseEstimator,
    auto_wrap_output_keys=None,  # no DataFrame holds a sparse matrix as it is
):
    r"""Sparse matrix that marks which of the most frequent words each document contains.

    Documents are texts, or sequences of word indices such as those of `keras.datasets.imdb` and
    `keras.datasets.reuters`. Each of the `max_words` most frequent words has a column; rarer words
    are left out, or share the out-of-vocabulary column.

    Parameters
    ----------
    max_words : int, default=10000
        Number of columns. Texts with fewer different words give fewer columns; word indices always
        give this number.
    binary : bool, default=True
        Whether the entry of a word that occurs is 1, however often it occurs; otherwise it is
        counted.
    oov_column : bool, default=False
        Whether words without a column of their own share one: the last of the `max_words` columns
        for texts, column 2 for word indices. This requires `max_words` of 3 or more.
    word_index : dict, default=None
        Rank of each word, from 1 for the most frequent, as `get_word_index` of the Keras data
        sets returns it. It names the columns of word indices, and texts are then looked up in
        it, so that they get the same columns.
    index_from : int, default=3
        Offset that is added to a word's rank to get its index; indices up to it are markers. Used
        only for word indices, where it must be the `index_from` with which they were loaded.
    input : str, default="content"
        "content": texts or word indices, recognized by the documents. "indices": word indices only;
        scikit-learn's tags then say that arrays of them are accepted and strings are not.
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
        Words to leave out: a list, or "english" for the list built into scikit-learn. Only
        with `analyzer="word"`.
    token_pattern : str, default=r"(?u)\b\w\w+\b"
        Regular expression of a word: by default two or more letters or digits.
    ngram_range : tuple of int, default=(1, 1)
        Smallest and largest number of words (or characters) that make up a term.
    analyzer : str or callable, default="word"
        "word", "char", "char_wb" (characters, within words), or a function from a document of
        any kind to its terms.
    max_df : float or int, default=1.0
        Terms that occur in more documents than this are left out: a fraction if float, otherwise a
        number of documents.
    min_df : float or int, default=1
        Terms that occur in fewer documents than this are left out: a fraction if float, otherwise a
        number of documents.

    Attributes
    ----------
    vocabulary_ : dict
        Column of each term, in the order of the columns. The terms of word indices are the
        indices themselves, or words and markers if there is a `word_index`.
    fixed_vocabulary_ : bool
        Whether the number of a column is a word index; otherwise the columns were learned from
        texts.
    n_features_in_ : int
        Length of the padded documents seen in fit; defined only if they were a two-dimensional
        array.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of padded documents; defined only if they were a DataFrame.

    See Also
    --------
    sklearn.feature_extraction.text.CountVectorizer : Counts of all words, in alphabetical order.
    skdl.datasets.fetch_imdb : Film reviews as word indices.

    Notes
    -----
    *Texts.* Columns are ordered by the number of occurrences in the documents of `fit`, with the
    most frequent first. Terms that occur equally often are in the order of their characters' code
    points. `max_df` and `min_df` are applied first, unless there is a `word_index`; the terms that
    they remove are out of vocabulary.

    *Word indices.* Keras numbers words by their rank in its own data, so the columns do not depend
    on the documents of `fit`: column j is index j, for j below `max_words`. Padding, index 0, is
    not a word, and its column stays empty. The markers of the start of a document, 1, and of words
    that were left out on loading, 2, have columns as in the data. Indices from `max_words` on are
    left out; with `oov_column` they become 2, as if the data had been loaded with
    `num_words=max_words`.

    A two-dimensional array holds one padded document per row, and later arrays must have the same
    number of columns, as everywhere in scikit-learn; this does not apply to lists. A single column
    of texts, such as a DataFrame with one column, is treated as the documents.

    The words of the Keras data sets are in lower case and may be single letters or contain an
    apostrophe: `token_pattern=r"(?u)\b\w+(?:'\w+)*"` finds such words in texts.

    No dense matrix is ever built. The result is a CSR matrix, or a CSR array if scikit-learn is
    configured with `sparse_interface="sparray"`, with sorted indices and no duplicates. Like
    scikit-learn's own vectorizers, this one has no `set_output`, and returns a sparse matrix even
    if `sklearn.set_config(transform_output="pandas")` is set.

    Examples
    --------
    >>> from skdl import OneHotTextVectorizer
    >>> vectorizer = OneHotTextVectorizer(max_words=3)
    >>> X = vectorizer.fit_transform(["good film, good plot", "bad film", "bad, bad film"])
    >>> vectorizer.get_feature_names_out()
    array(['bad', 'film', 'good'], dtype=object)
    >>> X.toarray()
    array([[0., 1., 1.],
           [1., 1., 0.],
           [1., 1., 0.]], dtype=float32)

    Reviews as Keras provides them; the second contains a word that is too rare:

    >>> word_index = {"the": 1, "film": 2, "good": 3, "uncanny": 4}
    >>> vectorizer = OneHotTextVectorizer(max_words=7, word_index=word_index)
    >>> vectorizer.fit_transform([[1, 6, 5], [1, 4, 7, 5]]).toarray()
    array([[0., 1., 0., 0., 0., 1., 1.],
           [0., 1., 0., 0., 1., 1., 0.]], dtype=float32)
    >>> vectorizer.decode([1, 4, 7, 5])
    'the ? film'
    >>> vectorizer.transform(["A good film"]).toarray()
    array([[0., 0., 0., 0., 0., 1., 1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        "max_words": [Interval(Integral, 1, None, closed="left")],
        "binary": ["boolean"],
        "oov_column": ["boolean"],
        "word_index": [dict, None],
        "index_from": [Interval(Integral, 0, None, closed="left")],
        "input": [StrOptions({"content", "indices"})],
        **TEXT_PARAMETERS,
    }

    def __init__(
        self,
        max_words: int = 10000,
        *,
        binary: bool = True,
        oov_column: bool = False,
        word_index: dict[str, int] | None = None,
        index_from: int = 3,
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
        self.binary = binary
        self.oov_column = oov_column
        self.word_index = word_index
        self.index_from = index_from
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
        """Learn the columns of the matrix.

        Parameters
        ----------
        X : iterable of str, bytes or sequences of int
            The documents, all texts or all word indices; or an array of shape
            (n_documents, n_indices), padded with zeros. Documents may be empty.
        y : None
            Not used.

        Returns
        -------
        self : object
            The transformer.

        Raises
        ------
        ValueError
            If there are no documents, if one is missing or of another kind than the first, if texts
            contain no words or cannot be decoded, or if indices are negative or not whole numbers.
        TypeError
            If X is sparse.
        """
        with as_before_if_it_fails(self):
            self._learn(X)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Iterable, y: Any = None) -> sp.csr_matrix:
        """Learn the columns and return the matrix, reading the documents once.

        Parameters
        ----------
        X : iterable of str, bytes or sequences of int
            The documents, as for `fit`.
        y : None
            Not used.

        Returns
        -------
        matrix : CSR matrix of shape (n_documents, n_columns)
            Ones or counts, float32.
        """
        with as_before_if_it_fails(self):
            return self._learn(X)

    def transform(self, X: Iterable) -> sp.csr_matrix:
        """Return the document-term matrix.

        Parameters
        ----------
        X : iterable of str, bytes or sequences of int
            The documents, as for `fit` and of the same kind; after a fit on word indices, texts are
            accepted as well if there is a `word_index`.

        Returns
        -------
        matrix : CSR matrix of shape (n_documents, n_columns)
            Ones or counts, float32.

        Raises
        ------
        ValueError
            As for `fit`, or if the documents are not of the same kind as in fit.
        """
        check_is_fitted(self)
        documents = self._read(X)
        if self.fixed_vocabulary_:
            return self._matrix_of_indices(documents)
        n_words = len(self.vocabulary_) - self.oov_column
        words = {word: column for word, column in self.vocabulary_.items() if column < n_words}
        analyze = Analyzer(self)
        counter = CountVectorizer(analyzer=iter, vocabulary=words)
        counts = counter.transform(map(analyze, documents))
        return self._matrix_of_counts(counts, analyze.lengths)

    def inverse_transform(self, X: Any) -> list[NDArray]:
        """Return the terms of each row, in the order of the columns.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_documents, n_columns)
            A matrix that `transform` returned. It is left unchanged.

        Returns
        -------
        documents : list of n_documents arrays
            Words or, without a `word_index`, word indices, int64, which can be transformed again.

        Raises
        ------
        ValueError
            If X has another number of columns.
        """
        check_is_fitted(self)
        rows = sp.csr_array(check_array(X, accept_sparse="csr"), copy=True)
        terms = list(self.vocabulary_)
        if rows.shape[1] != len(terms):
            raise ValueError(
                f"X must have {counted(len(terms), 'column')} as transform returns, received "
                f"{rows.shape[1]}."
            )
        rows.sum_duplicates()
        rows.eliminate_zeros()
        numbers = all(isinstance(term, int) for term in terms)
        names = np.fromiter(terms, np.int64 if numbers else object, len(terms))
        return np.split(names[rows.indices], rows.indptr[1:-1])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Not used, present for scikit-learn's pipelines.

        Returns
        -------
        names : ndarray of shape (n_columns,)
            Terms; without a `word_index`, "index_17" for column 17 of word indices.
        """
        check_is_fitted(self)
        names = [f"index_{t}" if isinstance(t, int) else str(t) for t in self.vocabulary_]
        return np.array(names, dtype=object)

    def decode(self, document: Any) -> str:
        """Return a document as text, restricted to the words that have a column.

        Parameters
        ----------
        document : str, bytes or sequence of int
            One document: a text, or word indices in the order of the text.

        Returns
        -------
        text : str
            The words, with "?" for those without a column. Padding and the marker of the start are
            left out.

        Raises
        ------
        ValueError
            If the document consists of word indices and there is no `word_index`.
        """
        check_is_fitted(self)
        documents = self._read([document])
        n_columns = len(self.vocabulary_)
        if not self.fixed_vocabulary_:
            words = Analyzer(self)(documents[0])
            known = self.vocabulary_.keys() - ({MARKERS[OOV]} if self.oov_column else set())
            return " ".join(str(word) if word in known else "?" for word in words)
        if self.word_index is None:
            raise ValueError(
                "decode needs the words of the indices: received word_index=None. Pass "
                "word_index, for instance keras.datasets.imdb.get_word_index(), and fit again."
            )
        by_index = {rank + self.index_from: word for word, rank in self.word_index.items()}
        silent = {PADDING, START} - by_index.keys()
        indices = [index for index in documents.flat.tolist() if index not in silent]
        return " ".join(by_index.get(i, "?") if i < n_columns else "?" for i in indices)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        indices = self.input == "indices"
        tags.input_tags.string = not indices
        # An array of indices is checked as categories are: no negative, no broken numbers.
        tags.input_tags.two_d_array = tags.input_tags.categorical = indices
        tags.input_tags.positive_only = indices
        tags.transformer_tags.preserves_dtype = []
        return tags


OneHotTextVectorizer.__module__ = "skdl"
