"""Images in files, and those that Pillow holds: read and resized when they are asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skdl._common.counts import counted
from skdl._common.loaded import loaded

if TYPE_CHECKING:
    from PIL import Image

# What Pillow may take a file for, by its content: it knows formats that start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# Images are decoded outside of Python's lock, so that threads help.
_THREADS = 4
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_PATHS = (str, bytes, os.PathLike)
_LISTED = 20  # files in a message
_ORIENTATION = 0x0112  # the tag of EXIF
# An image of Pillow's that lies in a file is read when it is used first, by one thread.
_loading = threading.Lock()


def as_sources(X: Any) -> NDArray | None:
    """Return what images are read from, None where X holds something else.

    Returns
    -------
    sources : ndarray of shape (n_samples,) or None
        Paths of files, as str; an array of objects if there are images of Pillow among them.

    Raises
    ------
    TypeError
        If X is a single path or image, or only some of the entries are paths or images.
    FileNotFoundError
        If there are no such files; the message lists them.
    """
    _check_not_single(X)
    values = _entries(X)
    if not values:
        return None
    known = [isinstance(value, _PATHS) or _is_of_pillow(value) for value in values]
    if not any(known):
        return None
    if not all(known):
        position = known.index(False)
        raise TypeError(
            "X must hold paths and images of Pillow alone, or pixels alone, received "
            f"{values[position]!r} at position {position}."
        )
    sources = [v if _is_of_pillow(v) else os.path.expanduser(os.fsdecode(v)) for v in values]
    _check_files([source for source in sources if isinstance(source, str)])
    return _array_of(sources)


def is_sources(X: Any) -> bool:
    """Tell whether X is what `as_sources` returned."""
    return isinstance(X, np.ndarray) and X.dtype.kind in "UO" and X.ndim == 1


def _check_not_single(X):
    if _is_of_pillow(X):
        raise TypeError("X must be a list of images, received a single one of Pillow: give [X].")
    if isinstance(X, Iterator):
        raise TypeError(
            f"X must be a list or an array, received an iterator ({type(X).__name__}), which can "
            "be read only once: give list(X)."
        )
    if isinstance(X, dict | set | frozenset) and not issparse(X):  # a kind of matrix is a dict
        raise TypeError(
            f"X must be an array of images or a list of paths, received a {type(X).__name__}."
        )
    if not isinstance(X, _PATHS):
        return
    if os.path.isdir(os.path.expanduser(X)):
        raise TypeError(
            f"X must be a list of paths, received the folder {X!r}. List its images: "
            f"X, y = skdl.datasets.load_image_folder({os.fsdecode(X)!r}, return_X_y=True)."
        )
    raise TypeError(f"X must be a list of paths, received the single path {X!r}: give [path].")


def _entries(X):
    """Return the entries of what may be one column of paths or images, None for a table."""
    if issparse(X):
        return None
    columns = getattr(X, "shape", ())[1:]
    if columns not in ((), (1,)):
        return None
    values = X.to_numpy() if hasattr(X, "to_numpy") else X
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "OSTU" or values.ndim == 0:
            return None
        return values.ravel().tolist()
    if not isinstance(values, list | tuple):
        return None
    alone = (isinstance(v, list | tuple) and len(v) == 1 for v in values)
    if values and all(alone) and isinstance(values[0][0], _PATHS):
        return [value for (value,) in values]
    return list(values)


def _is_of_pillow(value):
    pillow = loaded("PIL.Image")  # without it there can be none
    return pillow is not None and isinstance(value, pillow.Image)


def _check_files(paths):
    missing = [path for path in dict.fromkeys(paths) if not os.path.isfile(path)]
    if not missing:
        return
    shown = [path if len(path) <= 200 else f"{path[:200]}..." for path in missing[:_LISTED]]
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    folder = next((path for path in shown if os.path.isdir(path)), None)
    remedy = "Relative paths begin at the working folder."
    if folder is not None:
        remedy = f"{folder} is a folder: skdl.datasets.load_image_folder lists its images."
    raise FileNotFoundError(
        f"{len(missing)} of {len(paths)} image files do not exist: {', '.join(shown)}{more}. "
        f"{remedy}"
    )


def _array_of(sources):
    if all(isinstance(source, str) for source in sources):
        return np.array(sources)
    array = np.empty(len(sources), dtype=object)
    for position, source in enumerate(sources):  # at once, NumPy would look into the images
        array[position] = source
    return array


class LazyImages:
    """Images in files or of Pillow as an array (n, height, width, channels), read by slices.

    Parameters
    ----------
    sources : ndarray
        Paths of files, and images of Pillow: what `as_sources` returns.
    image_shape : tuple of int
        Height, width and channels to which each image is brought: resized bilinearly, which
        averages where it shrinks, as Keras's `load_img` does; converted to grey or colours.
    scale : float, default=1.0
        Number by which pixels of 0 to 255 are divided, to be in the range of those seen in fit.
    upright : bool, default=True
        Whether images are turned as their EXIF orientation says.
    """

    lazy = True

    def __init__(
        self,
        sources: NDArray,
        image_shape: tuple[int, int, int],
        scale: float = 1.0,
        upright: bool = True,
    ):
        self.sources, self.image_shape = sources, tuple(image_shape)
        self.scale, self.upright = scale, upright
        self.dtype = np.dtype(np.uint8 if scale == 1 else np.float32)

    def __len__(self) -> int:
        return len(self.sources)

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
        try:
            with ThreadPoolExecutor(_THREADS) as pool:
                images = list(pool.map(self._read, self.sources[index]))
        except Exception as error:  # by format and damage, decoders raise anything
            bad = unreadable_files(self.sources) or {"one of them": str(error)}
            remedy = "Leave them out"
            if self.sources.dtype.kind == "U":
                remedy += "; skdl.datasets.load_image_folder(unreadable='warn') does"
            raise unreadable_error(bad, len(self.sources), remedy) from error
        shape = (len(images), *self.image_shape)
        pixels = np.stack(images) if images else np.empty(shape, np.uint8)
        return pixels if self.scale == 1 else pixels / np.float32(self.scale)

    def _read(self, source: str | Image.Image) -> NDArray:
        from PIL import Image

        if isinstance(source, str):
            with Image.open(source, formats=FORMATS) as image:
                return self._pixels(image)
        with _loading:
            source.load()
        return self._pixels(source)

    def _pixels(self, image: Image.Image) -> NDArray:
        from PIL import Image

        height, width, channels = self.image_shape
        image = _in_bytes(image, self.upright).convert(_MODES[channels])
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(self.image_shape)


def _in_bytes(image: Image.Image, upright: bool) -> Image.Image:
    """Return an image of Pillow's whose pixels are bytes: of 16 bits the upper 8.

    Pillow itself would take the lower ones, or all above 255 for white.
    """
    from PIL import Image, ImageOps

    # Pillow makes its mode of 32 bits of some PNG files, which have no more than 16.
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if image.mode in {"I", "F"} and not sixteen:
        raise ValueError(
            f"its pixels are numbers of 32 bits (mode {image.mode!r}), and which of them is white "
            "is not known; save it with 8 or 16 bits"
        )
    if upright and orientation_of(image) != 1:
        image = ImageOps.exif_transpose(image)
    if sixteen:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image


def orientation_of(image: Image.Image) -> int:
    """Return how an image lies by its EXIF tag, 1 to 8; 1, upright, where none says."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged, in any way; the pixels may be whole all the same
        return 1


