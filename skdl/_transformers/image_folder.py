"""A folder of images with one folder per class, listed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state

from skdl._common.counts import counted
from skdl._common.paths import checked_path
from skdl._transformers.image_files import unreadable_error, unreadable_files, unreadable_listing

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# What macOS and Synology put beside images: copies of their names, and thumbnails.
_OF_SYSTEMS = {"__MACOSX", "@eaDir"}


def load_image_folder(
    path: str | os.PathLike,
    *,
    categories: Sequence[str] | None = None,
    allowed_extensions: Sequence[str] | None = None,
    unreadable: str | None = "error",
    shuffle: bool = True,
    random_state: int | np.random.RandomState | None = 0,
    return_X_y: bool = False,
) -> Bunch | tuple[NDArray, NDArray]:
    """List the images of a folder that contains one folder per class.

    This is the counterpart of `sklearn.datasets.load_files` for images: the names of the folders in
    `path` are the names of the classes. Only paths are returned, which `ConvNetClassifier`,
    `PretrainedFeatureClassifier` and `PretrainedFeatureExtractor` take as X and read batch by
    batch, so that the photos may take more space than the memory has.

    Parameters
    ----------
    path : str or path-like
        Folder that contains one folder per class. Images may also be in subfolders of these. Links
        to files and folders are followed, each folder once per class. Files and folders whose names
        begin with a dot are ignored, and so are the folders `__MACOSX` and `@eaDir`, which macOS
        and Synology add.
    categories : list of str, default=None
        Names of the folders to load. None loads all of them.
    allowed_extensions : list of str, default=None
        File extensions, such as [".jpg"], ignoring case. None means bmp, gif, jpeg, jpg, png, tif,
        tiff and webp. Other files are ignored. Files are only read if their content is in one of
        these formats, whatever their names.
    unreadable : str or None, default="error"
        What to do about files that are damaged, truncated or not images; to find them, each file is
        decoded once. "error": raise an error that lists all of them. "warn": leave them out and
        list them in a warning. None: do not check.
    shuffle : bool, default=True
        Whether to shuffle the images. Otherwise they are sorted by class and name.
    random_state : int, RandomState instance or None, default=0
        Determines the order if `shuffle` is True.
    return_X_y : bool, default=False
        Whether to return only `data` and `target`.

    Returns
    -------
    data : Bunch
        Dictionary whose entries are also attributes:

        - data : ndarray of str of shape (n_samples,); the paths.
        - target : ndarray of shape (n_samples,), int64; numbers of the classes.
        - target_names : list of str; names of the classes, sorted.
        - filenames : ndarray; the same as `data`.
        - DESCR : str, a description.
    (data, target) : tuple of ndarray
        If `return_X_y`.

    Raises
    ------
    OSError
        If the folder does not exist, or if `unreadable="error"` and a file cannot be read.
    TypeError
        If `path` is no path.
    ValueError
        If there is no image, a category has no folder, or a parameter is invalid.

    Warns
    -----
    UserWarning
        If a folder has no readable image, and if files are left out by `unreadable="warn"`.

    See Also
    --------
    sklearn.datasets.load_files : The like for texts.
    skdl.PretrainedFeatureClassifier : Takes the paths.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import keras
    >>> from skdl.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cats", "dogs"):
    ...         os.mkdir(os.path.join(folder, name))
    ...         for i in range(2):
    ...             path = os.path.join(folder, name, f"{i}.png")
    ...             keras.utils.save_img(path, np.zeros((8, 8, 3)), scale=False)
    ...     photos = load_image_folder(folder)
    >>> photos.target_names
    ['cats', 'dogs']
    >>> photos.data.shape
    (4,)
    """
    if unreadable not in {"error", "warn", None}:
        raise ValueError(f"unreadable must be 'error', 'warn' or None, received {unreadable!r}.")
    if isinstance(allowed_extensions, str):
        raise ValueError(
            "allowed_extensions must be a list of endings such as ['.jpg', '.png'], received "
            f"allowed_extensions={allowed_extensions!r}."
        )
    folder = checked_path(path, "skdl.datasets.load_image_folder(path)")
    if not folder.is_dir():
        raise FileNotFoundError(
            f"path={os.fspath(path)!r} is no folder. It must contain one folder per class."
        )
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not _skipped(p.name))
    if categories is not None:
        missing = sorted(set(categories) - set(names))
        if missing or isinstance(categories, str):
            raise ValueError(
                f"categories={categories!r} must be a list of names of folders in {folder}, "
                f"which are {names!r}."
            )
        names = sorted(set(categories))
    suffixes = tuple(s.lower() for s in (allowed_extensions or _SUFFIXES))
    found = [
        (path, i)
        for i, name in enumerate(names)
        for path in sorted(_files(folder / name, suffixes), key=Path)
    ]
    if found and unreadable is not None:
        bad = unreadable_files([path for path, _ in found])
        if bad and unreadable == "error":
            remedy = "Repair or remove them, or set unreadable='warn' to have them left out"
            raise unreadable_error(bad, len(found), remedy)
        if bad:
            message = f"{unreadable_listing(bad, len(found))} They are left out."
            warnings.warn(message, UserWarning, stacklevel=2)
            found = [(path, i) for path, i in found if path not in bad]
    if not found:
        beside = [p.name for p in folder.iterdir() if p.name.lower().endswith(suffixes)]
        hint = f" {len(beside)} lie in {folder} itself, such as {beside[0]}." if beside else ""
        raise ValueError(
            f"No readable image in the folders {names!r} of {folder}.{hint} Images must lie in one "
            f"folder per class and end in one of {suffixes!r}."
        )
    empty = [name for i, name in enumerate(names) if all(number != i for _, number in found)]
    if empty:
        warnings.warn(
            f"The folders {empty!r} of {folder} have no readable image, though they count as "
            f"classes. Images must end in one of {suffixes!r}; remove folders that are no class, "
            "or name the others in categories.",
            UserWarning,
            stacklevel=2,
        )
    data, target = (np.array(column) for column in zip(*found, strict=True))
    if shuffle:
        order = check_random_state(random_state).permutation(len(data))
        data, target = data[order], target[order]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=names,
        filenames=data,
        DESCR=f"{counted(len(data), 'image')} of {counted(len(names), 'class', 'classes')}, "
        f"listed from {folder}.",
    )


def _files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the files below a folder; what links lead to comes once."""
    seen = {folder.resolve()}
    for parent, folders, names in os.walk(folder, followlinks=True):
        kept = []
        for name in sorted(folders):
            target = Path(parent, name).resolve()
            if not _skipped(name) and target not in seen:
                seen.add(target)
                kept.append(name)
        folders[:] = kept
        for name in names:
            path = os.path.join(parent, name)
            if name.lower().endswith(suffixes) and name[0] != "." and os.path.isfile(path):
                yield path


def _skipped(name: str) -> bool:
    """Tell whether a folder of this name holds no images of the user's."""
    return name[0] == "." or name in _OF_SYSTEMS


# The public place, which documentation names.
load_image_folder.__module__ = "skdl.datasets"
