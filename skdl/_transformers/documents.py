"""Documents as users give them: texts or word indices, in lists, arrays and tables."""

from __future__ import annotations

import codecs
import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.feature_extraction.text import CountVectorizer

from skdl._common.counts import counted
from skdl._common.mistaken import check_none_masked
from skdl._sklearn import Interval, StrOptions

# Indices that stand for no word of their own in the data sets of Keras, with their names.
PADDING, START, OOV = range(3)
MARKERS = ("[PAD]", "[START]", "[OOV]")
# In place of the index of a word that has none; no vocabulary reaches it.
UNKNOWN = np.iinfo(np.int64).max

# The parameters that are CountVectorizer's own, with what they may be.
TEXT_PARAMETERS: dict = {
    "encoding": [str],
    "decode_error": [StrOptions({"strict", "ignore", "replace"})],
    "strip_accents": [StrOptions({"ascii", "unicode"}), None, callable],
    "lowercase": ["boolean"],
    "preprocessor": [callable, None],
    "tokenizer": [callable, None],
    "stop_words": [StrOptions({"english"}), list, None],
    "token_pattern": [str, None],
    "ngram_range": [tuple, list],
    "analyzer": [StrOptions({"word", "char", "char_wb"}), callable],
    "max_df": [Interval(Real, 0, 1, closed="both"), Interval(Integral, 1, None, closed="left")],
    "min_df": [Interval(Real, 0, 1, closed="both"), Interval(Integral, 1, None, closed="left")],
}


class Analyzer:
    """Text to terms as scikit-learn does it, keeping the number of terms of each document.

    Parameters
    ----------
    parameters : object
        Anything with `TEXT_PARAMETERS` as attributes.
    """

    def __init__(self, parameters: Any):
        names = TEXT_PARAMETERS.keys() - {"max_df", "min_df"}
        chosen = {name: getattr(parameters, name) for name in names}
        chosen["ngram_range"] = ngrams = tuple(parameters.ngram_range)
        whole = len(ngrams) == 2 and all(isinstance(n, Integral) for n in ngrams)
        if not whole or not 1 <= ngrams[0] <= ngrams[1]:
            raise ValueError(
                "ngram_range must be the smallest and the largest number of words, from 1: "
                f"received {parameters.ngram_range!r}."
            )
        _check_encoding(parameters.encoding)
        if parameters.analyzer == "word" and parameters.tokenizer is None:
            _check_token_pattern(parameters.token_pattern)
        self._analyze = CountVectorizer(**chosen).build_analyzer()
        self.lengths: list[int] = []

    def __call__(self, document: Any) -> list:
        """Return the terms of one document."""
        try:
            terms = list(self._analyze(document))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Document {len(self.lengths)} cannot be decoded: {error}. Change encoding, or "
                "set decode_error='replace'."
            ) from error
        self.lengths.append(len(terms))
        return terms


def check_ngrams(parameters: Any, texts: list, longest: int) -> None:
    """Raise a ValueError if `ngram_range` asks for more words in a row than any text has.

    Parameters
    ----------
    parameters : object
        As for `Analyzer`.
    texts : list of str or bytes
        The documents.
    longest : int
        Largest number of terms of a document.
    """
    fewest, analyzer = parameters.ngram_range[0], parameters.analyzer
    if longest or fewest == 1 or callable(analyzer):
        return
    chosen = {name: getattr(parameters, name) for name in TEXT_PARAMETERS if name != "ngram_range"}
    analyze = CountVectorizer(**chosen).build_analyzer()
    longest = max(len(analyze(text)) for text in texts)
    if longest:
        what = "words" if analyzer == "word" else "characters"
        raise ValueError(
            f"ngram_range={parameters.ngram_range!r} asks for {fewest} or more {what} in a row, "
            f"but the longest of the {counted(len(texts), 'document')} has {longest}. Begin "
            "with a smaller "
            "number."
        )


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"encoding must be a name that Python knows, such as 'utf-8': received {encoding!r}."
        ) from error


def _check_token_pattern(token_pattern: str | None) -> None:
    try:
        n_groups, why = re.compile(cast(str, token_pattern)).groups, ""
    except (re.error, TypeError) as error:
        n_groups, why = 2, f" ({error})"
    if n_groups > 1:
        raise ValueError(
            "token_pattern must be a regular expression with one group at most, or None beside a "
            f"tokenizer: received {token_pattern!r}{why}."
        )


class Indices(NamedTuple):
    """Documents of word indices end to end; document i is `flat[starts[i] : starts[i + 1]]`."""

    flat: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, documents: list) -> Indices:
        """Take sequences of indices of any lengths."""
        vectors = [_vector(document, number) for number, document in enumerate(documents)]
        starts = np.cumsum([0, *map(len, vectors)])
        # NumPy makes empty sequences floats, which the result must not become.
        filled = [vector for vector in vectors if len(vector)]
        return cls._checked(np.concatenate(filled or [np.array([], dtype=np.int64)]), starts)

    @classmethod
    def of_table(cls, table: NDArray) -> Indices:
        """Take the rows of an array of shape (n_documents, n_indices)."""
        return cls._checked(table.ravel(), np.arange(len(table) + 1) * table.shape[1])

    @classmethod
    def _checked(cls, flat, starts):
        if flat.dtype.kind == "f":
            broken = ~((flat == np.floor(flat)) & (np.abs(flat) < 2**53))
        else:
            broken = np.full(len(flat), flat.dtype.kind not in "iu")
        for trouble, found in (
            ("Word indices must be whole numbers", broken),
            ("Negative values in data passed to OneHotTextVectorizer", flat < 0),
        ):
            if found.any():
                place = int(found.argmax())
                number = int(np.searchsorted(starts, place, side="right")) - 1
                raise ValueError(
                    f"{trouble}: document {number} holds {flat[place].item()!r}. Word indices "
                    "are 0 for padding, then 1, 2 and so on."
                )
        return cls(flat.astype(np.int64, copy=False), starts)


