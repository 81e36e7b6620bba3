"""Pretrained networks that predict classes of images: `PretrainedFeatureClassifier`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np

from skdl._common.types import KerasObject
from skdl._estimators.dense import DenseClassifier
from skdl._estimators.pretrained_training import PretrainedTraining
from skdl._sklearn import Interval, StrOptions
from skdl._transformers.extractor import BACKBONE_CONSTRAINTS


class PretrainedFeatureClassifier(PretrainedTraining):
    """Classifier of images on top of a pretrained network, which can be fine-tuned.

    A backbone that was trained on many other images is followed by fully connected layers, the head
    [1]_. The parameter `training` selects one of three ways to train:

    - "features": the backbone processes the images once, and the head is trained on the resulting
      features. This is fast, but the images are not augmented.
    - "augmented": the backbone is frozen, and images that are changed at random in each epoch are
      passed through the whole network.
    - "fine_tune": first one of these two, "augmented" if `augmentation` is given; then the layers
      of the backbone from `fine_tune_from` on are trained together with the head, with a small
      learning rate [2]_.

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
    training : str, default="features"
        How to train: "features", "augmented" or "fine_tune", see above.
    augmentation : dict, default=None
        Random changes of the images during training, drawn anew for every image and epoch: "flip"
        ("horizontal", "vertical", "horizontal_and_vertical"), "rotation" (fraction of a full turn),
        "translation", "shear" and "zoom" (fractions of the size). A value may be a dict with
        arguments of the Keras layer. Not allowed with `training="features"`.
    fine_tune_from : str, default="block5_conv1"
        Name of the first layer of the backbone that is trained with `training="fine_tune"`; batch
        normalization layers keep their statistics and weights. The default is a layer of VGG16 and
        VGG19; an unknown name raises an error that lists the layers.
    fine_tune_epochs : int, default=10
        Number of epochs of fine-tuning, after those of the head; the largest number with early
        stopping.
    fine_tune_learning_rate : float, default=1e-5
        Step size of the optimizer in fine-tuning, above 0.
    memory : str, path-like or joblib.Memory, default=None
        A folder where the features of each image are stored, so that folds, searches and other
        processes compute them only once. None: they are computed once per fit and once per
        prediction. Used if the head is trained on features.
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Number of units of each hidden layer of the head, from input to output. An int means
        one layer, an empty tuple none: a linear model of the features.
    activation : str, dict, callable or list of these, default="relu"
        Activation of the hidden layers: a name in `keras.activations`, ignoring case ("relu",
        "ReLU"), a function, a Keras layer (such as `keras.layers.PReLU()`), or a Keras
        configuration; one for all layers, or a list with one per layer.
    dropout : float or list of float, default=0.5
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1): one
        value for all layers, or a list with one value per layer.
    l1 : float, default=0.0
        Weight of the sum of absolute kernel weights of the head in the loss.
    l2 : float, default=0.0
        Weight of the sum of squared kernel weights of the head in the loss.
    batch_normalization : bool or list of bool, default=False
        Whether to apply batch normalization to the outputs of each hidden layer of the head: one
        value for all layers, or a list with one value per layer.
    kernel_initializer : str, dict or object, default="glorot_uniform"
        Initializer of the head's kernels: a name in `keras.initializers`, a configuration or an
        object. Each layer gets a seed of its own from `random_state`.
    loss : str, dict or callable, default="auto"
        Loss that training minimizes: a name in `keras.losses`, a configuration or an object.
        "auto": binary cross-entropy for two classes and for multilabel targets, categorical
        cross-entropy for more than two classes.
    optimizer : str, dict or object, default="adam"
        A name in `keras.optimizers`, a configuration or an object [3]_; an object is copied
        for each fit.
    learning_rate : float, default=None
        Step size of the optimizer, above 0. It replaces the learning rate of an optimizer object or
        configuration. None uses the optimizer's own.
    metrics : str, dict, callable or list of them, default=None
        Metrics to record in `history_` in addition to the loss: names in `keras.metrics`,
        configurations or objects. "accuracy" fits any target.
    epochs : int, default=20
        Number of passes over the training images to train the head; the largest number with
        early stopping.
    batch_size : int, default=32
        Number of images per training step, and of those that are read and passed through the
        backbone at a time. A number larger than that of all images means all images.
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
        Whether `fit` continues from the weights, optimizer state and history of the last fit; after
        fine-tuning, it continues with fine-tuning. `training` and everything else that determines
        the network must stay the same; learning rates may change.
    dtype : str, default="float32"
        Keras dtype policy of the network, including the backbone: "float32", "float64", "bfloat16"
        or "mixed_bfloat16".
    random_state : int, RandomState instance or None, default=None
        Determines initial weights (with `weights=None` also those of the backbone), order of rows,
        dropout, augmentation and the rows held out. With an int, two fits on the same machine give
        bitwise equal results; the user guide on reproducibility tells when the number of threads
        matters. None draws a new seed. No global seed is read or set.
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
        Height, width and channels of the images in X; for files, those to which they are read.
    scale_ : float
        Factor by which pixels in arrays are multiplied before the preprocessing of a network in
        `keras.applications`, which expects values from 0 to 255: 255 divided by the largest value
        of the encoding seen in fit, which is determined as by `ImageReshaper`. It is kept after
        fit: files, which contain values from 0 to 255, are scaled to the range of the pixels in
        fit, and arrays in another range raise a `skdl.exceptions.PixelRangeWarning`.
    model_ : keras.Model
        The trained network, from images of shape `image_shape_`, as they are in X, to
        probabilities, for each of the ways to train; compiled, it can be used with Keras alone.
    history_ : dict of list
        Loss and metrics, and validation loss ("val_loss") and metrics, with one value per epoch,
        over both phases of fine-tuning.
    loss_curve_ : list of float
        Loss of each epoch: `history_["loss"]`, under the same name as in scikit-learn's MLPs.
    phases_ : list of str
        What was trained in each epoch of `history_`: "features" or "augmented" for the head, or
        "fine_tune".
    n_iter_ : int
        Number of epochs trained, over both phases and including earlier fits that were continued.
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
        Number of values of an image, all channels together.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    PretrainedFeatureExtractor : The features alone, for any scikit-learn classifier.
    ConvNetClassifier : A convolutional network trained from the start.
    skdl.datasets.load_image_folder : Lists the images of a folder with one folder per class.
    build_pretrained : Builds the network.

    Notes
    -----
    The backbone runs in inference mode even while it is trained: its batch normalization keeps its
    statistics, and its dropout is inactive. With early stopping, each phase of `fit` ends by
    itself. Callbacks see only the head while it is trained on features. `partial_fit` trains the
    head or, after a fit with fine-tuning, continues fine-tuning.

    Images in files are read again in every epoch, except for "features"; training then uses
    `Model.fit`.

    References
    ----------
    .. [1] J. Donahue, Y. Jia, O. Vinyals, J. Hoffman, N. Zhang, E. Tzeng, T. Darrell (2014). DeCAF:
       a deep convolutional activation feature for generic visual recognition. ICML.
    .. [2] J. Yosinski, J. Clune, Y. Bengio, H. Lipson (2014). How transferable are features in deep
       neural networks? NeurIPS.
    .. [3] Diederik P. Kingma, Jimmy Ba (2015). Adam: a method for stochastic optimization. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import ConvNetClassifier, PretrainedFeatureClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> small, large = y < 5, y >= 5
    >>> net = ConvNetClassifier(epochs=5, random_state=0).fit(X[small], y[small])
    >>> classifier = PretrainedFeatureClassifier(net.model_, random_state=0)
    >>> classifier.fit(X[large][:100], y[large][:100]).image_shape_
    (8, 8, 1)
    >>> bool(classifier.score(X[large], y[large]) > 0.5)
    True
    """

    _parameter_constraints: dict = {
        **DenseClassifier._parameter_constraints,
        **BACKBONE_CONSTRAINTS,
        "training": [StrOptions({"features", "augmented", "fine_tune"})],
        "augmentation": [dict, None],
        "fine_tune_from": [str],
        "fine_tune_epochs": [Interval(Integral, 1, None, closed="left")],
        "fine_tune_learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        backbone: Any = "VGG16",
        *,
        weights: Any = "imagenet",
        image_shape: Sequence[int] | None = None,
        pooling: str | None = None,
        preprocess: Any = "auto",
        exif_orientation: bool = True,
        training: str = "features",
        augmentation: dict[str, Any] | None = None,
        fine_tune_from: str = "block5_conv1",
        fine_tune_epochs: int = 10,
        fine_tune_learning_rate: float = 1e-5,
        memory: Any = None,
        hidden_layer_sizes: int | Sequence[int] = (256,),
        activation: KerasObject | Sequence[KerasObject] = "relu",
        dropout: float | Sequence[float] = 0.5,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_normalization: bool | Sequence[bool] = False,
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
        self.backbone = backbone
        self.weights = weights
        self.image_shape = image_shape
        self.pooling = pooling
        self.preprocess = preprocess
        self.exif_orientation = exif_orientation
        self.training = training
        self.augmentation = augmentation
        self.fine_tune_from = fine_tune_from
        self.fine_tune_epochs = fine_tune_epochs
        self.fine_tune_learning_rate = fine_tune_learning_rate
        self.memory = memory
        self.hidden_layer_sizes = hidden_layer_sizes
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


# The public place, which pickles and OpenML flows name.
PretrainedFeatureClassifier.__module__ = "skdl"
