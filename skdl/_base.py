"""What all estimators share: validating data, holding out, fitting, going on, predicting."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, validate_data

from skdl._networks import input_dtype
from skdl._progress import Progress
from skdl._seeds import fit_seed, hold_out_seed
from skdl._sklearn import HasMethods, Interval, StrOptions, check_sample_weight, fit_context
from skdl._targets import ClassTargets, ValueTargets

if TYPE_CHECKING:
    import keras

_DTYPES = {"float16", "float32", "float64", "bfloat16", "mixed_float16", "mixed_bfloat16"}
# Rows held out when early stopping is asked for and neither X_val nor validation_split given.
_STOPPING_SPLIT = 0.1


class BaseNetwork(BaseEstimator):
    """An estimator whose fitted part is one Keras network."""

    _parameter_constraints: dict = {
        "activation": [str, dict, callable],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "l1": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "batch_normalization": ["boolean"],
        "kernel_initializer": [str, dict, callable],
        "loss": [str, dict, callable],
        "optimizer": [str, dict, HasMethods("get_config")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "metrics": ["array-like", str, dict, callable, None],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "validation_split": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "dtype": [StrOptions(_DTYPES)],
        "random_state": ["random_state"],
        "callbacks": ["array-like", str, HasMethods("on_epoch_end"), None],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> BaseNetwork:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs: finite numbers or booleans of any dtype, computed in `dtype`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels or, for several labels a row, a matrix of zeros and ones; values
            for a regressor.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. They are scaled to mean 1; rows of weight 0
            are left out.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), default=None
            Inputs to validate on after every epoch, in place of `validation_split`. A
            Pipeline hands them over untransformed unless told by `transform_input`.
        y_val : array-like of shape (n_validation,) or (n_validation, n_outputs), default=None
            Targets of `X_val`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not as described; the message says what to do.
        skdl.exceptions.NonFiniteLossError
            If the loss or a weight becomes NaN or infinite.
        """
        going_on = self.warm_start and hasattr(self, "_network")
        X, y = self._check_rows(X, y, reset=not going_on)
        if (X_val is None) != (y_val is None):
            missing, given = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
            raise ValueError(f"{missing} is missing: {given} was given without it.")
        X, y, weight = self._weighted_rows(X, y, sample_weight)
        targets = self._make_targets(y)
        if going_on:
            self._check_same_targets(targets)
        network = self._make_network(X, targets, fit_seed(self.random_state))
        if going_on and not self._resume(network):
            raise ValueError(
                "warm_start=True goes on with the network of the last fit, but a parameter that "
                "shapes it was changed since. Set it back, or fit a clone of this estimator."
            )
        weight = targets.weights(getattr(self, "class_weight", None), y, weight)
        held_out = None
        if X_val is not None:
            X_val, y_val = self._check_rows(X_val, y_val, reset=False, name="_val")
            held_out = self._rows(X_val, y_val, np.ones(X_val.shape[0]), targets, "y_val")
        elif self.validation_split or self.early_stopping:
            kept, held = self._split(targets, y, network.seed)
            held_out = self._rows(X[held], y[held], weight[held], targets)
            X, y, weight = X[kept], y[kept], weight[kept]
        stopper = None
        if self.early_stopping:
            from skdl._keras import keras

            stopper = keras.callbacks.EarlyStopping(
                "val_loss", patience=self.patience, mode="min", restore_best_weights=True
            )
        rows = self._rows(X, y, weight, targets)
        return self._train(network, targets, rows, held_out, self.epochs, stopper)

    def _partial_fit(self, X, y, classes, sample_weight):
        first = not hasattr(self, "_network")
        X, y = self._check_rows(X, y, reset=first)
        X, y, weight = self._weighted_rows(X, y, sample_weight)
        if first:
            targets = self._make_targets(y, classes)
            network = self._make_network(X, targets, fit_seed(self.random_state))
        else:
            targets, network = self._targets, self._network
            if classes is not None and not np.array_equal(np.unique(classes), targets.classes):
                raise ValueError(
                    f"classes={np.asarray(classes).tolist()!r} is not the same as on the first "
                    f"call: {targets.classes.tolist()!r}."
                )
        weight = targets.weights(getattr(self, "class_weight", None), y, weight)
        return self._train(network, targets, self._rows(X, y, weight, targets), None, 1, None)

    def _validated(self, X, *y, **checks):
        """Return what `validate_data` makes of X and y."""
        try:
            with np.errstate(over="ignore"):  # becomes infinite, which is an error of its own
                return validate_data(
                    self, X, *y, accept_sparse="csr", dtype=input_dtype(self.dtype), **checks
                )
        except ValueError as error:
            raise _with_advice(error) from error

    def _check_rows(self, X, y, reset, name=""):
        """Return X as a float array or CSR matrix, and y as scikit-learn checks it."""
        X, y = self._validated(
            X, y, reset=reset, multi_output=True, y_numeric=isinstance(self, RegressorMixin)
        )
        if issparse(y) and not isinstance(self, ClassifierMixin):
            raise ValueError(f"y{name} must be a dense array, received a sparse matrix.")
        return X, y

    def _weighted_rows(self, X, y, sample_weight):
        """Return the rows whose weight is not zero, with their weights."""
        n_rows = X.shape[0]
        if sample_weight is None:
            return X, y, np.ones(n_rows)
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True, copy=True
        )
        kept = np.flatnonzero(weight)
        return (X, y, weight) if len(kept) == n_rows else (X[kept], y[kept], weight[kept])

    def _split(self, targets, y, seed):
        """Return the positions of the rows to train on and to hold out."""
        n_rows, by_class = y.shape[0], targets.stratify(y)
        fraction = self.validation_split or _STOPPING_SPLIT
        n_held = max(int(np.ceil(fraction * n_rows)), 1)
        if by_class is not None:
            n_classes, fewest = len(np.unique(by_class)), np.unique(by_class, return_counts=True)[1]
            if not self.validation_split:
                n_held = max(n_held, n_classes)
            if min(n_held, n_rows - n_held) < n_classes or fewest.min() < 2:
                by_class = None
        if n_held >= n_rows:
            raise ValueError(
                f"Holding out {n_held} of n_samples = {n_rows} rows leaves none to train on "
                f"(validation_split={self.validation_split!r}, "
                f"early_stopping={self.early_stopping!r}). Give more rows, or X_val and y_val."
            )
        return train_test_split(
            np.arange(n_rows),
            test_size=n_held,
            stratify=by_class,
            random_state=hold_out_seed(seed),
        )

    def _rows(self, X, y, weight, targets, name="y"):
        """Return what the network is trained on; weights have mean 1."""
        from skdl._fitting import Rows

        dtype = input_dtype(self.dtype)
        weight = (weight * (len(weight) / weight.sum())).astype(dtype)
        return Rows(X, targets.encode(y, dtype, name), weight)

    def _make_network(self, X, targets, seed):
        from skdl._fitting import Network
        from skdl._keras import NetworkConfig

        loss = targets.resolve_loss(self.loss, self.metrics)
        builder, arguments = self._architecture(X)
        arguments |= {"n_outputs": targets.n_units, "output_activation": targets.activation}
        metrics = targets.resolve_metrics(self.metrics)
        config = NetworkConfig.of(
            builder, arguments, self.optimizer, self.learning_rate, loss, metrics
        )
        return Network(config, targets.shape, seed)

    def _check_same_targets(self, targets):
        old, new = vars(self._targets), vars(targets)
        same = all(np.array_equal(old[name], new[name]) for name in old if name != "one_hot")
        if not same:
            raise ValueError(
                "warm_start=True goes on with the network of the last fit, which had other "
                "classes or outputs in y. Fit a clone of this estimator instead."
            )

    def _resume(self, network):
        """Go on in `network` from the last fit; False if it is of another shape."""
        if not network.take_state(self._network):
            return False
        network.seed = self._network.seed
        return True

    def _train(self, network, targets, rows, held_out, epochs, stopper):
        from skdl._keras import copied_callbacks

        for name in ("_network", "_targets", "history_", "n_iter_", "best_epoch_", "classes_"):
            vars(self).pop(name, None)
        network.train(
            rows,
            held_out,
            epochs=epochs,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            stopper=stopper,
            callbacks=copied_callbacks(self.callbacks),
            progress=Progress(self.verbose, type(self).__name__),
        )
        self._network, self._targets = network, targets
        self.history_ = network.history
        self.n_iter_ = network.n_epochs
        watched = self.history_.get("val_loss") or self.history_.get("loss")
        self.best_epoch_ = int(np.argmin(watched)) + 1 if watched else None
        self.training_program_ = network.program
        self.n_outputs_ = targets.n_units
        if isinstance(targets, ClassTargets):
            self.classes_ = targets.classes
        return self

    def _outputs(self, X):
        check_is_fitted(self)
        return self._network.predict(self._validated(X, reset=False))

    @property
    def model_(self) -> keras.Model:
        """The trained `keras.Model`, compiled, with optimizer state."""
        if not hasattr(self, "_network"):
            raise AttributeError(
                f"This {type(self).__name__} has no attribute 'model_' yet: call fit first."
            )
        return self._network.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def summary(self, X: ArrayLike | None = None, y: ArrayLike | None = None) -> None:
        """Print Keras's table of the network's layers, shapes and parameters.

        Parameters
        ----------
        X, y : array-like, default=None
            Data that give the shapes of a network that is not fitted yet; nothing is
            trained and the estimator is left as it is.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted and no data are given.
        """
        if hasattr(self, "_network"):
            network = self._network
        elif X is None or y is None:
            raise NotFittedError(
                f"The shapes of this {type(self).__name__} are not known before fit. "
                "Call summary(X, y) with the data, or fit first."
            )
        else:
            self._validate_params()
            unfitted = type(self)(**self.get_params(deep=False))
            X, y = unfitted._check_rows(X, y, reset=True)
            network = unfitted._make_network(X, unfitted._make_targets(y), 0)
        network.model.summary()


