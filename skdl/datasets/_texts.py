"""Documents that Keras distributes, as scikit-learn users expect to get them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skdl.datasets._subsets import SUBSETS, check_subset

# What Keras adds to a word's rank to get its index in the documents.
_INDEX_FROM = 3

_IMDB = """\
IMDB film reviews
-----------------

50,000 reviews of films, 25,000 for training and 25,000 for testing, half of each positive and half
negative. A review is a list of word indices: 1 marks its start, 2 a word that was left out, and the
word of rank r in word_index, 1 for the most frequent of the training reviews, is r + 3.

Task: binary classification; classes 0 (negative) and 1 (positive).
Source: A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts (2011). Learning word
vectors for sentiment analysis. ACL. https://ai.stanford.edu/~amaas/data/sentiment/
"""

_REUTERS = """\
Reuters newswires
-----------------

11,228 newswires of the Reuters agency from 1987, the first 8,982 for training and 2,246 for
testing, each of one of 46 topics of very different frequency. A newswire is a list of word indices:
1 marks its start, 2 a word that was left out, and the word of rank r in word_index is r + 3.

Task: multiclass classification; classes 0 to 45, named in target_names.
Source: Reuters-21578, D. D. Lewis (1997), as prepared for Keras.
https://www.daviddlewis.com/resources/testcollections/reuters21578/
"""


def fetch_imdb(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    num_words: int | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[NDArray, NDArray]:
    """Load film reviews with their sentiment, downloading them if needed (19 MB).

    50,000 reviews as word indices, negative or positive [1]_, with the order and the split of
    `keras.datasets.imdb.load_data`.

    Parameters
    ----------
    subset : str, default="train"
        "train": the 25,000 reviews to train on. "test": the 25,000 to test on. "all": both, in
        this order.
    data_home : str or path-like, default=None
        Folder that holds the files imdb.npz and imdb_word_index.json. None: the folder `datasets`
        in Keras's own folder, `~/.keras` or the environment variable KERAS_HOME.
    num_words : int, default=None
        Word indices greater than or equal to this number are replaced by 2, the marker of omitted
        words, and `word_index` contains only smaller ones. None keeps all words except, as in
        Keras, the very last.
    download_if_missing : bool, default=True
        Whether files that are missing in `data_home` are downloaded from Keras's server.
    return_X_y : bool, default=False
        Whether to return only `data` and `target`.

    Returns
    -------
    data : Bunch
        Dictionary whose entries are also attributes:

        - data : ndarray of shape (n_samples,), dtype object; each item is a list of int, the word
          indices as `OneHotTextVectorizer` takes them.
        - target : ndarray of shape (n_samples,), int64; 0 negative, 1 positive.
        - target_names : list of str.
        - word_index : dict of str to int; each word's rank, 3 less than its index.
        - DESCR : str, a description.
    (data, target) : tuple of ndarray
        If `return_X_y`.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded, or cannot be read.
    ValueError
        If a parameter is invalid.

    See Also
    --------
    fetch_reuters : Newswires of 46 topics.
    skdl.OneHotTextVectorizer : Turns the reviews into a matrix.

    Notes
    -----
    The downloaded data are verified against the hash that Keras knows, and a file is put in place
    only when it is complete. An existing file is used as it is.

    References
    ----------
    .. [1] Andrew L. Maas et al. (2011). Learning word vectors for sentiment analysis. ACL.

    Examples
    --------
    >>> from skdl.datasets import fetch_imdb
    >>> reviews = fetch_imdb(num_words=10000)  # doctest: +SKIP
    >>> reviews.data.shape  # doctest: +SKIP
    (25000,)
    >>> fetch_imdb(data_home="here", download_if_missing=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    OSError: imdb.npz is missing: it is expected at here/imdb.npz. ...
    """
    return _fetch_documents(
        "imdb",
        descr=_IMDB,
        target_names=lambda imdb: ["negative", "positive"],
        subset=subset,
        data_home=data_home,
        num_words=num_words,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
    )


def fetch_reuters(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    num_words: int | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[NDArray, NDArray]:
    """Load newswires with their topics, downloading them if needed (3 MB).

    11,228 newswires as word indices, each with one of 46 topics [1]_, with the order and the split
    of `keras.datasets.reuters.load_data`.

    Parameters
    ----------
    subset : str, default="train"
        "train": the 8,982 newswires to train on. "test": the 2,246 to test on. "all": both, in
        this order.
    data_home : str or path-like, default=None
        Folder that holds the files reuters.npz and reuters_word_index.json. None: the folder
        `datasets` in Keras's own folder, `~/.keras` or the environment variable KERAS_HOME.
    num_words : int, default=None
        Word indices greater than or equal to this number are replaced by 2, the marker of omitted
        words, and `word_index` contains only smaller ones. None keeps all words except, as in
        Keras, the very last.
    download_if_missing : bool, default=True
        Whether files that are missing in `data_home` are downloaded from Keras's server.
    return_X_y : bool, default=False
        Whether to return only `data` and `target`.

    Returns
    -------
    data : Bunch
        Dictionary whose entries are also attributes:

        - data : ndarray of shape (n_samples,), dtype object; each item is a list of int, the word
          indices as `OneHotTextVectorizer` takes them.
        - target : ndarray of shape (n_samples,), int64; the topic, 0 to 45.
        - target_names : list of str, the 46 topics.
        - word_index : dict of str to int; each word's rank, 3 less than its index.
        - DESCR : str, a description.
    (data, target) : tuple of ndarray
        If `return_X_y`.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded, or cannot be read.
    ValueError
        If a parameter is invalid.

    See Also
    --------
    fetch_imdb : Reviews of films, negative or positive.
    skdl.OneHotTextVectorizer : Turns the newswires into a matrix.

    Notes
    -----
    The downloaded data are verified against the hash that Keras knows, and a file is put in place
    only when it is complete. An existing file is used as it is.

    References
    ----------
    .. [1] David D. Lewis (1997). Reuters-21578 text categorization test collection.

    Examples
    --------
    >>> from skdl.datasets import fetch_reuters
    >>> newswires = fetch_reuters(num_words=10000)  # doctest: +SKIP
    >>> newswires.target_names[newswires.target[0]]  # doctest: +SKIP
    'earn'
    >>> fetch_reuters(data_home="here", download_if_missing=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    OSError: reuters.npz is missing: it is expected at here/reuters.npz. ...
    """
    return _fetch_documents(
        "reuters",
        descr=_REUTERS,
        target_names=lambda reuters: list(reuters.get_label_names()),
        subset=subset,
        data_home=data_home,
        num_words=num_words,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
    )


def _fetch_documents(
    name, *, descr, target_names, subset, data_home, num_words, download_if_missing, return_X_y
):
    """Load one of the data sets of Keras whose samples are lists of word indices."""
    check_subset(subset)
    if num_words is not None and (not isinstance(num_words, Integral) or num_words < 1):
        raise ValueError(f"num_words must be a positive int or None, received {num_words!r}.")
    from skdl._networks.keras import keras

    source = getattr(keras.datasets, name)
    parts = _load(source.load_data, data_home, download_if_missing, num_words=num_words)
    X, y = _joined(parts, subset)
    data, target = _ragged(X), np.asarray(y, dtype=np.int64)
    if return_X_y:
        return data, target
    word_index = _load(source.get_word_index, data_home, download_if_missing)
    if num_words is not None:
        word_index = {w: rank for w, rank in word_index.items() if rank + _INDEX_FROM < num_words}
    return Bunch(
        data=data,
        target=target,
        target_names=target_names(source),
        word_index=word_index,
        DESCR=descr,
    )


def _joined(parts: tuple, subset: str) -> tuple[list, list]:
    """Return the samples and targets of a subset, out of Keras's pairs for training and test."""
    chosen = parts if subset == "all" else [parts[SUBSETS.index(subset)]]
    return [x for X, _ in chosen for x in X], [label for _, y in chosen for label in y]


def _ragged(documents: list) -> NDArray:
    """Return a vector of lists, also where they are all of one length."""
    vector = np.empty(len(documents), dtype=object)
    for i, document in enumerate(documents):
        vector[i] = list(document)
    return vector


def _keras_folder() -> Path:
    """Return where Keras keeps data sets."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def _load(
    loader: Callable,
    data_home: str | os.PathLike | None,
    download_if_missing: bool,
    **arguments: Any,
) -> Any:
    """Call a loader of `keras.datasets` so that it takes its files from `data_home`.

    The loaders know what to fetch and how to read it, but offer no choice of the folder. So the
    loader runs as a copy in which its one helper that finds files is ours; Keras itself is
    left as it is.
    """
    folder = _keras_folder() if data_home is None else Path(data_home).expanduser()
    found: list[Path] = []

    def get_file(fname, origin, file_hash=None, cache_subdir="datasets", **kwargs):
        target = folder.joinpath(*Path(cache_subdir).parts[1:], fname)
        found.clear()
        if not target.exists():
            _download(target, origin, file_hash, download_if_missing)
        found.append(target)
        return str(target)

    if "get_file" not in loader.__code__.co_names:
        raise RuntimeError(f"{loader.__module__} of this version of Keras is not known to skdl.")
    names = {**loader.__globals__, "get_file": get_file}
    try:
        return FunctionType(loader.__code__, names, loader.__name__, loader.__defaults__)(
            **arguments
        )
    except Exception as error:
        if not found:  # the file was not to be had, and the error says so
            raise
        raise OSError(
            f"{found[-1]} cannot be read as Keras's file of that name: {error}. Delete it to have "
            "it fetched again, or put a complete one in its place."
        ) from error


def _download(target: Path, origin: str, file_hash: str | None, allowed: bool) -> None:
    """Fetch a file with Keras, silently, and put it in place once it is complete."""
    remedy = (
        f"it is expected at {target}. Fetch {origin} by other means and put it there, or pass "
        "as data_home the folder that holds it"
    )
    if not allowed:
        raise OSError(f"{target.name} is missing: {remedy}, or set download_if_missing=True.")
    from skdl._networks.keras import keras

    talkative = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as part:
            keras.utils.get_file(
                target.name, origin, file_hash=file_hash, cache_dir=part, cache_subdir=""
            )
            Path(part, target.name).replace(target)
    except Exception as error:  # Keras raises plain Exception where the server is not reached
        raise OSError(f"{target.name} could not be fetched: {error}; {remedy}.") from error
    finally:
        if talkative:
            keras.config.enable_interactive_logging()
