"""Networks that the user builds: `KerasClassifier` and `KerasRegressor`."""

from __future__ import annotations

from skdl._estimators.custom.network import OwnNetworkEstimator
from skdl._estimators.custom.targets import OwnClassTargets, OwnValueTargets
from skdl._estimators.supervised import NetworkClassifier, NetworkRegressor


class KerasClassifier(OwnNetworkEstimator, NetworkClassifier):
    """Classifier that trains a Keras network built by the user's own function.

    The rows of X may have any rank; targets may be binary, multiclass or multilabel. The network
    has one output with as many units as there are classes or labels; for two classes, a single
    sigmoid unit is allowed. Linear outputs are treated as logits, and `predict_proba` applies the
    sigmoid or softmax.

    Parameters
    ----------
    model : callable or object
        Function that builds the network, compiled or not, and returns it; or an existing network,
        which is copied for each fit and with whose weights training begins. A function receives
        those of the following arguments that its signature names: `input_shape` (of a row; a dict
        with `inputs`), `n_features` (the size of a row's last axis), `n_outputs` and
        `output_activation` (of the output layer), `n_classes`, `dtype`, `seed`, `compile_kwargs`
        (optimizer, loss and metrics, for `model.compile`) and `meta` (a dict as in scikeras). All
        its other arguments are hyperparameters.
    model_params : dict, default=None
        Values of the function's hyperparameters by name; the others keep their defaults. Each can
        also be set as `model__name`, by `set_params` and in grids.
    inputs : dict, default=None
        Columns of X for each input of a network with several inputs: names, positions, slices or
        boolean masks, by the `name` of the `keras.Input`. None: X is the only input.
    loss : str, dict or callable, default="auto"
        Loss that training minimizes: a name in `keras.losses`, a configuration or an object.
        "auto": the loss of a compiled network, otherwise binary cross-entropy for sigmoid units and
        (sparse) categorical cross-entropy for softmax, each computed from logits if the outputs are
        linear.
    optimizer : str, dict or object, default="auto"
        A name in `keras.optimizers`, a configuration or an object, which is copied for each fit.
        "auto": the optimizer of a compiled network, otherwise "adam".
    learning_rate : float, default=None
        Step size of the optimizer, above 0. None uses the optimizer's own.
    metrics : str, dict, callable or list of them, default=None
        Metrics to record in `history_` in addition to the loss: names in `keras.metrics`,
        configurations or objects. None: the metrics of a compiled network.
    epochs : int, default=10
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
    dtype : str, default=None
        Keras dtype policy under which the network is built: "float32", "float64", "bfloat16" or
        "mixed_bfloat16". None leaves it to the function.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of rows, dropout and the rows held out. While the function
        runs, the global generators of Python, NumPy, Keras and TensorFlow are seeded with it, and
        restored afterwards. None draws a new seed.
    callbacks : list of Keras callbacks, default=None
        Objects of `keras.callbacks`, which are copied for each fit, or their names. A callback that
        acts on every batch makes training use `Model.fit`, which is slower.
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
        The trained network that the function built, compiled.
    input_shape_ : tuple of int
        Shape of one row.
    history_ : dict of list
        Loss and metrics, and validation loss ("val_loss") and metrics, with one value per epoch.
    loss_curve_ : list of float
        Loss of each epoch: `history_["loss"]`, under the same name as in scikit-learn's MLPs.
    n_iter_ : int
        Number of epochs trained, including those of earlier fits that were continued.
    best_epoch_ : int
        Epoch with the lowest validation loss (or, without validation, the lowest loss), counted
        from 1. None if training was interrupted in the first epoch.
    training_program_ : str
        The program that was used for training: "xla", "graph" or "keras"; see the user guide on
        networks of your own.
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of `predict_proba`.
    n_outputs_ : int
        Number of units of the output layer.
    n_features_in_ : int
        Number of features seen in fit: the first axis of a row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    KerasRegressor : The same for values.
    DenseClassifier : A dense network without a function.

    Notes
    -----
    The function is called once for the network of each fit, and once more for the programs that are
    shared by all networks with the same computation. It must build new layers in each call, and the
    same network for the same arguments.

    References
    ----------
    .. [1] F. Chollet and others (2015). Keras. https://keras.io

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from skdl import KerasClassifier
    >>> def make_model(input_shape, n_outputs, output_activation, hidden=16):
    ...     return keras.Sequential([
    ...         keras.Input(input_shape),
    ...         keras.layers.Dense(hidden, activation="relu"),
    ...         keras.layers.Dense(n_outputs, activation=output_activation),
    ...     ])
    >>> X, y = load_iris(return_X_y=True)
    >>> net = KerasClassifier(make_model, learning_rate=0.01, epochs=30, random_state=0)
    >>> net.set_params(model__hidden=32).fit(X, y).score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **OwnNetworkEstimator._parameter_constraints,
        "class_weight": NetworkClassifier._parameter_constraints["class_weight"],
    }

    def __init__(
        self,
        model,
        *,
        model_params=None,
        inputs=None,
        loss="auto",
        optimizer="auto",
        learning_rate=None,
        metrics=None,
        epochs=10,
        batch_size=32,
        shuffle=True,
        validation_split=0.0,
        early_stopping=False,
        patience=10,
        class_weight=None,
        warm_start=False,
        dtype=None,
        random_state=None,
        callbacks=None,
        checkpoint=None,
        checkpoint_every=1,
        verbose=0,
    ):
        self.model = model
        self.model_params = model_params
        self.inputs = inputs
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

    def _make_targets(self, y, classes=None):
        return OwnClassTargets(y, classes)


class KerasRegressor(OwnNetworkEstimator, NetworkRegressor):
    """Regressor that trains a Keras network built by the user's own function.

    The rows of X may have any rank, and each row of y one value or several. The network has one
    output with one unit per value.

    Parameters
    ----------
    model : callable or object
        Function that builds the network, compiled or not, and returns it; or an existing network,
        which is copied for each fit and with whose weights training begins. A function receives
        those of the following arguments that its signature names: `input_shape` (of a row; a dict
        with `inputs`), `n_features` (the size of a row's last axis), `n_outputs` and
        `output_activation` (of the output layer), `n_classes`, `dtype`, `seed`, `compile_kwargs`
        (optimizer, loss and metrics, for `model.compile`) and `meta` (a dict as in scikeras). All
        its other arguments are hyperparameters.
    model_params : dict, default=None
        Values of the function's hyperparameters by name; the others keep their defaults. Each can
        also be set as `model__name`, by `set_params` and in grids.
    inputs : dict, default=None
        Columns of X for each input of a network with several inputs: names, positions, slices or
        boolean masks, by the `name` of the `keras.Input`. None: X is the only input.
    loss : str, dict or callable, default="auto"
        Loss that training minimizes: a name in `keras.losses`, a configuration or an object.
        "auto": the loss of a compiled network, otherwise the mean squared error.
    optimizer : str, dict or object, default="auto"
        A name in `keras.optimizers`, a configuration or an object, which is copied for each fit.
        "auto": the optimizer of a compiled network, otherwise "adam".
    learning_rate : float, default=None
        Step size of the optimizer, above 0. None uses the optimizer's own.
    metrics : str, dict, callable or list of them, default=None
        Metrics to record in `history_` in addition to the loss: names in `keras.metrics`,
        configurations or objects. None: the metrics of a compiled network.
    epochs : int, default=10
        Number of passes over the training rows; the largest number with early stopping.
    batch_size : int, default=32
        Number of rows per training step. A number larger than that of all rows means all rows.
    shuffle : bool, default=True
        Whether the rows are visited in a new order in each epoch.
    validation_split : float, default=0.0
        Fraction of the rows held out to compute the loss and metrics after every epoch, in [0, 1):
        drawn at random. Unused if `X_val` is given to `fit`.
    early_stopping : bool, default=False
        Whether to stop when the validation loss no longer improves, and to restore the weights of
        the best epoch. Without `X_val` and `validation_split`, 10 percent of the rows are held out.
    patience : int, default=10
        Number of epochs without improvement after which early stopping ends training. Unused
        without `early_stopping`.
    warm_start : bool, default=False
        Whether `fit` continues from the weights, optimizer state and history of the last fit.
    dtype : str, default=None
        Keras dtype policy under which the network is built: "float32", "float64", "bfloat16" or
        "mixed_bfloat16". None leaves it to the function.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of rows, dropout and the rows held out. While the function
        runs, the global generators of Python, NumPy, Keras and TensorFlow are seeded with it, and
        restored afterwards. None draws a new seed.
    callbacks : list of Keras callbacks, default=None
        Objects of `keras.callbacks`, which are copied for each fit, or their names. A callback that
        acts on every batch makes training use `Model.fit`, which is slower.
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
        The trained network that the function built, compiled.
    input_shape_ : tuple of int
        Shape of one row.
    history_ : dict of list
        Loss and metrics, and validation loss ("val_loss") and metrics, with one value per epoch.
    loss_curve_ : list of float
        Loss of each epoch: `history_["loss"]`, under the same name as in scikit-learn's MLPs.
    n_iter_ : int
        Number of epochs trained, including those of earlier fits that were continued.
    best_epoch_ : int
        Epoch with the lowest validation loss (or, without validation, the lowest loss), counted
        from 1. None if training was interrupted in the first epoch.
    training_program_ : str
        The program that was used for training: "xla", "graph" or "keras"; see the user guide on
        networks of your own.
    n_outputs_ : int
        Number of units of the output layer.
    n_features_in_ : int
        Number of features seen in fit: the first axis of a row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in fit; defined only if all of them are strings.

    See Also
    --------
    KerasClassifier : The same for classes.
    DenseRegressor : A dense network without a function.

    Notes
    -----
    The function is called once for the network of each fit, and once more for the programs that are
    shared by all networks with the same computation. It must build new layers in each call, and the
    same network for the same arguments.

    References
    ----------
    .. [1] F. Chollet and others (2015). Keras. https://keras.io

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdl import KerasRegressor
    >>> def make_model(input_shape, hidden=32):
    ...     return keras.Sequential([
    ...         keras.Input(input_shape),
    ...         keras.layers.Dense(hidden, activation="relu"),
    ...         keras.layers.Dense(1),
    ...     ])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y = (y - y.mean()) / y.std()
    >>> net = make_pipeline(StandardScaler(), KerasRegressor(make_model, random_state=0))
    >>> net.fit(X, y).predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        model,
        *,
        model_params=None,
        inputs=None,
        loss="auto",
        optimizer="auto",
        learning_rate=None,
        metrics=None,
        epochs=10,
        batch_size=32,
        shuffle=True,
        validation_split=0.0,
        early_stopping=False,
        patience=10,
        warm_start=False,
        dtype=None,
        random_state=None,
        callbacks=None,
        checkpoint=None,
        checkpoint_every=1,
        verbose=0,
    ):
        self.model = model
        self.model_params = model_params
        self.inputs = inputs
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
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    def _make_targets(self, y, classes=None):
        return OwnValueTargets(y)


# The public place, which pickles and OpenML flows name.
KerasClassifier.__module__ = KerasRegressor.__module__ = "skdl"
