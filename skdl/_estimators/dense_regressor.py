"""Fully connected networks that predict values: `DenseRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdl._common.types import KerasObject
from skdl._estimators.dense import EARLY_STOPPING, HIDDEN_LAYERS, dense_architecture
from skdl._estimators.fit.scale import Scale
from skdl._estimators.fit.targets import ValueTargets
from skdl._estimators.supervised import NetworkRegressor
from skdl._sklearn import StrOptions


class DenseRegressor(NetworkRegressor):
    """Fully connected network that predicts one value or several.

    Inputs may be dense arrays, DataFrames or sparse matrices. The output layer has one unit per
    output and is linear, unless the loss or `output_activation` requires positive or bounded
    values. If it is linear, the network is trained on standardized targets, so that their units do
    not matter; `predict` returns values in the units of y.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(100,)
        Number of units of each hidden layer, from input to output. An int means one layer,
        an empty tuple none: a linear model.
    activation : str, dict, callable or list of these, default="relu"
        Activation of the hidden layers: a name in `keras.activations`, ignoring case ("relu",
        "ReLU"), a function, a Keras layer (such as `keras.layers.PReLU()`), or a Keras
        configuration; one for all layers, or a list with one per layer.
    dropout : float or list of float, default=0.0
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1) [1]_: one
        value for all layers, or a list with one value per layer.
    l1 : float, default=0.0
        Weight of the sum of absolute kernel weights of all layers in the loss.
    l2 : float, default=0.0
        Weight of the sum of squared kernel weights of all layers in the loss.
    batch_normalization : bool or list of bool, default=False
        Whether to apply batch normalization to each hidden layer's outputs, after the activation
        and before dropout [2]_: one value for all layers, or a list with one value per layer.
    kernel_initializer : str, dict or object, default="glorot_uniform"
        Initializer of the kernels [3]_: a name in `keras.initializers`, a configuration or an
        object. Each layer gets a seed of its own from `random_state`.
    output_activation : str, dict or callable, default="auto"
        Activation of the output layer, which determines the values that can be predicted: a name in
        `keras.activations`, a function, a Keras layer or a configuration. "auto" depends on the
        loss: "exponential" for "poisson" and "mean_squared_logarithmic_error" (values of at least
        0), "sigmoid" for "binary_crossentropy" (values from 0 to 1), "softmax" for "kl_divergence"
        (rows that sum to 1), and "linear" for all others.
    loss : str, dict or callable, default="auto"
        Loss that training minimizes: a name in `keras.losses`, a configuration or an object.
        "auto": the mean squared error. Losses for classes are refused.
    standardize_y : bool or "auto", default="auto"
        Whether the network is trained on y minus its mean, divided by its standard deviation,
        separately for each output [5]_. "auto": if the output layer is linear and the loss is
        "mean_squared_error", "mean_absolute_error", "huber" or "log_cosh", by name or as an object;
        not for losses that are meaningful only in the units of y, such as "poisson" or
        "mean_absolute_percentage_error", and not for losses of your own. All outputs then have the
        same weight in the loss. The `delta` of "huber", and the 1 at which "log_cosh" becomes
        linear, are in standard deviations of y. False: never. True raises an error if standardizing
        is not meaningful.
    optimizer : str, dict or object, default="adam"
        A name in `keras.optimizers`, a configuration or an object [4]_; an object is copied
        for each fit.
    learning_rate : float, default=None
        Step size of the optimizer, above 0. It replaces the learning rate of an optimizer object or
        configuration. None uses the optimizer's own.
    metrics : str, dict, callable or list of them, default=None
        Metrics to record in `history_` in addition to the loss, in the units of y: names in
        `keras.metrics`, configurations or objects.
    epochs : int, default=100
        Number of passes over the training rows; the largest number with early stopping.
    batch_size : int, default=32
        Number of rows per training step. A number larger than that of all rows means all rows.
    shuffle : bool, default=True
        Whether the rows are visited in a new order in each epoch.
    validation_split : float, default=0.0
        Fraction of the rows held out to compute the loss and metrics after every epoch, in [0, 1):
        drawn at random. Unused if `X_val` is given to `fit`.
    early_stopping : bool or "auto", default=False
        Whether to stop when the validation loss no longer improves, and to restore the weights of
        the best epoch. Without `X_val` and `validation_split`, 10 percent of the rows are held out.
        "auto": from 1,000 training rows, if `epochs` is larger than `patience` and neither `X_val`
        nor `validation_split` is given.
    patience : int, default=10
        Number of epochs without improvement after which early stopping ends training. Unused
        without `early_stopping`.
    warm_start : bool, default=False
        Whether `fit` continues from the weights, optimizer state and history of the last fit, with
        the mean and standard deviation of y of the first fit.
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
    model_ : keras.Model
        The trained network, compiled; it can be used with Keras alone. Its outputs are
        standardized: `predict` returns `model_.predict(X) * y_scale_ + y_mean_`.
    y_mean_ : ndarray of shape (`n_outputs_`,)
        Weighted mean of each output over the training rows; 0 if y is not standardized.
        `partial_fit` determines it in its first call.
    y_scale_ : ndarray of shape (`n_outputs_`,)
        Standard deviation of each output, likewise; 1 if y is constant or not standardized.
    history_ : dict of list
        Loss and metrics, and validation loss ("val_loss") and metrics, with one value per epoch.
        The losses are those of standardized y: 1 is the mean squared error of predicting the mean.
        The metrics are in the units of y.
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
    n_outputs_ : int
        Number of units of the output layer.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    DenseClassifier : The same for classes.
    build_dense : Builds the network.

    References
    ----------
    .. [1] N. Srivastava et al. (2014). Dropout: a simple way to prevent neural networks from
       overfitting. Journal of Machine Learning Research 15.
    .. [2] S. Ioffe, C. Szegedy (2015). Batch normalization: accelerating deep network
       training by reducing internal covariate shift. ICML.
    .. [3] X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep
       feedforward neural networks. AISTATS.
    .. [4] Diederik P. Kingma, Jimmy Ba (2015). Adam: a method for stochastic optimization. ICLR.
    .. [5] Y. LeCun, L. Bottou, G. Orr, K.-R. Mueller (1998). Efficient BackProp. In Neural
       Networks: Tricks of the Trade. Springer.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdl import DenseRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), DenseRegressor(random_state=0)).fit(X, y)
    >>> net.predict(X[:3]).shape
    (3,)
    """

    _parameter_constraints: dict = {
        **NetworkRegressor._parameter_constraints,
        **HIDDEN_LAYERS,
        **EARLY_STOPPING,
        "output_activation": [str, dict, callable],
        "standardize_y": ["boolean", StrOptions({"auto"})],
    }

    y_mean_: NDArray
    y_scale_: NDArray

    _takes_streams = _on_tables = True

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        activation: KerasObject | Sequence[KerasObject] = "relu",
        dropout: float | Sequence[float] = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_normalization: bool | Sequence[bool] = False,
        kernel_initializer: KerasObject = "glorot_uniform",
        output_activation: KerasObject = "auto",
        loss: KerasObject = "auto",
        standardize_y: bool | str = "auto",
        optimizer: Any = "adam",
        learning_rate: float | None = None,
        metrics: Any = None,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        early_stopping: bool | str = False,
        patience: int = 10,
        warm_start: bool = False,
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Any = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        verbose: int = 0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.batch_normalization = batch_normalization
        self.kernel_initializer = kernel_initializer
        self.output_activation = output_activation
        self.loss = loss
        self.standardize_y = standardize_y
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.validation_split = validation_split
        self.early_stopping = early_stopping
        self.patience = patience
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    def _architecture(self, X):
        return dense_architecture(self, X)

    def _make_targets(self, y, classes=None):
        return ValueTargets(y, self._standardizes())

    def _standardizes(self):
        from skdl._networks.standardizing import standardizes

        return standardizes(self.standardize_y, self.loss, self.output_activation)

    def _check_going_on(self):
        if self._standardizes() != self._targets.standardized:
            raise ValueError(
                f"Training cannot go on with standardize_y={self.standardize_y!r}: the network of "
                f"the last fit was trained with standardised y: {self._targets.standardized}. Set "
                "standardize_y, loss and output_activation back, or fit a clone of this estimator."
            )

    def _fitted_attributes(self, network, targets):
        scale = targets.scale or Scale.none(targets.n_units)
        own = {"y_mean_": scale.mean.copy(), "y_scale_": scale.deviation.copy()}
        return super()._fitted_attributes(network, targets) | own


# The public place, which pickles and OpenML flows name.
DenseRegressor.__module__ = "skdl"
