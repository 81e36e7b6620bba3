"""What all estimators share: validating data, holding out, fitting, going on, predicting."""

from __future__ import annotations

from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, validate_data

from skdl._common.documentation import DocumentationLink
from skdl._common.processes import check_process
from skdl._common.restoring import as_before_if_it_fails
from skdl._common.seeds import fit_seed, hold_out_seed
from skdl._common.versions import PickledWithVersions
from skdl._engine.checkpoint import Checkpoint
from skdl._engine.progress import Progress
from skdl._estimators.diagram import NetworkAttributes
from skdl._estimators.streams import fit_stream, inputs_of, is_stream
from skdl._estimators.targets import check_no_texts
from skdl._estimators.tasks import FitTasks
from skdl._networks.dense import input_dtype
from skdl._sklearn import HasMethods, Interval, StrOptions, check_sample_weight, fit_context

if TYPE_CHECKING:
    import keras

# Half precision in float16 would need its losses scaled.
_DTYPES = {"float32", "float64", "bfloat16", "mixed_bfloat16"}
# Networks hold penalties and learning rates as float32.
_LARGEST = float(np.finfo(np.float32).max)
# Rows held out when early stopping is asked for and neither X_val nor validation_split given.
_STOPPING_SPLIT = 0.1


class BaseNetwork(CallbackSupportMixin, DocumentationLink, PickledWithVersions, BaseEstimator):
    """An estimator whose fitted part is one Keras network."""

    _takes_streams = False

    _parameter_constraints: dict = {
        "activation": [str, dict, callable],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "l1": [Interval(Real, 0, _LARGEST, closed="both")],
        "l2": [Interval(Real, 0, _LARGEST, closed="both")],
        "batch_normalization": ["boolean"],
        "kernel_initializer": [str, dict, callable],
        "loss": [str, dict, callable],
        "optimizer": [str, dict, HasMethods("get_config")],
        "learning_rate": [Interval(Real, 0, _LARGEST, closed="right"), None],
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
        "checkpoint": [str, PathLike, None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
    }

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> BaseNetwork:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs: finite numbers or booleans of any dtype, computed in `dtype`. Or
            a `tf.data.Dataset` or `keras.utils.PyDataset` of batches (inputs, targets) or
            (inputs, targets, weights), read batch by batch in its own order, where the
            estimator can learn from parts of the data; y is then None.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Class labels or, for several labels a row, a matrix of zeros and ones; values
            for a regressor.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. They are scaled to mean 1; rows of weight 0
            are left out.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), default=None
            Inputs to validate on after every epoch, in place of `validation_split`. A
            Pipeline hands them over untransformed unless told by `transform_input`. Where X is
            a data set of batches it may be one too; y_val is then None.
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
        if is_stream(X):
            return fit_stream(self, X, y, sample_weight, X_val, y_val)
        going_on = self.warm_start and hasattr(self, "_network")
        if is_stream(X_val):
            raise ValueError("X_val can be a data set of batches only where X is one.")
        if (X_val is None) != (y_val is None):
            missing, given = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
            raise ValueError(f"{missing} is missing: {given} was given without it.")
        X = self._kept(X)
        tasks = FitTasks(self, X, y, sample_weight, self._planned_epochs())
        with self._as_before_if_it_fails():
            X, y = self._check_rows(X, y, reset=not going_on)
            weight = self._checked_weight(X, y, sample_weight)
            weight, X, y, position = _without_zeros(weight, X, y, np.arange(y.shape[0]))
            targets = self._make_targets(y)
            if going_on:
                self._check_same_targets(targets)
            weight = self._with_class_weight(targets, y, weight)
            weight, X, y, position = _without_zeros(weight, X, y, position)
            seed = self._network.seed if going_on else fit_seed(self.random_state)
            start = self._network.history if going_on else None
            checkpoint = Checkpoint.of(self, seed, X, y, weight, X_val, y_val, start)
            if checkpoint is not None:
                seed = checkpoint.seed_or(seed)
            held_out = None
            if X_val is not None:
                held_out = (*self._check_rows(X_val, y_val, reset=False, name="_val"), None)
            elif self.validation_split or self.early_stopping:
                kept, held = self._split(targets, y, seed)
                held_out = X[held], y[held], weight[held]
                X, y, weight = X[kept], y[kept], weight[kept]
                tasks.keep(position[kept])
            X = self._inputs(X) if going_on else self._learn_inputs(X)
            network = self._make_network(X, targets, seed, going_on)
            rows = self._rows(X, y, weight, targets)
            if held_out is not None:
                X_val, y_val, weight_val = held_out
                name = "y_val" if weight_val is None else "y"
                X_val = self._inputs(X_val)
                if issparse(X) != issparse(X_val):
                    X_val = X_val.toarray() if issparse(X_val) else csr_matrix(X_val)
                held_out = self._rows(X_val, y_val, weight_val, targets, name)
            self._train_fully(network, targets, rows, held_out, tasks, checkpoint)
        tasks.end()
        if checkpoint is not None and not self._network.interrupted:
            checkpoint.remove()
        return self

    def _partial_fit(self, X, y, classes, sample_weight):
        going_on = hasattr(self, "_network")
        with self._as_before_if_it_fails():
            X, y = self._check_rows(X, y, reset=not going_on)
            weight = self._checked_weight(X, y, sample_weight)
            weight, X, y = _without_zeros(weight, X, y)
            if going_on:
                targets, seed, X = self._targets, self._network.seed, self._inputs(X)
                if classes is not None and not np.array_equal(np.unique(classes), targets.classes):
                    raise ValueError(
                        f"classes={np.asarray(classes).tolist()!r} is not the same as on the "
                        f"first call: {targets.classes.tolist()!r}."
                    )
            else:
                targets, seed = self._make_targets(y, classes), fit_seed(self.random_state)
                X = self._learn_inputs(X)
            weight = self._with_class_weight(targets, y, weight)
            weight, X, y = _without_zeros(weight, X, y)
            network = self._make_network(X, targets, seed, going_on)
            return self._train(network, targets, self._rows(X, y, weight, targets), None, 1)

    def _as_before_if_it_fails(self):
        check_process()
        return as_before_if_it_fails(self)

    def _kept(self, X):
        """Return X as what can be read more than once."""
        return X

    def _validated(self, X, *y, **checks):
        """Return what `validate_data` makes of X and y."""
        try:
            with np.errstate(over="ignore"):  # becomes infinite, which is an error of its own
                return validate_data(
                    self, X, *y, accept_sparse="csr", dtype=self._input_dtype(X), **checks
                )
        except OverflowError as error:
            raise ValueError(f"X or y holds integers beyond all floats: {error}.") from error
        except ValueError as error:
            raise _with_advice(error) from error

    def _input_dtype(self, X):
        """Return the dtype in which rows are kept."""
        return input_dtype(self.dtype)

    def _check_rows(self, X, y, reset, name=""):
        """Return X as a float array or CSR matrix, and y as scikit-learn checks it."""
        if is_regressor(self):
            check_no_texts(y, f"y{name}")
        X, y = self._validated(X, y, reset=reset, multi_output=True, y_numeric=is_regressor(self))
        if issparse(y) and not is_classifier(self):
            raise ValueError(f"y{name} must be a dense array, received a sparse matrix.")
        return X, y

    def _learn_inputs(self, X):
        """Return the network's inputs for the training rows, from which more may be learned."""
        return self._inputs(X)

    def _inputs(self, X):
        """Return the network's inputs for checked rows."""
        return X

    def _checked_weight(self, X, y, sample_weight):
        """Return the weights of the rows, the largest of them 1."""
        if sample_weight is None:
            return np.ones(y.shape[0])
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True, copy=True
        )
        return weight / weight.max()

    def _with_class_weight(self, targets, y, weight):
        """Return weights multiplied by those of the classes."""
        class_weight = getattr(self, "class_weight", None)
        return weight if class_weight is None else targets.weights(class_weight, y, weight)

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
        kept, held = train_test_split(
            np.arange(n_rows),
            test_size=n_held,
            stratify=by_class,
            random_state=hold_out_seed(seed),
        )
        if by_class is not None:  # rounding may have left a rare class out
            missing = np.setdiff1d(by_class[kept], by_class[held])
            moved = [kept[by_class[kept] == label][0] for label in missing]
            kept, held = np.setdiff1d(kept, moved), np.union1d(held, moved).astype(int)
        return np.sort(kept), np.sort(held)

    def _rows(self, X, y, weight, targets, name="y"):
        """Return what the network is trained on; weights, None for ones, have mean 1."""
        from skdl._engine.rows import Rows

        dtype = input_dtype(self.dtype)
        weight = np.ones(y.shape[0]) if weight is None else weight
        weight = (weight * (len(weight) / weight.sum())).astype(dtype)
        return Rows(X, targets.encode(y, dtype, name), weight)

    def _check_going_on(self):
        """Raise a ValueError if what the last fit learned of X is asked for otherwise now."""

    def _make_network(self, X, targets, seed, going_on=False):
        if going_on:
            self._check_going_on()
        network = self._new_network(X, targets, seed)
        if going_on and not network.go_on_from(self._network):
            raise ValueError(
                "Training cannot go on with the network of the last fit: a parameter of the "
                "network, its loss, metrics or optimizer was changed since (only learning_rate "
                "may be). Set it back, or fit a clone of this estimator."
            )
        return network

    def _new_network(self, X, targets, seed):
        from skdl._engine.network import Network

        config = self._config(X, targets, self.learning_rate)
        return Network(config, targets.shape, seed, issparse(X))

    def _config(self, X, targets, learning_rate):
        """Return all that decides the network for inputs X, but its weights."""
        from skdl._networks.configuration import NetworkConfig

        loss = targets.resolve_loss(self.loss, self.metrics)
        builder, arguments = self._architecture(X)
        arguments |= {"n_outputs": targets.n_units, "output_activation": targets.activation}
        metrics = targets.resolve_metrics(self.metrics)
        return NetworkConfig.of(builder, arguments, self.optimizer, learning_rate, loss, metrics)

    def _check_same_targets(self, targets):
        old, new = vars(self._targets), vars(targets)
        same = all(np.array_equal(old[name], new[name]) for name in old if name != "one_hot")
        if not same:
            raise ValueError(
                "warm_start=True goes on with the network of the last fit, which had other "
                "classes or outputs in y. Fit a clone of this estimator instead."
            )

    def _planned_epochs(self):
        """Return the largest number of epochs that `fit` trains."""
        return self.epochs

    def _train_fully(self, network, targets, rows, held_out, tasks, checkpoint):
        """Train as `fit` does; `partial_fit` calls `_train` for an epoch."""
        return self._train(network, targets, rows, held_out, self.epochs, tasks, checkpoint)

    def _train(self, network, targets, rows, held_out, epochs, tasks=None, checkpoint=None):
        from skdl._engine.callbacks import copied_callbacks
        from skdl._networks.keras import keras

        stopper = None
        if self.early_stopping and held_out is not None:
            stopper = keras.callbacks.EarlyStopping(
                "val_loss", patience=self.patience, mode="min", restore_best_weights=True
            )
        network.train(
            rows,
            held_out,
            epochs=epochs,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            stopper=stopper,
            callbacks=copied_callbacks(self.callbacks),
            progress=Progress(
                0 if tasks and tasks.has_progress_bar and self.verbose == 1 else self.verbose,
                type(self).__name__,
            ),
            tasks=tasks and tasks.listening_to(network, targets),
            checkpoint=checkpoint,
        )
        vars(self).update(self._fitted_attributes(network, targets))
        return self

    def _fitted_attributes(self, network, targets):
        """Return the attributes of an estimator whose network is trained so far."""
        attributes = {
            "_network": network,
            "_targets": targets,
            "history_": network.history,
            "n_iter_": network.n_epochs,
            "best_epoch_": network.best_epoch,
            "training_program_": network.program,
            "n_outputs_": targets.n_units,
        }
        return attributes | ({"classes_": targets.classes} if is_classifier(self) else {})

    def _outputs(self, X):
        check_is_fitted(self)
        if is_stream(X):
            return np.concatenate([self._outputs(x) for x in inputs_of(X)])
        check_process()
        return self._network.predict(self._inputs(self._validated(X, reset=False)))

    @property
    def model_(self) -> keras.Model:
        """The trained `keras.Model`, compiled, with optimizer state."""
        if not hasattr(self, "_network"):
            raise AttributeError(
                f"This {type(self).__name__} has no attribute 'model_' yet: call fit first."
            )
        return self._whole(self._network).model

    def _whole(self, network):
        """Return the network from X to outputs, of which `network` may be the trained part."""
        return network

    def _get_fitted_attr_html(self, doc_link=""):
        """Return what scikit-learn's diagram shows of a fitted estimator."""
        models = self._models_shown() if hasattr(self, "_network") else []
        return NetworkAttributes(self, models, doc_link)

    def _models_shown(self):
        """Return Keras models that look like `model_`, one behind the other, at no great cost."""
        return [self._network._template().model]

    def __dir__(self) -> list[str]:
        # scikit-learn's asks for every attribute, which would build the Keras model.
        known = {"model_": self.__sklearn_is_fitted__()}
        names = object.__dir__(self)
        return [name for name in names if known.get(name) or hasattr(self, name)]

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
            network = self._whole(self._network)
        elif X is None or y is None:
            raise NotFittedError(
                f"The shapes of this {type(self).__name__} are not known before fit. "
                "Call summary(X, y) with the data, or fit first."
            )
        else:
            self._validate_params()
            unfitted = type(self)(**self.get_params(deep=False))
            X, y = unfitted._check_rows(X, y, reset=True)
            targets, X = unfitted._make_targets(y), unfitted._learn_inputs(X)
            network = unfitted._whole(unfitted._make_network(X, targets, 0))
        network.model.summary()


def _without_zeros(weight, *arrays):
    """Return weights and the rows of arrays that belong to them, without weights of zero."""
    kept = np.flatnonzero(weight)
    if len(kept) == len(weight):
        return weight, *arrays
    return weight[kept], *(array[kept] for array in arrays)


def _with_advice(error: ValueError) -> ValueError:
    """Return scikit-learn's error, with what to do about columns of text."""
    if not str(error).startswith("could not convert string"):
        return error
    return ValueError(
        f"{error}. Columns of text or categories must be encoded first, for instance by a "
        "ColumnTransformer with OneHotEncoder."
    )