def terms_of_indices(
    n_columns: int, word_index: dict[str, int] | None, index_from: int
) -> Sequence[int] | list[str]:
    """Return the term of each column: the index itself, or its word, marker or number."""
    if word_index is None:
        return range(n_columns)
    ranks = list(word_index.values())
    wrong = [rank for rank in ranks if not isinstance(rank, Integral) or rank < 1]
    if wrong:
        raise ValueError(f"word_index must give each word its rank, from 1: received {wrong[0]!r}.")
    terms = [f"index_{index}" for index in range(n_columns)]
    markers = MARKERS[: min(index_from + 1, n_columns)]
    terms[: len(markers)] = markers
    for word, rank in word_index.items():
        if rank + index_from < n_columns:
            terms[rank + index_from] = word
    if len(set(ranks)) < len(ranks) or len(set(terms)) < len(terms):
        raise ValueError(
            f"word_index must give each word a rank of its own, and hold none of {MARKERS}."
        )
    return terms


def listed(X: Any) -> list | None:
    """Return the documents as a list, or None for an array of numbers, to be checked as such."""
    check_none_masked(X, "X")
    if sp.issparse(X):
        raise TypeError("Sparse input is not supported: X must hold texts or word indices.")
    if isinstance(X, str | bytes | os.PathLike | Mapping):
        remedy = "A single document is passed as [document]."
        if not isinstance(X, Mapping) and os.path.exists(X):
            remedy = (
                "This is a path. Read the texts first, for instance with pandas.read_csv(path)"
                "['text'], or those of a folder with sklearn.datasets.load_files(path).data."
            )
        raise ValueError(f"X must be a sequence of documents, received {reprlib.repr(X)}. {remedy}")
    if isinstance(X, set | frozenset):
        raise TypeError(
            f"X must be a sequence of documents, received a {type(X).__name__}, which has no "
            "order. Give a list, in the order of y."
        )
    if hasattr(X, "__array__"):
        array = np.asarray(X)
        if array.ndim == 2 and any(map(_is_document, array[:, :1].flat)):
            if array.shape[1] > 1:
                raise ValueError(
                    f"X must hold one document per row, received {array.shape[1]} columns. Pass "
                    "one column, for instance X['text'], or use a ColumnTransformer."
                )
            array = array[:, 0]
        if array.ndim != 1 or array.dtype.kind in "biufc":
            return None
        X = array
    documents = list(X)
    if not documents:
        raise ValueError("X must hold at least one document, received 0 documents.")
    return documents


def are_texts(documents: list) -> bool:
    """Tell texts from sequences of word indices, raising if there are texts and others."""
    texts = [_is_text(document) for document in documents]
    if any(texts) and not all(texts):
        number = texts.index(False)
        raise _refused(documents[number], number, "All documents must be texts, or none.")
    return texts[0]


def _is_text(document: Any) -> bool:
    return isinstance(document, str | bytes)


def _is_document(cell: Any) -> bool:
    return isinstance(cell, str | bytes | list | tuple | np.ndarray)


def _vector(document: Any, number: int) -> NDArray:
    """Return one document's indices."""
    if isinstance(document, bytearray | memoryview):  # of which NumPy makes numbers
        raise _refused(document, number, "Give bytes(...) of it, as a text.")
    try:
        vector = np.asarray(document)
    except ValueError:  # nested lists of several lengths
        vector = np.empty((0, 0))
    if vector.ndim == 1 and (not vector.size or vector.dtype.kind in "biuf"):
        return vector
    remedy = "Give each document as one string or as one sequence of whole numbers."
    if vector.ndim == 0 and vector.dtype.kind in "iuf":
        remedy = "A single document is passed as [document]."
    elif vector.dtype.kind in "UST":
        remedy = "Join its words, or set analyzer=list."
    raise _refused(document, number, remedy)


def _refused(document: Any, number: int, remedy: str) -> ValueError:
    """Return the error about one document, with what to do."""
    missing = isinstance(document, float) and np.isnan(document)
    if missing or document is None or type(document).__name__ == "NAType":
        remedy = "It is missing: leave it out, or put '' or [] in its place."
    return ValueError(
        f"Document {number} is of type {type(document).__name__}: received "
        f"{reprlib.repr(document)}. {remedy}"
    )


def documents_in(X: Any) -> np.ndarray | None:
    """Return documents as an array of objects, None where X is a matrix of numbers."""
    if issparse(X):
        return None
    documents = listed(X)
    if documents is None or _is_table(documents):
        return None
    array = np.empty(len(documents), dtype=object)
    for i, document in enumerate(documents):  # at once, lists of one length would make a table
        array[i] = document
    return array


def _is_table(documents: list) -> bool:
    """Tell whether rows are lists, of one length, of numbers that are no word indices."""
    if any(isinstance(document, str | bytes) for document in documents):
        return False
    first = documents[0]
    if not np.iterable(first):
        return isinstance(first, Integral | float)
    if len({len(row) for row in documents if hasattr(row, "__len__")}) > 1:
        return False  # no table has rows of several lengths
    return any(isinstance(value, float | bool | np.floating) for value in first)


def are_documents(X: Any) -> bool:
    """Tell whether checked X is documents, not a matrix of words."""
    return not issparse(X) and X.ndim == 1
