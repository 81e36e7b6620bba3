"""What images are made of: their shape and the range of their values."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from math import isqrt, prod
from numbers import Integral
from typing import Any

import numpy as np

from skdl._common.caller import users_stacklevel
from skdl._common.counts import counted
from skdl._common.mistaken import check_none_masked
from skdl.exceptions import ImageShapeWarning

# Largest values of the usual encodings: fractions, 4-bit digits, bytes, 16-bit images.
_MAXIMA = (1, 16, 255, 65535)
_BY_DTYPE: dict[str | None, int] = {"uint8": 255, "uint16": 65535, "bool": 1}
# Rows of pixels that make an image of fewer rows than this are rather a table.
_SMALLEST_SIDE = 4


def as_rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Return images as rows of pixels, with the shape that each of them had.

    Parameters
    ----------
    X : array-like, DataFrame or sparse matrix
        Rows of shape (n, n_pixels), which are returned as they are, or images of shape
        (n, height, width) or (n, height, width, channels).

    Returns
    -------
    rows : X or ndarray of shape (n, n_pixels)
        A view where X is an array of images.
    shape : tuple of int or None
        Shape of one image, None for rows.

    Raises
    ------
    ValueError
        If X has more than four dimensions, or masked values.
    """
    check_none_masked(X, "X")
    if not hasattr(X, "shape"):
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise ValueError(
                "X holds rows or images of different sizes, or not numbers alone. Give an array, "
                f"or images of one size. NumPy says: {error}"
            ) from error
    if len(X.shape) <= 2:
        return X, None
    if len(X.shape) > 4:
        raise ValueError(
            f"X has {counted(len(X.shape), 'dimension')}. Give rows of pixels (n, n_pixels), or "
            "images of "
            "shape (n, height, width) or (n, height, width, channels)."
        )
    X = np.asarray(X)
    return X.reshape(len(X), prod(X.shape[1:])), X.shape[1:]


def resolve_image_shape(
    n_pixels: int,
    given: tuple[int, ...] | None = None,
    image_shape: Sequence[int] | None = None,
    channels: int | None = None,
) -> tuple[int, int, int]:
    """Return the shape (height, width, channels) of an image.

    The first of these that is known decides: `image_shape`; the shape that the images came
    in; else rows of pixels are square images in grey, square images in three channels, or
    one row of grey pixels, whichever fits first. With `channels`, they are square images or
    one row of pixels with this many channels.

    Parameters
    ----------
    n_pixels : int
        Number of values of an image, all channels together.
    given : tuple of int, default=None
        Shape that the images came in; None for rows of pixels.
    image_shape : sequence of two or three int, default=None
        What the user asks for: (height, width), grey unless `channels` says otherwise, or
        (height, width, channels).
    channels : int, default=None
        What the user asks for.

    Raises
    ------
    ValueError
        If what is asked for does not fit the data; the message names shapes that would.
    """
    fitting = (
        f"Shapes that fit {counted(n_pixels, 'value')}: {', '.join(map(str, _fitting(n_pixels)))}."
    )
    if given is not None:
        given = (*given, 1)[:3]
    if image_shape is not None:
        shape: tuple[int, ...] = checked_shape(image_shape, channels or 1, fitting)
        if prod(shape) != n_pixels:
            raise ValueError(
                f"image_shape={image_shape!r} is an image of {counted(prod(shape), 'value')}, "
                "but each "
                f"image in X has {n_pixels}. {fitting}"
            )
        if given is not None and given != shape:
            raise ValueError(
                f"image_shape={image_shape!r} differs from the shape of the images in X, {given}. "
                "Leave image_shape=None, or give X as rows of pixels."
            )
    elif given is not None:
        shape = given
    else:
        guesses = list(_guesses(n_pixels, channels))
        if not guesses:
            raise ValueError(
                f"channels={channels!r} does not divide the {counted(n_pixels, 'column')} of X. "
                f"{fitting}"
            )
        shape = guesses[0]
    if channels is not None and shape[2] != channels:
        raise ValueError(
            f"channels={channels!r} differs from the {counted(shape[2], 'channel')} of images "
            f"of shape {shape}. Leave channels=None."
        )
    height, width, n_channels = shape
    return height, width, n_channels


def checked_shape(
    image_shape: Sequence[int], channels: int, advice: str = ""
) -> tuple[int, int, int]:
    """Return the parameter `image_shape` as three int, with `channels` if it has but two.

    Raises
    ------
    ValueError
        If it is not two or three positive integers; the message ends in `advice`.
    """
    shape = tuple(image_shape) if isinstance(image_shape, Iterable) else ()
    if len(shape) not in (2, 3) or not all(is_size(size) for size in shape):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, channels), all positive "
            f"integers, received image_shape={image_shape!r}. {advice}".rstrip()
        )
    height, width, n_channels = (*map(int, shape), int(channels))[:3]
    return height, width, n_channels


