"""Images in files: a folder a class, read when they are asked for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import Bunch, check_random_state

# Images are decoded outside of Python's lock, so that threads help.
_THREADS = 4
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_SIXTEEN = {"PNG", "PPM"}  # formats without 32 bits, of which Pillow makes its mode of 32 bits
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


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
    """List the images of a folder that has one folder a class.

    What `sklearn.datasets.load_files` does for texts: the names of the folders in `path` are
    the names of the classes. Only paths are returned, which `PretrainedFeatureClassifier` and
    `PretrainedFeatureExtractor` take as X and read batch by batch, so that photos that are
    larger than the memory can be trained on.

    Parameters
    ----------
    path : str or path-like
        Folder with a folder a class. Images may lie in folders below these; files and folders
        whose name begins with a dot are passed over.
    categories : list of str, default=None
        Names of the folders to load. None: all of them.
    allowed_extensions : list of str, default=None
        Ends of file names, such as [".jpg"]; case does not matter. None: bmp, gif, jpeg, jpg,
        png, tif, tiff and webp. Other files are passed over.
    unreadable : str or None, default="error"
        What to do about files that are damaged, truncated or no images; to find them each
        file is decoded once. "error": raise an error that lists them all. "warn": leave them
        out and list them in a warning. None: do not look.
    shuffle : bool, default=True
        Whether to shuffle the images. Without, they are sorted by class and name.
    random_state : int, RandomState instance or None, default=0
        Decides the order with `shuffle`.
    return_X_y : bool, default=False
        Whether to return only `data` and `target`.

    Returns
    -------
    data : Bunch
        Dictionary whose entries are also attributes:

        - data : ndarray of str of shape (n_samples,); the paths.
        - target : ndarray of shape (n_samples,), int64; number of the class.
        - target_names : list of str; names of the classes, sorted.
        - filenames : ndarray; the same as `data`.
        - DESCR : str, a description.
    (data, target) : tuple of ndarray
        If `return_X_y`.

    Raises
    ------
    OSError
        If the folder does not exist, or with `unreadable="error"` a file cannot be read.
    ValueError
        If there is no image, a category has no folder, or a parameter has another value.

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
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"path={os.fspath(path)!r} is no folder. It must hold one a class.")
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    if categories is not None:
        missing = sorted(set(categories) - set(names))
        if missing or isinstance(categories, str):
            raise ValueError(
                f"categories={categories!r} must be a list of names of folders in {folder}, "
                f"which are {names!r}."
            )
        names = sorted(set(categories))
    suffixes = tuple(s.lower() for s in (allowed_extensions or _SUFFIXES))
    found = [(str(p), i) for i, name in enumerate(names) for p in _files(folder / name, suffixes)]
    if found and unreadable is not None:
        bad = unreadable_files([path for path, _ in found])
        if bad and unreadable == "error":
            remedy = "Mend or remove them, or set unreadable='warn' to have them left out"
            raise _unreadable_error(bad, len(found), remedy)
        if bad:
            message = f"{_listing(bad, len(found))} They are left out."
            warnings.warn(message, UserWarning, stacklevel=2)
            found = [(path, i) for path, i in found if path not in bad]
    if not found:
        raise ValueError(
            f"No readable image in the folders {names!r} of {folder}. Images must lie in one "
            f"folder a class and end in one of {suffixes!r}."
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
        DESCR=f"{len(data)} images of {len(names)} classes, listed from {folder}.",
    )


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(
        p
        for p in folder.rglob("*")
        if p.name.lower().endswith(suffixes)
        and not any(part[0] == "." for part in p.relative_to(folder).parts)
        and p.is_file()
    )


