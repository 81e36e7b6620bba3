"""What all estimators of images share: arrays, rows of pixels, paths and images of Pillow in."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_consistent_length, validate_data

from skdl._common.counts import counted
from skdl._common.images import (
    as_rows,
    check_same_shape,
    checked_shape,
    dtype_of,
    resolve_image_shape,
    warn_of_doubtful_shape,
)
from skdl._common.pixel_range import BYTES, PixelRange, pixel_range, warn_of_another_range
from skdl._networks.builders.dense import input_dtype
from skdl._transformers.image_files import (
    LazyImages,
    as_sources,
    check_channels,
    is_sources,
    orientation_of,
)


class ImageInputs:
    """Checks images, and keeps from fit what they were: their shape and the range of pixels."""

    _range: PixelRange  # of the pixels in fit
    _takes_sparse_rows = False  # by the network; sparse pixels are given their zeros
    _otherwise = "rows of pixels, or paths of files, which are resized on reading"

    def _validated(self, X, *y, reset=True, trained=False, **checks):
        """Return checked rows of pixels or what they are read from, with y if it is given.

        Rows that are `trained` on have made the range of the pixels, and are not compared with it.
        """
        sources = as_sources(X)
        if sources is not None:
            if reset:
                for name in ("n_features_in_", "feature_names_in_", "image_shape_"):
                    vars(self).pop(name, None)
                self._pixel_dtype, self._range = None, BYTES
                self._settle_shape_of(sources)
            if not y:
                return sources
            y = validate_data(self, "no_validation", *y, reset=False, **checks)
            check_consistent_length(sources, y)
            return sources, y
        rows, given = as_rows(_of_one_size(X))
        if reset:
            vars(self).pop("image_shape_", None)
        elif (fitted := self._shape_in_fit()) is not None:
            check_same_shape(rows, given, fitted, self._otherwise)
        try:
            with np.errstate(over="ignore"):  # becomes infinite, which is an error of its own
                found = validate_data(
                    self, rows, *y, reset=reset, accept_sparse="csr",
                    dtype=self._input_dtype(rows), **checks,
                )  # fmt: skip
        except OverflowError as error:
            raise ValueError(f"X or y holds integers beyond all floats: {error}.") from error
        except ValueError as error:
            raise _with_advice(error) from error
        checked, dtype = found[0] if y else found, dtype_of(rows)
        if reset:
            self._pixel_dtype, self._range = dtype, pixel_range(checked, dtype)
            self._settle_shape(checked.shape[1], given)
        elif not trained and (fitted_range := vars(self).get("_range")) is not None:
            warn_of_another_range(checked, dtype, fitted_range)
        return found

    def _settle_shape(self, n_pixels, given):
        """Note the shape of images in an array."""
        channels = getattr(self, "channels", None)
        shape = resolve_image_shape(n_pixels, given, self.image_shape, channels)
        warn_of_doubtful_shape(shape, given, asked=self.image_shape is not None)
        self.image_shape_ = shape

    def _settle_shape_of(self, sources):
        """Note the shape to which images are read."""
        channels = getattr(self, "channels", None)
        if self.image_shape is not None:
            shape = checked_shape(self.image_shape, channels or 3)
            if channels is not None and shape[2] != channels:
                raise ValueError(
                    f"channels={channels!r} differs from image_shape={self.image_shape!r}. Leave "
                    "channels=None."
                )
        else:
            shape = (*_common_size(sources), channels or 3)
        check_channels(shape[2])
        self.image_shape_, self.n_features_in_ = shape, prod(shape)

    def _input_dtype(self, X):
        """Return the dtype in which pixels are kept: bytes stay bytes."""
        if dtype_of(X) == "uint8":
            return "uint8"
        return input_dtype(getattr(self, "dtype", "float32"))

    def _shape_in_fit(self):
        return getattr(self, "image_shape_", None)

    def _note_range(self, X):
        """Note the range of the pixels that are trained on, which are checked."""
        self._range = BYTES if is_sources(X) else pixel_range(X, self._pixel_dtype)

    def _inputs(self, X):
        """Return checked images as an array, or as images to be read."""
        if is_sources(X):
            return self._lazy(X)
        X = X.toarray() if issparse(X) else X
        if X.shape[1] != prod(self.image_shape_):
            raise ValueError(
                f"X has {counted(X.shape[1], 'value')} per image, but images of shape "
                f"{self.image_shape_}, as "
                f"in fit, have {prod(self.image_shape_)}."
            )
        return np.ascontiguousarray(X).reshape(-1, *self.image_shape_)

    def _lazy(self, sources):
        """Return images that are read when they are asked for, in the range of those in fit."""
        maximum = self._range[2]
        if maximum is None:
            raise ValueError(
                "X holds files or images of Pillow, whose pixels are 0 to 255, but in fit they "
                f"were from {self._range[0]:g} to {self._range[1]:g}: how these were made is not "
                "known. Give arrays made in the same way."
            )
        check_channels(self.image_shape_[2])
        return LazyImages(sources, self.image_shape_, 255 / maximum, self.exif_orientation)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        return tags


def _common_size(sources):
    """Return height and width of images of Pillow, if they are all of one size."""
    if any(isinstance(source, str) for source in sources):
        raise ValueError(
            "X holds paths, but image_shape=None does not say how large to read the images. Give "
            "image_shape=(height, width), or (height, width, 1) for grey."
        )
    sizes = {_size(image) for image in sources}
    if len(sizes) > 1:
        first, second = sorted(sizes)[:2]
        raise ValueError(
            f"X holds images of different sizes, such as {first} and {second} (height, width). "
            "Give image_shape=(height, width), to which they are resized."
        )
    return sizes.pop()


def _size(image):
    lying = orientation_of(image) >= 5
    return image.size if lying else image.size[::-1]


def _of_one_size(X: Any) -> Any:
    """Return X, and for arrays in a list or a Series one array, if they are of one size."""
    if hasattr(X, "to_numpy") and getattr(X, "ndim", 2) == 1:
        X = X.to_numpy()
    arrays = isinstance(X, list | tuple) and len(X) > 0 and hasattr(X[0], "shape")
    if not arrays and not (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return X
    shapes = list(dict.fromkeys(np.shape(image) for image in X))
    if len(shapes) > 1:
        raise ValueError(
            f"X holds images of different sizes, such as {shapes[0]} and {shapes[1]}. Resize them "
            "to one size, or give paths of files or images of Pillow, which are resized on reading."
        )
    return np.stack(X) if shapes and len(shapes[0]) >= 1 else X


def _with_advice(error: ValueError) -> ValueError:
    """Return scikit-learn's error, with what to do about columns of text and missing pixels."""
    if str(error).startswith("Input X contains NaN"):
        return ValueError(
            "Input X contains NaN. Every pixel must be a finite number: leave out the images with "
            "missing pixels, or fill these, for instance with numpy.nan_to_num(X)."
        )
    if not str(error).startswith("could not convert string"):
        return error
    return ValueError(
        f"{error}. X must hold pixels, or paths of image files in a list, a Series or a frame of "
        "one column."
    )
