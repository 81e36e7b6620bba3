"""Transformers that prepare data for networks: `ImageReshaper`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from skdl._common.arguments import ExplainedArguments
from skdl._common.counts import counted
from skdl._common.documentation import DocumentationLink
from skdl._common.images import as_rows, check_same_shape
from skdl._common.settings import numpy_defaults
from skdl._common.versions import PickledWithVersions
from skdl._sklearn import Interval, StrOptions, fit_context
from skdl._transformers.image_inputs import ImageInputs


class ImageReshaper(
    ImageInputs,
    TransformerMixin,
    ExplainedArguments,
    DocumentationLink,
    PickledWithVersions,
    BaseEstimator,
):
    """Turn rows of pixels, or files, into images of one shape, with values scaled to 0..1.

    Tables of images, such as MNIST from OpenML, hold the pixels of one image per row, ordered by
    row, then by column, with the channels last. Paths of image files and images of Pillow are
    accepted as well, and are resized to one shape. Shape and scale are determined in `fit` and stay
    the same in `transform`.

    Parameters
    ----------
    image_shape : tuple of two or three int, default=None
        Height and width in pixels, or height, width and number of channels. None: the shape of X if
        it holds images; for rows of pixels, a square grey image if the number of columns is a
        square number, a square image with three channels if a third of it is, and an image of one
        row otherwise. It is required for files, and for images of Pillow of different sizes: they
        are resized to it, with three channels if only height and width are given.
    channels : int, default=None
        Number of channels: 1 is grey, 3 is red, green and blue. None: determined by `image_shape`
        and X. With a value and no `image_shape`, rows are square images with this number of
        channels or, if no square fits, images of one row.
    rescale : str or float, default="auto"
        Factor by which values are multiplied, such as 1 / 255; None for no scaling. "auto" divides
        by the largest value of the encoding: 255 for uint8, 65535 for uint16, and otherwise the
        smallest of 1, 16, 255 and 65535 that is not exceeded by the values seen in fit, for
        integers and floats alike. Data with negative values, which seem to be standardized, and
        data with values above 65535 are left unchanged.
    exif_orientation : bool, default=True
        Whether images in files and of Pillow are turned upright according to their EXIF metadata,
        which cameras and phones write instead of rotating the pixels. False uses the pixels as they
        are stored (TIFF files are rotated by Pillow in either case). Unused for arrays.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and number of channels of the images that `transform` returns.
    scale_ : float
        Factor by which values are multiplied.
    n_features_in_ : int
        Number of values of an image, all channels together.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    sklearn.feature_extraction.image.PatchExtractor : Cuts patches from images.

    Notes
    -----
    Images are not a table with columns. Therefore this transformer, like scikit-learn's
    `PatchExtractor`, has neither `get_feature_names_out` nor `set_output`, and returns an array
    even if `sklearn.set_config(transform_output="pandas")` is set.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import ImageReshaper
    >>> X, y = load_digits(return_X_y=True)
    >>> reshaper = ImageReshaper().fit(X)
    >>> reshaper.transform(X).shape
    (1797, 8, 8, 1)
    >>> reshaper.scale_
    0.0625
    >>> ImageReshaper((4, 16)).fit_transform(X).shape
    (1797, 4, 16, 1)
    """

    _parameter_constraints: dict = {
        "image_shape": ["array-like", None],
        "channels": [Interval(Integral, 1, None, closed="left"), None],
        "rescale": [Interval(Real, 1e-38, 1e38, closed="both"), StrOptions({"auto"}), None],
        "exif_orientation": ["boolean"],
    }

    def __init__(
        self,
        image_shape: Sequence[int] | None = None,
        *,
        channels: int | None = None,
        rescale: str | float | None = "auto",
        exif_orientation: bool = True,
    ):
        self.image_shape = image_shape
        self.channels = channels
        self.rescale = rescale
        self.exif_orientation = exif_orientation

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Determine the shape and the scale of the images.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of pixels of any numeric dtype, images of shape (n_samples, height, width) or
            (n_samples, height, width, channels), or paths of files or images of Pillow in a list,
            a Series, an array or a frame of one column.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If `image_shape` or `channels` do not fit X; the message names shapes that do.
        FileNotFoundError
            If files do not exist; no file is read in fit.

        Warns
        -----
        skdl.exceptions.ImageShapeWarning
            If rows are too short for images, or the channels seem to come first.
        """
        self._validated(X)
        if self.rescale == "auto":
            self.scale_ = 1 / (self._range[2] or 1)
        else:
            self.scale_ = 1.0 if self.rescale is None else float(self.rescale)
        return self

    def transform(self, X: Any) -> NDArray:
        """Return the images.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of pixels, images of the shape determined in fit, or paths of files or images of
            Pillow, which are resized to this shape and scaled to the range of the pixels in fit.

        Returns
        -------
        images : ndarray of shape (n_samples, height, width, channels)
            A new float32 array.

        Raises
        ------
        ValueError
            If X holds images of another shape than in fit.
        OSError
            If files do not exist or cannot be read; the message lists them.

        Warns
        -----
        skdl.exceptions.PixelRangeWarning
            If the pixels are in another range than in fit, such as 0 to 1 instead of 0 to 255.
        """
        check_is_fitted(self)
        rows = self._inputs(self._validated(X, reset=False))[:]
        # x / 255 is what is commonly written, and differs from x * (1 / 255) in the last bit.
        images = self._in_float32(np.divide, rows)
        return images.reshape(-1, *self.image_shape_)

    def inverse_transform(self, X: Any) -> NDArray:
        """Return rows of pixels in the range that they had in fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width, channels)
            Images as `transform` returns them, or their values in rows.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            A new float32 array. Integers up to 65535 are restored exactly.

        Raises
        ------
        ValueError
            If X has another shape.
        """
        check_is_fitted(self)
        rows, given = as_rows(X)
        check_same_shape(rows, given, self.image_shape_, "rows of pixels")
        rows = check_array(rows, estimator=self)
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {counted(rows.shape[1], 'value')} per image, but images of shape "
                f"{self.image_shape_}, as determined in fit, have {self.n_features_in_}."
            )
        return self._in_float32(np.multiply, rows)

    def _input_dtype(self, X):
        return "numeric"  # as they come

    def _in_float32(self, operation, rows):
        try:
            with numpy_defaults(), np.errstate(over="raise"):
                return operation(rows, np.float32(1 / self.scale_), dtype=np.float32)
        except FloatingPointError:
            raise ValueError(
                "X contains values that are too large for float32 once scaled as "
                f"rescale={self.rescale!r} asks."
            ) from None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "scale_")  # set last: a fit that fails leaves other attributes

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


# The public place, which pickles and OpenML flows name.
ImageReshaper.__module__ = "skdl"
