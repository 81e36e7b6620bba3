"""Estimators that take images as arrays, as rows of pixels and as paths of files."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_consistent_length, validate_data

from skdl._common.images import (
    as_rows,
    check_same_shape,
    dtype_of,
    is_size,
    pixel_maximum,
    resolve_image_shape,
)
from skdl._networks.dense import input_dtype
from skdl._transformers.image_files import ImageFiles, as_paths, check_channels


class ImageInputs:
    """Checks images, and settles in fit what becomes of them before a backbone sees them."""

    def _validated(self, X, *y, reset=True, **checks):
        """Return checked rows of pixels or an array of paths, with y if it is given."""
        paths = as_paths(X)
        if paths is not None:
            if reset:
                for name in ("n_features_in_", "feature_names_in_", "image_shape_"):
                    vars(self).pop(name, None)
                self._given = self._pixel_dtype = None
            if not y:
                return paths
            y = validate_data(self, "no_validation", *y, reset=False, **checks)
            check_consistent_length(paths, y)
            return paths, y
        rows, given = as_rows(_of_one_size(X))
        if reset:
            vars(self).pop("image_shape_", None)
        elif (fitted := self._given or getattr(self, "image_shape_", None)) is not None:
            check_same_shape(rows, given, fitted, "paths of files, which are resized on reading")
        with np.errstate(over="ignore"):  # becomes infinite, which is an error of its own
            found = validate_data(
                self, rows, *y, reset=reset, accept_sparse="csr", dtype=self._input_dtype(rows),
                **checks,
            )  # fmt: skip
        if reset:
            self._pixel_dtype = dtype_of(rows)
            rows = found[0] if y else found
            self._given = self._shape_of(rows.shape[1], given)
        return found

    def _shape_of(self, n_pixels, given):
        """Return height, width and channels of images in X."""
        size = self._checked_image_shape()
        if given is None and size is not None:  # rows of pixels that are of this size already
            for channels in (1, 3):
                if prod(size) * channels == n_pixels:
                    return (*size, channels)
        return resolve_image_shape(n_pixels, given)

    def _checked_image_shape(self):
        """Return the parameter `image_shape` as two ints, or None."""
        if self.image_shape is None:
            return None
        size = tuple(self.image_shape)
        if len(size) == 3 and size[2] in (1, 3):
            size = size[:2]  # channels follow from the backbone
        if len(size) != 2 or not all(map(is_size, size)):
            raise ValueError(
                "image_shape must be (height, width), positive integers, or None, received "
                f"image_shape={self.image_shape!r}."
            )
        return tuple(map(int, size))

    def _input_dtype(self, X):
        """Return the dtype in which pixels are kept: bytes stay bytes."""
        if dtype_of(X) == "uint8":
            return "uint8"
        return input_dtype(getattr(self, "dtype", "float32"))

    def _learn_inputs(self, X):
        """Settle backbone, shape and scale of images, and return the images."""
        from skdl._networks.backbones import find_backbone

        given = None if self._given is None else self._given[:2]
        backbone = find_backbone(
            self.backbone, self.weights, self._checked_image_shape(), given,
            getattr(self, "layer", None), getattr(self, "dtype", "float32"),
        )  # fmt: skip
        channels = backbone.input_shape[2]
        if self._given is None:
            self.image_shape_ = backbone.input_shape
            self.n_features_in_ = prod(self.image_shape_)
        else:
            self.image_shape_ = self._given
            if self._given[2] not in {1, channels}:
                raise ValueError(
                    f"X holds images of shape {self._given}, but {backbone.label} takes "
                    f"{channels} channels. Give images of {channels} channels, or grey ones, "
                    "which are repeated; channels come last: (n, height, width, channels)."
                )
        self._preprocess = backbone.preprocessing(self.preprocess)
        backbone.n_features(self.pooling)  # raises if there are no maps to pool
        self.scale_ = _scale(X, self._pixel_dtype) if isinstance(self._preprocess, str) else 1.0
        self._backbone = backbone
        return self._inputs(X)

    def _inputs(self, X):
        """Return checked images as an array of uint8 or floats, or as files."""
        if not issparse(X) and X.dtype.kind == "U":
            check_channels(self.image_shape_[2])
            return ImageFiles(X, self.image_shape_, self.scale_)
        X = X.toarray() if issparse(X) else X
        if X.shape[1] != prod(self.image_shape_):
            raise ValueError(
                f"X has {X.shape[1]} values an image, but images of shape {self.image_shape_}, as "
                f"in fit, have {prod(self.image_shape_)}."
            )
        of_files = self._given is None and isinstance(self._preprocess, str)
        if of_files and X.dtype.kind == "f" and 0 < X.max() <= 1:
            raise ValueError(
                "X holds values of 0 to 1, but the images of fit were files, whose pixels are 0 to "
                "255. Give X * 255."
            )
        return np.ascontiguousarray(X).reshape(-1, *self.image_shape_)

    def _feature_arguments(self):
        """Return the arguments that build the network's part up to the features."""
        return {
            "input_shape": self.image_shape_,
            "backbone": self._backbone.architecture,
            "image_shape": self._backbone.input_shape[:2],
            "preprocess": self._preprocess,
            "rescale": self.scale_,
            "pooling": self.pooling,
            "dtype": getattr(self, "dtype", "float32"),
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        return tags


def _of_one_size(X: Any) -> Any:
    """Return X, once a list of arrays is known to be of one size."""
    arrays = isinstance(X, list | tuple) and len(X) > 0 and hasattr(X[0], "shape")
    if not arrays and not (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return X
    shapes = list(dict.fromkeys(np.shape(image) for image in X))
    if len(shapes) > 1:
        raise ValueError(
            f"X holds images of different sizes, such as {shapes[0]} and {shapes[1]}. Resize them "
            "to one size, or give paths of files, which are resized on reading."
        )
    return np.stack(X) if shapes and len(shapes[0]) >= 2 else X


def _scale(X, dtype):
    """Return the factor that brings pixels, given in a dtype, to 0 to 255; 1 for no pixels."""
    if not issparse(X) and X.dtype.kind == "U":
        return 1.0
    if dtype == "uint16":  # has become floats
        return 255 / 65535
    if X.dtype != np.uint8 and (X.min() < 0 or X.max() > 65535):
        return 1.0
    return 255 / pixel_maximum(X)