def check_channels(channels: int) -> None:
    """Raise a ValueError if no file has images of so many channels."""
    if channels not in _MODES:
        raise ValueError(
            f"Images of {counted(channels, 'channel')} are asked for, but files and images of "
            "Pillow have "
            "1, 3 or 4. Give the images as an array."
        )


def unreadable_files(sources: Iterable[Any]) -> dict[str, str]:
    """Return the images that cannot be decoded, each with what the decoder says."""
    from PIL import Image

    def problem(source):
        try:
            if not isinstance(source, str):
                with _loading:
                    source.load()
                _in_bytes(source, upright=True)
                return None
            with Image.open(source, formats=FORMATS) as image:
                image.draft(None, (64, 64))  # a JPEG is decoded faster, and as far, in small
                image.load()
                _in_bytes(image, upright=True)
        except Exception as error:
            return _reason(error)
        return None

    named = {}
    for position, source in enumerate(sources):
        named[str(source) if isinstance(source, str) else f"X[{position}]"] = source
    with ThreadPoolExecutor(_THREADS) as pool:
        found = zip(named, pool.map(problem, named.values()), strict=True)
        return {name: why for name, why in found if why}


def _reason(error):
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return f"it is no image, or of another format than {', '.join(FORMATS)}"
    return str(error) or type(error).__name__


def unreadable_listing(bad: dict[str, str], n_files: int) -> str:
    """Return the lines that tell which of so many files are bad, and why."""
    lines = "".join(f"\n  {path}: {why}" for path, why in bad.items())
    return f"{len(bad)} of {n_files} image files cannot be read:{lines}\n"


def unreadable_error(bad: dict[str, str], n_files: int, remedy: str) -> OSError:
    """Return the error that lists files that cannot be read."""
    return OSError(f"{unreadable_listing(bad, n_files)}{remedy}.")