def _with_advice(error: ValueError) -> ValueError:
    """Return scikit-learn's error, with what to do about columns of text."""
    if not str(error).startswith("could not convert string"):
        return error
    return ValueError(
        f"{error}. Columns of text or categories must be encoded first, for instance by a "
        "ColumnTransformer with OneHotEncoder."
    )


class NetworkClassifier(ClassifierMixin, BaseNetwork):
    """Predicting classes: labels from probabilities."""

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def _make_targets(self, y, classes=None):
        return ClassTargets(y, classes)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> NetworkClassifier:
        """Train for one epoch more on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will come; needed on the first call, unless y is multilabel.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, scaled to mean 1 over this call.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing on the first call, or differs later.
        """
        if classes is None and not hasattr(self, "_network") and np.ndim(y) == 1:
            raise ValueError("classes must be given on the first call to partial_fit.")
        return self._partial_fit(X, y, classes, sample_weight)

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the predicted labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable class of each row, or every label that is more probable than not.
        """
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`, float32 (float64 with `dtype="float64"`). Rows sum
            to 1, except for multilabel targets, where each label has its own probability.
        """
        outputs = self._outputs(X)
        return self._targets.probabilities(outputs)

    def predict_log_proba(self, X: ArrayLike) -> NDArray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; minus infinity where a probability is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NetworkRegressor(RegressorMixin, BaseNetwork):
    """Predicting values."""

    def _make_targets(self, y, classes=None):
        return ValueTargets(y)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> NetworkRegressor:
        """Train for one epoch more on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, scaled to mean 1 over this call.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, None, sample_weight)

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the predicted values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, float64.
        """
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
