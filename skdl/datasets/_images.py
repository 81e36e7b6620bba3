"""MNIST and Fashion-MNIST, from OpenML through scikit-learn."""

from __future__ import annotations

import json
import os
from gzip import GzipFile
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from skdl.datasets._subsets import SUBSETS, check_subset

if TYPE_CHECKING:
    import pandas as pd

_SIDE = 28
_CLOTHES = [
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
]


def fetch_mnist(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    as_frame: bool = False,
    return_X_y: bool = False,
) -> Bunch | tuple[NDArray, NDArray] | tuple[pd.DataFrame, pd.Series]:
    """Load images of handwritten digits, downloading them if needed (15 MB).

    70,000 grey images of 28 x 28 pixels, each showing one of ten digits [1]_, with the usual split.
    The data set has the number 554 on OpenML, and is downloaded and cached by scikit-learn's
    `fetch_openml`.

    Parameters
    ----------
    subset : str, default="train"
        "train": the 60,000 images to train on. "test": the 10,000 to test on. "all": both, in
        this order.
    data_home : str or path-like, default=None
        Folder of scikit-learn's data, which holds the files in its subfolder `openml`. None:
        `~/scikit_learn_data` or the environment variable SCIKIT_LEARN_DATA.
    download_if_missing : bool, default=True
        Whether files that are missing in `data_home` are downloaded from OpenML.
    n_retries : int, default=3
        How often `fetch_openml` retries if the network fails, at least 1. Unused if the files
        exist.
    delay : float, default=1.0
        Seconds between retries.
    as_frame : bool, default=False
        Whether `data` and `target` are a DataFrame and a Series instead of arrays.
    return_X_y : bool, default=False
        Whether to return only `data` and `target`.

    Returns
    -------
    data : Bunch
        Dictionary whose entries are also attributes:

        - data : ndarray or DataFrame of shape (n_samples, 784), uint8; the pixels of an image
          row by row, 0 for the background to 255.
        - target : ndarray or Series of shape (n_samples,), int64; the digit.
        - images : ndarray of shape (n_samples, 28, 28), uint8; a view of `data` if that is an
          array.
        - frame : DataFrame of `data` and `target`; only if `as_frame`.
        - feature_names : list of str, the names of the pixels.
        - target_names : list of str, the ten digits.
        - DESCR : str, a description.
    (data, target) : tuple of ndarray, or of DataFrame and Series
        If `return_X_y`.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded, or cannot be read.
    ValueError
        If a parameter is invalid.

    See Also
    --------
    fetch_fashion_mnist : Clothes instead of digits, in the same form.
    sklearn.datasets.fetch_openml : Fetches any data set of OpenML.
    skdl.ConvNetClassifier : Takes the rows of pixels as they are.

    Notes
    -----
    The downloaded data are verified against the hash that OpenML gives. As in `fetch_openml`, a
    file that exists but is broken is downloaded once more.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning
       applied to document recognition. Proceedings of the IEEE 86(11).

    Examples
    --------
    >>> from skdl.datasets import fetch_mnist
    >>> digits = fetch_mnist()  # doctest: +SKIP
    >>> digits.data.shape, digits.images.shape  # doctest: +SKIP
    ((60000, 784), (60000, 28, 28))
    >>> fetch_mnist(data_home="here", download_if_missing=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    OSError: MNIST, data set 554 of OpenML, is missing: here/openml/openml.org/... is not there. ...
    """
    return _fetch_images(
        fetch_mnist,
        "MNIST, data set 554 of OpenML,",
        554,
        list(map(str, range(10))),
        subset=subset,
        data_home=data_home,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
        as_frame=as_frame,
        return_X_y=return_X_y,
    )


