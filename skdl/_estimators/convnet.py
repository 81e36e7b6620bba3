"""Convolutional networks on images: `ConvNetClassifier`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skdl._common.images import as_rows, dtype_of
from skdl._common.pixel_range import joined, pixel_range
from skdl._common.types import KerasObject
from skdl._estimators.dense import DenseClassifier
from skdl._estimators.supervised import NetworkClassifier
from skdl._networks.builders.convnet import build_convnet
from skdl._networks.builders.dense import layer_sizes
from skdl._sklearn import Interval, StrOptions
from skdl._transformers.image_inputs import ImageInputs

_EACH_LAYER = [Interval(Integral, 1, None, closed="left"), "array-like"]


class ConvNetClassifier(ImageInputs, NetworkClassifier):
    """Convolutional network that predicts classes of images.

    X may hold images of shape (n, height, width) or (n, height, width, channels), rows of pixels as
    they occur in tables (arrays, DataFrames and sparse matrices), or paths of image files or images
    of Pillow, which are read and resized batch by batch. Every convolution is followed by its
    activation, batch normalization, max pooling and dropout, if requested; then come fully
    connected hidden layers and the output layer, which depends on y.

    A parameter of the convolutions is either one value for all of them or a sequence with one value
    per convolution.

    Parameters
    ----------
    filters : int or tuple of int, default=(32, 64)
        Number of filters of each convolution, from input to output [1]_. An int means one
        convolution.
    kernel_size : int or tuple, default=3
        Height and width of the kernels, in pixels; an entry of a sequence may be a pair. A kernel
        that is larger than its input is cut to the size of the input.
    strides : int or tuple, default=1
        Strides of the kernels, in pixels; an entry of a sequence may be a pair.
    padding : str or tuple of str, default="valid"
        "valid": no padding, so that the feature maps shrink. "same": the input is padded with
        zeros, so that its size is kept if the strides are 1.
    dilation_rate : int or tuple, default=1
        Distance between the pixels that a kernel combines [5]_; if it is above 1, the strides must
        be 1.
    pool_size : int, tuple or None, default=2
        Height and width of the max pooling window after each convolution, in pixels; None, also as
        an entry of a sequence, means no pooling. A window that is larger than its input is cut to
        the size of the input. If the preceding layers have reduced the feature map to a single
        pixel, a convolution must have strides of 1 and, except for the default 2, no pooling:
        otherwise `fit` raises an error that shows the sizes.
    conv_dropout : float or tuple of float, default=0.0
        Fraction of each convolution's outputs, after pooling, that is set to zero in training [6]_.
    hidden_layer_sizes : int or tuple of int, default=(64,)
        Number of units of each hidden layer, from input to output. An int means one layer, an
        empty tuple none: the feature maps are then connected to the output layer directly.
    image_shape : tuple of int, default=None
        Height and width, or height, width and channels, of images that are given as rows of pixels;
        the images are grey if no channels are given. None: square and grey if the number of columns
        is a square number, square with three channels if a third of it is, and one row of pixels
        otherwise. It is required for files, and for images of Pillow of different sizes: they are
        resized to it (bilinear interpolation, with averaging if they shrink), with three channels
        if no channels are given.
    rescale : str or float, default="auto"
        Factor by which the network multiplies pixels. "auto" divides by the largest value of their
        encoding, which is determined in fit as by `ImageReshaper`; None leaves them unchanged.
        Images of bytes (uint8) remain bytes in memory and are scaled batch by batch. Files, which
        contain values from 0 to 255, are scaled to the range of the pixels in fit. For a data set
        of batches, the pixels of all batches count; `partial_fit` keeps the scale of the first
        call.
    exif_orientation : bool, default=True
        Whether images in files and of Pillow are turned upright according to their EXIF metadata,
        which cameras and phones write instead of rotating the pixels. False uses the pixels as they
        are stored (TIFF files are rotated by Pillow in either case). Unused for arrays.
    augmentation : dict, default=None
        Random changes of the images during training, drawn anew for every image and epoch: "flip"
        ("horizontal", "vertical", "horizontal_and_vertical"), "rotation" (fraction of a full turn),
        "translation", "shear" and "zoom" (fractions of the size). A value may be a dict with
        arguments of the Keras layer.
    activation : str, dict or callable, default="relu"
        Activation of the convolutions and of the hidden layers: a name in `keras.activations`,
        ignoring case ("relu", "ReLU"), a function, a Keras layer (such as `keras.layers.PReLU()`),
        or a Keras configuration.
    dropout : float or list of float, default=0.0
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1) [6]_: one
        value for all layers, or a list with one value per layer.
    l1 : float, default=0.0
        Weight of the sum of absolute kernel weights of all layers in the loss.
    l2 : float, default=0.0
        Weight of the sum of squared kernel weights of all layers in the loss.
    batch_normalization : bool, default=False
        Whether to apply batch normalization after each convolution, between the activation and
        pooling [2]_. Hidden layers are not normalized.
    kernel_initializer : str, dict or object, default="glorot_uniform"
        Initializer of the kernels [3]_: a name in `keras.initializers`, a configuration or an
        object. Each layer gets a seed of its own from `random_state`.
    loss : str, dict or callable, default="auto"
        Loss that training minimizes: a name in `keras.losses`, a configuration or an object.
        "auto": binary cross-entropy for two classes and for multilabel targets, categorical
        cross-entropy for more than two classes.
    optimizer : str, dict or object, default="adam"
        A name in `keras.optimizers`, a configuration or an object [4]_; an object is copied
        for each fit.
    learning_rate : float, default=None
        Step size of the optimizer, above 0. It replaces the learning rate of an optimizer object or
        configuration. None uses the optimizer's own.
    metrics : str, dict, callable or list of them, default=None
        Metrics to record in `history_` in addition to the loss: names in `keras.metrics`,
        configurations or objects. "accuracy" fits any target.
    epochs : int, default=20
        Number of passes over the training rows; the largest number with early stopping.
    batch_size : int, default=32
        Number of rows per training step. A number larger than that of all rows means all rows.
    shuffle : bool, default=True
        Whether the rows are visited in a new order in each epoch.
    validation_split : float, default=0.0
        Fraction of the rows held out to compute the loss and metrics after every epoch, in [0, 1):
        drawn at random and stratified by class. Unused if `X_val` is given to `fit`.
    early_stopping : bool, default=False
        Whether to stop when the validation loss no longer improves, and to restore the weights of
        the best epoch. Without `X_val` and `validation_split`, 10 percent of the rows are held out.
    patience : int, default=10
        Number of epochs without improvement after which early stopping ends training. Unused
        without `early_stopping`.
    class_weight : dict or str, default=None
        Weights of the classes by label, or "balanced" for weights inversely proportional to the
        frequencies of the classes. They are multiplied with `sample_weight`.
    warm_start : bool, default=False
        Whether `fit` continues from the weights, optimizer state and history of the last fit.
    dtype : str, default="float32"
        Keras dtype policy of the network: "float32", "float64", "bfloat16" or
        "mixed_bfloat16". Inputs of any numeric dtype are converted.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of rows, dropout and the rows held out. With an int, two
        fits on the same machine give bitwise equal results; the user guide on reproducibility tells
        when the number of threads matters. None draws a new seed. No global seed is read or set.
    callbacks : list of Keras callbacks, default=None
        Objects of `keras.callbacks`, which are called themselves, or their names; clones have
        copies of them (except of objects that cannot be copied). A callback that acts on every
        batch makes training use `Model.fit`, which is slower.
    checkpoint : str or path-like, default=None
        Folder in which an unfinished fit stores its state. If the same fit is started again after
        it was killed, it resumes from there and gives the same result as an uninterrupted fit. None
        stores nothing.
    checkpoint_every : int, default=1
        Number of epochs after which the state is written again. Unused without `checkpoint`.
    verbose : int, default=0
        0: silent. 1: a progress bar over epochs. 2: one line per epoch.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and number of channels of the images.
    scale_ : float
        Factor by which the network multiplies pixels.
    model_ : keras.Model
        The trained network, compiled; it can be used with Keras alone.
    history_ : dict of list
        Loss and metrics, and validation loss ("val_loss") and metrics, with one value per epoch.
    loss_curve_ : list of float
        Loss of each epoch: `history_["loss"]`, under the same name as in scikit-learn's MLPs.
    n_iter_ : int
        Number of epochs trained, including those of earlier fits that were continued.
    best_epoch_ : int
        Epoch with the lowest validation loss (or, without validation, the lowest loss), counted
        from 1.
    training_program_ : str
        The program that was used for training: "xla", "graph" or "keras"; see the user guide on
        speed.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of `predict_proba`.
    n_outputs_ : int
        Number of units of the output layer.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    ImageReshaper : Makes scaled images of rows of pixels.
    build_convnet : Builds the network.
    skdl.datasets.load_image_folder : Lists the images of a folder with one folder per class.

    Notes
    -----
    Images in files are read again in every epoch, so that the data set may be larger than the
    memory; training then uses `Model.fit`. If the images fit into memory, `ImageReshaper` in front
    of the network reads them only once.

    The scale that fit determines is kept. If pixels are in another range than in fit, such as 0 to
    1 instead of 0 to 255, a `skdl.exceptions.PixelRangeWarning` is raised; for a table that is
    unlikely to contain images, or channels that seem to come first, a
    `skdl.exceptions.ImageShapeWarning`.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning applied to
       document recognition. Proceedings of the IEEE 86(11).
    .. [2] S. Ioffe, C. Szegedy (2015). Batch normalization: accelerating deep network
       training by reducing internal covariate shift. ICML.
    .. [3] X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep
       feedforward neural networks. AISTATS.
    .. [4] Diederik P. Kingma, Jimmy Ba (2015). Adam: a method for stochastic optimization. ICLR.
    .. [5] F. Yu, V. Koltun (2016). Multi-scale context aggregation by dilated convolutions.
       ICLR.
    .. [6] N. Srivastava et al. (2014). Dropout: a simple way to prevent neural networks from
       overfitting. Journal of Machine Learning Research 15.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import ConvNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ConvNetClassifier(filters=8, epochs=5, random_state=0).fit(X[:1000], y[:1000])
    >>> net.image_shape_
    (8, 8, 1)
    >>> bool(net.score(X[1000:], y[1000:]) > 0.8)
    True
    """

    _parameter_constraints: dict = {
        **DenseClassifier._parameter_constraints,
        "filters": _EACH_LAYER,
        "kernel_size": _EACH_LAYER,
        "strides": _EACH_LAYER,
        "padding": [StrOptions({"valid", "same"}), "array-like"],
        "dilation_rate": _EACH_LAYER,
        "pool_size": [*_EACH_LAYER, None],
        "conv_dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "activation": [str, dict, callable],  # of convolutions and hidden layers alike
        "batch_normalization": ["boolean"],  # of convolutions alone
        "image_shape": ["array-like", None],
        "rescale": [StrOptions({"auto"}), Interval(Real, 1e-38, 1e38, closed="both"), None],
        "exif_orientation": ["boolean"],
        "augmentation": [dict, None],
    }

    _takes_streams = True

    def __init__(
        self,
        filters: int | Sequence[int] = (32, 64),
        *,
        kernel_size: int | Sequence[Any] = 3,
        strides: int | Sequence[Any] = 1,
        padding: str | Sequence[str] = "valid",
        dilation_rate: int | Sequence[Any] = 1,
        pool_size: int | Sequence[Any] | None = 2,
        conv_dropout: float | Sequence[float] = 0.0,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        image_shape: Sequence[int] | None = None,
        rescale: str | float | None = "auto",
        exif_orientation: bool = True,
        augmentation: dict[str, Any] | None = None,
        activation: KerasObject = "relu",
        dropout: float | Sequence[float] = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_normalization: bool = False,
        kernel_initializer: KerasObject = "glorot_uniform",
        loss: KerasObject = "auto",
        optimizer: Any = "adam",
        learning_rate: float | None = None,
        metrics: Any = None,
        epochs: int = 20,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        early_stopping: bool = False,
        patience: int = 10,
        class_weight: dict[Any, float] | str | None = None,
        warm_start: bool = False,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Any = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        verbose: int = 0,
    ):
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.dilation_rate = dilation_rate
        self.pool_size = pool_size
        self.conv_dropout = conv_dropout
        self.hidden_layer_sizes = hidden_layer_sizes
        self.image_shape = image_shape
        self.rescale = rescale
        self.exif_orientation = exif_orientation
        self.augmentation = augmentation
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.batch_normalization = batch_normalization
        self.kernel_initializer = kernel_initializer
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_split = validation_split
        self.early_stopping = early_stopping
        self.patience = patience
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    def feature_maps(self, X: Any, layer: int | str = 0) -> NDArray:
        """Return the outputs of a layer of the network for images.

        Parameters
        ----------
        X : array-like
            Images, rows of pixels or paths of files, as in fit.
        layer : int or str, default=0
            Number of a convolution, counted from 0, or from -1 backwards, the last one being -1,
            whose outputs are taken after the activation; or the name of any layer of `model_`.

        Returns
        -------
        maps : ndarray of shape (n_samples, height, width, n_filters)
            The layer's outputs; of another shape for a layer that is not a convolution.

        Raises
        ------
        ValueError
            If there is no such layer; the message lists the layers.
        """
        check_is_fitted(self)
        return self._network.layer_outputs(self._inputs(self._validated(X, reset=False)), layer)

    def _architecture(self, X):
        per_layer = (
            *("filters", "kernel_size", "strides", "padding", "dilation_rate"),
            *("pool_size", "conv_dropout", "augmentation"),
        )
        shared = ("activation", "dropout", "l1", "l2", "batch_normalization", "kernel_initializer")
        return build_convnet, {
            "input_shape": self.image_shape_,
            "hidden_layer_sizes": layer_sizes(self.hidden_layer_sizes),
            "rescale": None if self.scale_ == 1 else self.scale_,
            **{name: getattr(self, name) for name in (*per_layer, *shared, "dtype")},
        }

    def _see_batch(self, X, kept):
        rows, _ = as_rows(X)
        if getattr(rows, "dtype", np.dtype("O")).kind not in "biuf":
            return  # which is an error when the batch is trained on
        seen = pixel_range(rows[kept], dtype_of(rows))
        known = vars(self).get("_range_of_batches")
        self._range_of_batches = seen if known is None else joined(known, seen)

    def _learn_inputs(self, X):
        self._note_range(X)
        self._range = vars(self).pop("_range_of_batches", self._range)
        scale = self.rescale
        if scale == "auto":
            scale = 1 / (self._range[2] or 1)
        self.scale_ = 1.0 if scale is None else float(scale)
        return self._inputs(X)


# The public place, which pickles and OpenML flows name.
ConvNetClassifier.__module__ = "skdl"