def warn_of_doubtful_shape(
    shape: tuple[int, int, int], given: tuple[int, ...] | None, asked: bool
) -> None:
    """Warn where X was taken as images of a shape that they hardly have.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels that X was taken for.
    given : tuple of int or None
        Shape that each image came in; None for rows of pixels.
    asked : bool
        Whether the user says that this is the shape: then nothing is in doubt.
    """
    height, width, channels = shape
    if asked:
        return
    if given is None and height < _SMALLEST_SIDE:
        message = (
            f"X has {counted(prod(shape), 'column')} and was taken as images of {height} x "
            f"{width} pixels "
            f"with {counted(channels, 'channel')}. A table is better given to "
            f"DenseClassifier or the like; if this is the shape, say so: image_shape={shape}."
        )
    elif given is not None and _channels_first(*shape):
        message = (
            f"X was taken as images of {height} x {width} pixels with "
            f"{counted(channels, 'channel')}, since "
            "channels come last. If they come first, give np.moveaxis(X, 1, -1); if this is the "
            f"shape, say so: image_shape={shape}."
        )
    else:
        return
    warnings.warn(message, ImageShapeWarning, stacklevel=users_stacklevel())


def _channels_first(first, second, last):
    """Tell whether an image has a shape that is known from images with their channels first."""
    if last in {1, 3, 4}:
        return False
    return first in {3, 4} or (first == 1 and second == last)


def check_same_shape(
    rows: Any, given: tuple[int, ...] | None, fitted: tuple[int, int, int], otherwise: str
) -> None:
    """Raise a ValueError if images have another shape than in fit, or X is a single one.

    Rows of pixels of another length are left to the check of the number of columns.

    Parameters
    ----------
    rows, given : array-like and tuple of int or None
        What `as_rows` returned.
    fitted : tuple of int
        Height, width and channels of the images in fit.
    otherwise : str
        What else than images of that shape can be given, for the message.
    """
    shape = rows.shape if given is None else (len(rows), *given)
    hint = ""
    if given is not None and (*given[1:], given[0]) == fitted:
        hint = " Channels come last: np.moveaxis(X, 1, -1)."
    if given is None:
        fits = len(shape) < 2 or shape[1] == prod(fitted)
    else:
        fits = (*given, 1)[:3] == fitted
    if not fits and (*shape, 1)[:3] == fitted:
        raise ValueError(f"X is one image of shape {shape}. Give X[None], a batch of one.")
    if not fits and given is not None:
        raise ValueError(
            f"X holds images of shape {given}, but in fit they had shape {fitted}. Give images of "
            f"that shape, or {otherwise}.{hint}"
        )


def _guesses(n_pixels, channels):
    """Yield shapes of rows of pixels, the likeliest first."""
    for number in (1, 3) if channels is None else (channels,):
        side = isqrt(n_pixels // number)
        if side * side * number == n_pixels:
            yield (side, side, int(number))
    number = 1 if channels is None else channels
    if n_pixels % number == 0:
        yield (1, n_pixels // number, int(number))


def _fitting(n_pixels):
    """Return square shapes with up to four channels, else the grey one nearest to a square."""
    sides = {channels: isqrt(n_pixels // channels) for channels in (1, 2, 3, 4)}
    squares = [(s, s, c) for c, s in sides.items() if s * s * c == n_pixels]
    height = next((h for h in range(isqrt(n_pixels), 0, -1) if n_pixels % h == 0), 1)
    return squares or [(height, n_pixels // height, 1)]


def is_size(value: Any) -> bool:
    """Tell whether a value is a positive integer."""
    return isinstance(value, Integral) and int(value) > 0


def check_size(name: str, value: Any) -> None:
    """Refuse a parameter that is not a positive integer."""
    if not is_size(value):
        raise ValueError(f"{name} must be a positive integer, received {value!r}.")


def dtype_of(X: Any) -> str | None:
    """Return the name of the dtype of an array or Series, or of what holds all columns of a frame.

    None if there is none. Of dtypes of pandas and Polars it is NumPy's name: "uint8", not "UInt8".
    """
    dtypes = getattr(X, "dtypes", None)
    if dtypes is None or not hasattr(dtypes, "__len__"):  # a Series has its one dtype as both
        dtypes = [getattr(X, "dtype", None)]
    names = {str(dtype).lower().partition("[")[0] for dtype in dtypes}
    try:
        return str(np.result_type(*names))
    except (TypeError, ValueError):
        return None


def pixel_encoding(X: Any, dtype: str | None = None) -> int | None:
    """Return the largest value of the encoding that the pixels are in, None for none.

    uint8 and uint16 have 255 and 65535, whatever the values, and booleans 1. Others, integers and
    floats alike, have the smallest of 1, 16, 255 and 65535 that holds the largest value. Negative
    values and values beyond 65535 are in no encoding of pixels.

    Parameters
    ----------
    X : ndarray or sparse matrix
        Pixels, at least one.
    dtype : str, default=None
        Dtype that they were given in, None for that of X.
    """
    dtype = dtype or str(X.dtype)
    known = dtype in _BY_DTYPE  # a pass over all pixels less
    return _BY_DTYPE[dtype] if known else encoding_of(X.min(), X.max(), dtype)


def encoding_of(low: float, high: float, dtype: str | None) -> int | None:
    """Return what `pixel_encoding` does, for pixels from `low` to `high` given in a dtype."""
    if dtype in _BY_DTYPE:
        return _BY_DTYPE[dtype]
    return next((maximum for maximum in _MAXIMA if low >= 0 and high <= maximum), None)


def pixel_maximum(X: Any) -> int:
    """Return the largest value of the pixels' encoding; 1 for none, so that they stay."""
    return pixel_encoding(X) or 1