def fetch_fashion_mnist(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    as_frame: bool = False,
    return_X_y: bool = False,
) -> Bunch | tuple[NDArray, NDArray] | tuple[pd.DataFrame, pd.Series]:
    """Load images of clothes, downloading them if needed (33 MB).

    70,000 grey images of 28 x 28 pixels, each showing one of ten kinds of clothes [1]_, with the
    same format and split as MNIST. The data set has the number 40996 on OpenML, and is downloaded
    and cached by scikit-learn's `fetch_openml`.

    Parameters
    ----------
    subset : str, default="train"
        "train": the 60,000 images to train on. "test": the 10,000 to test on. "all": both, in
        this order.
    data_home : str or path-like, default=None
        Folder of scikit-learn's data, which holds the files in its subfolder `openml`. None:
        `~/scikit_learn_data` or the environment variable SCIKIT_LEARN_DATA.
    download_if_missing : bool, default=True
        Whether files that are missing in `data_home` are downloaded from OpenML.
    n_retries : int, default=3
        How often `fetch_openml` retries if the network fails, at least 1. Unused if the files
        exist.
    delay : float, default=1.0
        Seconds between retries.
    as_frame : bool, default=False
        Whether `data` and `target` are a DataFrame and a Series instead of arrays.
    return_X_y : bool, default=False
        Whether to return only `data` and `target`.

    Returns
    -------
    data : Bunch
        Dictionary whose entries are also attributes:

        - data : ndarray or DataFrame of shape (n_samples, 784), uint8; the pixels of an image
          row by row, 0 for the background to 255.
        - target : ndarray or Series of shape (n_samples,), int64; the kind of clothes, 0 to 9.
        - images : ndarray of shape (n_samples, 28, 28), uint8; a view of `data` if that is an
          array.
        - frame : DataFrame of `data` and `target`; only if `as_frame`.
        - feature_names : list of str, the names of the pixels.
        - target_names : list of str, the ten kinds of clothes, from "T-shirt/top" to "Ankle boot".
        - DESCR : str, a description.
    (data, target) : tuple of ndarray, or of DataFrame and Series
        If `return_X_y`.

    Raises
    ------
    OSError
        If a file is missing and cannot be downloaded, or cannot be read.
    ValueError
        If a parameter is invalid.

    See Also
    --------
    fetch_mnist : Digits instead of clothes, in the same form.
    sklearn.datasets.fetch_openml : Fetches any data set of OpenML.
    skdl.ConvNetClassifier : Takes the rows of pixels as they are.

    Notes
    -----
    The downloaded data are verified against the hash that OpenML gives. As in `fetch_openml`, a
    file that exists but is broken is downloaded once more.

    References
    ----------
    .. [1] H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for
       benchmarking machine learning algorithms. arXiv:1708.07747.

    Examples
    --------
    >>> from skdl.datasets import fetch_fashion_mnist
    >>> clothes = fetch_fashion_mnist(subset="test")  # doctest: +SKIP
    >>> clothes.target_names[clothes.target[0]]  # doctest: +SKIP
    'Ankle boot'
    >>> fetch_fashion_mnist(data_home="here", download_if_missing=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    OSError: Fashion-MNIST, data set 40996 of OpenML, is missing: here/openml/... is not there. ...
    """
    return _fetch_images(
        fetch_fashion_mnist,
        "Fashion-MNIST, data set 40996 of OpenML,",
        40996,
        list(_CLOTHES),
        subset=subset,
        data_home=data_home,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
        as_frame=as_frame,
        return_X_y=return_X_y,
    )


def _fetch_images(public, name, number, target_names, *, subset, as_frame, return_X_y, **how):
    """Load one of the two data sets, whose first six sevenths are for training."""
    check_subset(subset)
    for parameter, kind, words in (("n_retries", Integral, "int"), ("delay", Real, "number")):
        if not isinstance(how[parameter], kind) or how[parameter] <= 0:
            raise ValueError(
                f"{parameter} must be a positive {words}, received {parameter}={how[parameter]!r}."
            )
    found = _fetch(public.__name__, name, number, **how)
    border = len(found.target) * 6 // 7
    parts = slice(border), slice(border, None), slice(None)
    rows = parts[SUBSETS.index(subset)]
    data = found.data.iloc[rows]
    target = found.target.iloc[rows].str.strip("'").astype(np.int64)
    pixels = np.ascontiguousarray(data.to_numpy())
    bunch = Bunch(
        data=pixels,
        target=target.to_numpy(),
        images=pixels.reshape(-1, _SIDE, _SIDE),
        feature_names=list(data.columns),
        target_names=target_names,
        DESCR=found.DESCR,
    )
    if as_frame:
        bunch.update(data=data, target=target, frame=data.join(target))
    return (bunch.data, bunch.target) if return_X_y else bunch


def _fetch(function, name, number, *, data_home, download_if_missing, n_retries, delay):
    """Call `fetch_openml`, with errors that say what to do."""
    home = os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")
    home = Path(home if data_home is None else data_home).expanduser()
    missing = _missing_files(home / "openml" / "openml.org", number)
    remedy = (
        f'Where there is a network, call skdl.datasets.{function}(data_home="folder"), and put '
        f'the folder "openml" that it makes there into {home}; or pass as data_home the folder '
        "that holds it"
    )
    if missing and not download_if_missing:
        raise OSError(
            f"{name} is missing: {missing[0]} is not there. {remedy}, or set "
            "download_if_missing=True."
        )
    # Pixels are read as bytes at once, an eighth of the memory that integers would take; labels
    # as text, because scikit-learn 1.9 fails on the categories that pandas 3.1 makes of numbers.
    dtypes = {**dict.fromkeys(range(_SIDE**2), np.uint8), _SIDE**2: "str"}
    try:
        return fetch_openml(
            data_id=number,
            data_home=home,
            as_frame=True,
            parser="pandas",
            n_retries=n_retries,
            delay=delay,
            read_csv_kwargs={"dtype": dtypes},
        )
    except Exception as error:
        if missing := _missing_files(home / "openml" / "openml.org", number):
            raise OSError(
                f"{name} could not be fetched: {error}; {missing[0]} is not there. {remedy}."
            ) from error
        raise OSError(
            f"{name} cannot be read from {home / 'openml'}: {error}. Delete its files there to "
            f"have them fetched again. {remedy}."
        ) from error


def _missing_files(folder: Path, number: int) -> list[Path]:
    """Return which files of a data set `fetch_openml` would have to fetch."""
    answers = folder / "api/v1/json/data"
    about, *files = (answers / part / f"{number}.gz" for part in ("", "features", "qualities"))
    try:
        with GzipFile(about) as file:
            url = json.load(file)["data_set_description"]["url"]
        files.append(folder / (urlparse(url).path.lstrip("/") + ".gz"))
    except (OSError, EOFError, ValueError, LookupError, TypeError):
        return [about]  # it names the file of the data
    return [path for path in files if not path.exists()]
