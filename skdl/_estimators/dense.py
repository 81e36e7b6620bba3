"""Fully connected networks that predict classes: `DenseClassifier`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np

from skdl._common.types import KerasObject
from skdl._estimators.base import BaseNetwork
from skdl._estimators.supervised import NetworkClassifier
from skdl._networks.builders.dense import build_dense, layer_sizes
from skdl._sklearn import Interval, StrOptions

# Of the parameter that all dense networks on tables add.
HIDDEN_LAYERS: dict = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
}
# Of dense networks that are alone, rather than members of an ensemble.
EARLY_STOPPING: dict = {"early_stopping": ["boolean", StrOptions({"auto"})]}


def dense_architecture(estimator: BaseNetwork, X: Any) -> tuple[Any, dict[str, Any]]:
    """Return the builder and its arguments for rows like X."""
    shared = ("activation", "dropout", "l1", "l2", "batch_normalization", "kernel_initializer")
    return build_dense, {
        "input_shape": (X.shape[1],),
        "hidden_layer_sizes": layer_sizes(estimator.hidden_layer_sizes),
        **{name: getattr(estimator, name) for name in (*shared, "dtype")},
    }


class DenseClassifier(NetworkClassifier):
    """Fully connected network that predicts classes.

    Targets may be binary, multiclass or multilabel; inputs may be dense arrays, DataFrames or
    sparse matrices. The output layer and the loss depend on y: one sigmoid unit for two classes,
    softmax for more classes, and one sigmoid unit per label for several labels per row.

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
    epochs : int, default=100
        Number of passes over the training rows; the largest number with early stopping.
    batch_size : int, default=32
        Number of rows per training step. A number larger than that of all rows means all rows.
    shuffle : bool, default=True
        Whether the rows are visited in a new order in each epoch.
    validation_split : float, default=0.0
        Fraction of the rows held out to compute the loss and metrics after every epoch, in [0, 1):
        drawn at random and stratified by class. Unused if `X_val` is given to `fit`.
    early_stopping : bool or "auto", default=False
        Whether to stop when the validation loss no longer improves, and to restore the weights of
        the best epoch. Without `X_val` and `validation_split`, 10 percent of the rows are held out.
        "auto": from 1,000 training rows, if `epochs` is larger than `patience` and neither `X_val`
        nor `validation_split` is given.
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
    DenseRegressor : The same for values.
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

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdl import DenseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), DenseClassifier(random_state=0))
    >>> bool(cross_val_score(net, X, y, cv=3).mean() > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **NetworkClassifier._parameter_constraints,
        **HIDDEN_LAYERS,
        **EARLY_STOPPING,
    }

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
        loss: KerasObject = "auto",
        optimizer: Any = "adam",
        learning_rate: float | None = None,
        metrics: Any = None,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_split: float = 0.0,
        early_stopping: bool | str = False,
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

    def _architecture(self, X):
        return dense_architecture(self, X)


# The public place, which pickles and OpenML flows name.
DenseClassifier.__module__ = "skdl"