def as_paths(X: Any) -> NDArray | None:
    """Return paths of images as an array of str, None where X is something else.

    Raises
    ------
    TypeError
        If only some of the entries are paths.
    FileNotFoundError
        If there are no such files; the message lists them.
    """
    if isinstance(X, str | os.PathLike):
        raise TypeError(f"X must be a list of paths, received the single path {X!r}: give [path].")
    if issparse(X):
        return None
    values = X.to_numpy() if hasattr(X, "to_numpy") else X
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "OTU" or values.ndim == 0 or values.size == 0:
            return None
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        values = values.tolist() if values.ndim == 1 else []
    elif not isinstance(values, list | tuple):
        return None
    if not values or not isinstance(values[0], str | os.PathLike):
        return None
    wrong = next((v for v in values if not isinstance(v, str | os.PathLike)), None)
    if wrong is not None:
        raise TypeError(f"X must hold paths alone or pixels alone, received {wrong!r} among paths.")
    paths = [os.fspath(path) for path in values]
    missing = [path for path in dict.fromkeys(paths) if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(paths)} image files do not exist: {', '.join(missing)}. "
            "Relative paths begin at the working folder."
        )
    return np.array(paths)


class ImageFiles:
    """Images in files as an array of shape (n, height, width, channels), read by slices.

    Parameters
    ----------
    paths : ndarray of str
        The files.
    image_shape : tuple of int
        Height, width and channels to which each image is brought: resized bilinearly, which
        averages where it shrinks, as Keras's `load_img` does; converted to grey or colours.
    scale : float, default=1.0
        Factor by which a network multiplies pixels to bring them to 0 to 255, and by which these
        are divided for it.
    """

    lazy = True

    def __init__(self, paths: NDArray, image_shape: tuple[int, int, int], scale: float = 1.0):
        self.paths, self.image_shape, self.scale = paths, tuple(image_shape), scale
        self.dtype = np.dtype(np.uint8 if scale == 1 else np.float32)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, ...]:
        """As if all were read."""
        return (len(self), *self.image_shape)

    @property
    def nbytes(self) -> int:
        """As if all were read."""
        return prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, index: Any) -> NDArray:
        """Return the images of a slice or an array of positions."""
        paths = self.paths[index]
        try:
            with ThreadPoolExecutor(_THREADS) as pool:
                images = list(pool.map(self._read, paths))
        except Exception as error:  # by format and damage, decoders raise anything
            bad = unreadable_files(self.paths)
            raise _unreadable_error(
                bad or {"one of them": str(error)},
                len(self.paths),
                "Leave them out; skdl.datasets.load_image_folder(unreadable='warn') does",
            ) from error
        images = np.stack(images) if images else np.empty((0, *self.image_shape), np.uint8)
        return images if self.scale == 1 else images / np.float32(self.scale)

    def _read(self, path: str) -> NDArray:
        from PIL import Image

        height, width, channels = self.image_shape
        with Image.open(path) as image:
            image = _in_bytes(image).convert(_MODES[channels])
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(self.image_shape)


def _in_bytes(image: Any) -> Any:
    """Return an image of Pillow's whose pixels are bytes: of 16 bits the upper 8.

    Pillow itself would take the lower ones, or all above 255 for white.
    """
    from PIL import Image

    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN)
    if sixteen:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in {"I", "F"}:
        raise ValueError(
            f"its pixels are numbers of 32 bits (mode {image.mode!r}), and which of them is white "
            "is not known; save it with 8 or 16 bits"
        )
    return image


def check_channels(channels: int) -> None:
    """Raise a ValueError if no file has images of so many channels."""
    if channels not in _MODES:
        raise ValueError(
            f"The backbone takes images of {channels} channels, but files have 1, 3 or 4. Give the "
            "images as an array."
        )


def unreadable_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the files that cannot be decoded, each with what the decoder says."""
    from PIL import Image

    def problem(path):
        try:
            with Image.open(path) as image:
                image.draft(None, (64, 64))  # a JPEG is decoded faster, and as far, in small
                image.load()
                _in_bytes(image)
        except Exception as error:
            return str(error) or type(error).__name__
        return None

    paths = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_THREADS) as pool:
        return {path: why for path, why in zip(paths, pool.map(problem, paths), strict=True) if why}


def _listing(bad: dict[str, str], n_files: int) -> str:
    lines = "".join(f"\n  {path}: {why}" for path, why in bad.items())
    return f"{len(bad)} of {n_files} image files cannot be read:{lines}\n"


def _unreadable_error(bad: dict[str, str], n_files: int, remedy: str) -> OSError:
    return OSError(f"{_listing(bad, n_files)}{remedy}.")


# The public place, which documentation names.
load_image_folder.__module__ = "skdl.datasets"
