"""Pretrained backbones as transformers: `PretrainedFeatureExtractor`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdl._common.arguments import ExplainedArguments
from skdl._common.documentation import DocumentationLink
from skdl._common.processes import check_process
from skdl._common.restoring import as_before_if_it_fails
from skdl._common.seeds import fit_seed
from skdl._common.versions import PickledWithVersions
from skdl._networks.settings import own_settings
from skdl._sklearn import HasMethods, Interval, StrOptions, fit_context
from skdl._transformers.backbone_inputs import BackboneInputs

if TYPE_CHECKING:
    import keras

BACKBONE_CONSTRAINTS: dict = {
    "backbone": [str, os.PathLike, callable, HasMethods("get_config")],
    "weights": [str, os.PathLike, None],
    "image_shape": ["array-like", None],
    "pooling": [StrOptions({"avg", "max"}), None],
    "preprocess": [str, Interval(Real, 0, None, closed="neither"), None],
    "exif_orientation": ["boolean"],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "memory": [str, os.PathLike, HasMethods("cache"), None],
    "random_state": ["random_state"],
}


class PretrainedFeatureExtractor(
    ClassNamePrefixFeaturesOutMixin,
    BackboneInputs,
    TransformerMixin,
    ExplainedArguments,
    DocumentationLink,
    PickledWithVersions,
    BaseEstimator,
):
    """Turn images into the features that a pretrained network computes from them.

    A network that was trained on many photos has learned to recognize edges, textures and parts of
    objects, which occur in other photos, too [1]_ [2]_. On top of its features, any scikit-learn
    classifier can therefore learn from a few hundred photos.

    Images may be given as arrays of shape (n, height, width) or (n, height, width, channels), as
    rows of pixels (also DataFrames and sparse matrices), or as paths of files or images of Pillow,
    which are read batch by batch. Grey images are repeated to the number of channels that the
    backbone takes.

    Parameters
    ----------
    backbone : str, Keras model, callable or path-like, default="VGG16"
        The pretrained network: a name in `keras.applications`, such as "ResNet50", "MobileNetV2" or
        "EfficientNetB0", used without its classification layers; a functional or sequential Keras
        model; a function that returns one, called with `input_shape=(height, width, 3)` if it has
        such an argument; or the path of a .keras file. It is left unchanged.
    weights : str, path-like or None, default="imagenet"
        "imagenet": the weights that Keras distributes, downloaded once; a backbone that is not
        given by a name keeps its own weights. A path: a file that `save_weights` wrote for the same
        backbone. None: random weights, drawn by the backbone's initializers and `random_state`.
    image_shape : tuple of int, default=None
        Height and width, in pixels, to which images are resized (bilinear interpolation, with
        averaging if they shrink). None: the input size of the backbone, if it has a fixed one;
        otherwise the size of the images, or (224, 224) for files.
    pooling : str, default=None
        "avg" or "max": the mean or the maximum of each feature map of the backbone is a feature.
        None: each of its values is a feature.
    preprocess : str, float or None, default="auto"
        Preprocessing of the pixels before the backbone. "auto": the preprocessing that belongs to
        the backbone, for names in `keras.applications` and models with such names; pixels for other
        models are left unchanged. A name in `keras.applications`: the preprocessing of that
        network. A number: pixels are multiplied by it. None: no preprocessing.
    exif_orientation : bool, default=True
        Whether images in files and of Pillow are turned upright according to their EXIF metadata,
        which cameras and phones write instead of rotating the pixels. False uses the pixels as they
        are stored (TIFF files are rotated by Pillow in either case). Unused for arrays.
    layer : str, default=None
        Name of the layer of the backbone whose outputs are the features. None: the last.
    batch_size : int, default=32
        Number of images that are read and passed through the network at a time.
    memory : str, path-like or joblib.Memory, default=None
        A folder where the features of each image are stored, so that folds, searches and other
        processes compute them only once. None: they are computed in every call.
    random_state : int, RandomState instance or None, default=None
        Determines the weights if `weights=None`. Otherwise it is unused, and no generator advances.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and channels of the images in X; for files, those to which they are read.
    scale_ : float
        Factor by which pixels in arrays are multiplied before the preprocessing of a network in
        `keras.applications`, which expects values from 0 to 255: 255 divided by the largest value
        of the encoding seen in fit, which is determined as by `ImageReshaper`. It is kept after
        fit: files, which contain values from 0 to 255, are scaled to the range of the pixels in
        fit, and arrays in another range raise a `skdl.exceptions.PixelRangeWarning`.
    model_ : keras.Model
        The network from images to features; it can be used with Keras alone.
    n_features_in_ : int
        Number of values of an image, all channels together.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    PretrainedFeatureClassifier : A classifier on such features, which can be fine-tuned.
    ImageReshaper : Makes images of rows of pixels.

    Notes
    -----
    With `memory`, a feature is identified by the bytes of the image (for a file, by those of the
    file, and by `exif_orientation`), the backbone with its current weights, all parameters that
    determine it, and the version of Keras. The code of your own layers is not among these: clear
    the memory when you change it. One process computes at a time, and others that need the same
    backbone wait. `Memory.clear` deletes the features.

    Images in files are decoded and resized by Pillow, as by Keras's reader; images in arrays are
    resized by the network. Both use bilinear interpolation and averaging, but round differently. Of
    16-bit images in files, the upper 8 bits are read.

    References
    ----------
    .. [1] A. S. Razavian, H. Azizpour, J. Sullivan, S. Carlsson (2014). CNN features off-the-shelf:
       an astounding baseline for recognition. CVPR workshops.
    .. [2] K. Simonyan, A. Zisserman (2015). Very deep convolutional networks for large-scale
       image recognition. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdl import ConvNetClassifier, PretrainedFeatureExtractor
    >>> X, y = load_digits(return_X_y=True)
    >>> small, large = y < 5, y >= 5
    >>> net = ConvNetClassifier(epochs=5, random_state=0).fit(X[small], y[small])
    >>> extractor = PretrainedFeatureExtractor(net.model_, layer="flatten")
    >>> extractor.fit_transform(X[large]).shape
    (896, 64)
    >>> pipeline = make_pipeline(extractor, LogisticRegression(max_iter=1000))
    >>> bool(pipeline.fit(X[large][:50], y[large][:50]).score(X[large], y[large]) > 0.7)
    True
    """

    _parameter_constraints: dict = {**BACKBONE_CONSTRAINTS, "layer": [str, None]}

    def __init__(
        self,
        backbone: Any = "VGG16",
        *,
        weights: Any = "imagenet",
        image_shape: Sequence[int] | None = None,
        pooling: str | None = None,
        preprocess: Any = "auto",
        exif_orientation: bool = True,
        layer: str | None = None,
        batch_size: int = 32,
        memory: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.backbone = backbone
        self.weights = weights
        self.image_shape = image_shape
        self.pooling = pooling
        self.preprocess = preprocess
        self.exif_orientation = exif_orientation
        self.layer = layer
        self.batch_size = batch_size
        self.memory = memory
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    @own_settings()
    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the backbone and determine how images are passed to it; no feature is computed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of pixels of any numeric dtype, images of shape (n_samples, height, width) or
            (n_samples, height, width, channels), or paths of files or images of Pillow in a
            list, a Series, an array or a frame of one column.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is invalid, images are smaller than the backbone allows or have other
            channels, or `weights` belong to another network.
        OSError
            If a file does not exist, or the weights cannot be downloaded.
        """
        from skdl._transformers.features import Features

        check_process()
        with as_before_if_it_fails(self):
            self._learn_inputs(self._validated(X))
            seed = fit_seed(self.random_state) if self._backbone.weights is None else 0
            arguments = self._feature_arguments()
            self._features = Features(self._backbone, arguments, seed, self.memory)
            self._n_features_out = self._features.n_features
            del self._backbone  # its weights are the network's now
        return self

    @own_settings()
    def transform(self, X: Any) -> NDArray:
        """Return the features of images.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of pixels, images of the shape seen in fit, or paths of files or images of Pillow.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out)
            A new float32 array.

        Raises
        ------
        ValueError
            If X holds images of another shape than in fit.
        OSError
            If files do not exist or cannot be read; the message lists them.
        """
        check_is_fitted(self)
        images = self._inputs(self._validated(X, reset=False))
        return self._features(images, self.batch_size)

    @property
    def model_(self) -> keras.Model:
        """The `keras.Model` from images to features."""
        check_is_fitted(self)
        return self._features.network.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_features")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


# The public place, which pickles and OpenML flows name.
PretrainedFeatureExtractor.__module__ = "skdl"
