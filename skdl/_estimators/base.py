"""What all estimators share: validating data, holding out, fitting, going on, predicting."""

from __future__ import annotations

from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted, validate_data

from skdl._common.arguments import ExplainedArguments
from skdl._common.documentation import DocumentationLink
from skdl._common.memory import converted
from skdl._common.mistaken import check_is_table
from skdl._common.processes import check_process
from skdl._common.sparse_rows import SparseRows, converts
from skdl._common.versions import PickledWithVersions
from skdl._estimators.advice import check_no_dates, with_advice
from skdl._estimators.copying import KerasObjectsCopied
from skdl._estimators.diagram.network import network_shown
from skdl._estimators.diagram.shown import NetworkShown
from skdl._estimators.fit.fitting import Fitting
from skdl._estimators.fit.given_targets import check_given, whole
from skdl._estimators.fit.place import progress_of
from skdl._estimators.fit.scales import warn_of_targets
from skdl._estimators.fit.streams import fit_stream, inputs_of, is_stream
from skdl._estimators.fit.tasks import FitTasks
from skdl._estimators.fitted_model import HoldsModel
from skdl._networks.builders.dense import input_dtype
from skdl._networks.settings import own_settings
from skdl._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    with_callbacks,
)

if TYPE_CHECKING:
    import keras

# Half precision in float16 would need its losses scaled.
_DTYPES = {"float32", "float64", "bfloat16", "mixed_bfloat16"}
# Networks hold penalties and learning rates as float32.
_LARGEST = float(np.finfo(np.float32).max)


class BaseNetwork(
    CallbackSupportMixin,
    HoldsModel,
    ExplainedArguments,
    DocumentationLink,
    KerasObjectsCopied,
    PickledWithVersions,
    NetworkShown,
    BaseEstimator,
):
    """An estimator whose fitted part is one Keras network."""

    history_: dict[str, list[float]]
    n_iter_: int
    best_epoch_: int | None
    training_program_: str
    n_outputs_: int
    n_features_in_: int
    feature_names_in_: NDArray

    _takes_streams = False
    _takes_sparse_rows = True  # by the network, of which a part is copied at a time
    _on_tables = False  # whether columns are numbers of a table, each with a scale of its own

    _parameter_constraints: dict = {
        "activation": [str, dict, callable, "array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "l1": [Interval(Real, 0, _LARGEST, closed="both")],
        "l2": [Interval(Real, 0, _LARGEST, closed="both")],
        "batch_normalization": ["boolean", "array-like"],
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

    @classmethod
    def _advice_on_argument(cls, method: str, unknown: str) -> str:
        """Say what stands for some arguments of Keras's EarlyStopping."""
        return {
            "monitor": "early_stopping=True watches val_loss; to watch another value, pass "
            "callbacks=[keras.callbacks.EarlyStopping(monitor=...)].",
            "restore_best_weights": "early_stopping=True restores the weights of the best epoch.",
        }.get(unknown, "")

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs: finite numbers or booleans of any dtype; computations are done in
            `dtype`. Estimators that can learn from parts of the data also take a `tf.data.Dataset`
            or `keras.utils.PyDataset` of batches (inputs, targets) or (inputs, targets, weights),
            which is read batch by batch in its own order; y is then None.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Class labels or, for several labels per row, a matrix of zeros and ones; numeric values
            for a regressor.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. They are scaled to a mean of 1; rows with weight 0 are
            left out.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), default=None
            Inputs for validation after every epoch, instead of `validation_split`. A Pipeline
            passes them on untransformed unless they are listed in its `transform_input`. If X is a
            data set of batches, X_val may be one, too; y_val is then None.
        y_val : array-like of shape (n_validation,) or (n_validation, n_outputs), default=None
            Targets of `X_val`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid; the message says what to do.
        TypeError
            If X, y or `sample_weight` is something else than an array, table or sequence.
        skdl.exceptions.NonFiniteLossError
            If the loss or a weight becomes NaN or infinite.
        KeyboardInterrupt
            If training is interrupted. If at least one epoch has been completed, the estimator
            keeps what it has learned; otherwise it is left as it was before.
        """
        if is_stream(X):
            return fit_stream(self, X, y, sample_weight, X_val, y_val)
        if is_stream(X_val):
            raise ValueError("X_val can be a data set of batches only where X is one.")
        if (X_val is None) != (y_val is None):
            missing, given = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
            raise ValueError(f"{missing} is missing: {given} was given without it.")
        X = self._kept(X)
        tasks = FitTasks(self, X, y, sample_weight, self._planned_epochs())
        fitting = Fitting(self, going_on=self.warm_start and hasattr(self, "_network"))
        with self._as_before_if_it_fails():
            samples = fitting.check(X, y, sample_weight)
            fitting.learn_targets(samples.y)
            samples = fitting.weigh(samples)
            checkpoint = fitting.begin(samples.X, samples.y, samples.weight, X_val, y_val)
            samples, held_out = fitting.hold_out(samples, X_val, y_val)
            if held_out is not None and X_val is None:
                tasks.keep(samples.positions)
            fitting.learn_scale(samples)
            x = fitting.learn_inputs(samples.X)
            network = fitting.make_network(x)
            rows = fitting.encode(x, samples)
            validation = fitting.encode_validation(held_out, issparse(x))
            self._train_fully(
                network, fitting.targets, rows, validation, fitting.stopping, tasks, checkpoint
            )
            warn_of_targets(self, network, samples.y)
        tasks.end()
        if checkpoint is not None:
            checkpoint.remove()
        return self

    def _partial_fit(self, X, y, classes, sample_weight):
        fitting = Fitting(self, going_on=hasattr(self, "_network"))
        with self._as_before_if_it_fails():
            samples = fitting.check(X, y, sample_weight)
            if fitting.going_on:
                fitting.keep_targets(classes)
            else:
                fitting.learn_targets(samples.y, classes)
            samples = fitting.weigh(samples)
            fitting.learn_scale(samples)
            fitting.begin()
            x = fitting.learn_inputs(samples.X)
            network = fitting.make_network(x)
            return self._train(network, fitting.targets, fitting.encode(x, samples), None, 1)

    def _kept(self, X):
        """Return X as what can be read more than once."""
        return X

    def _validated(self, X, *y, trained=False, **checks):
        """Return what `validate_data` makes of X and y; `trained` rows are a batch of fit's own."""
        check_is_table(X, *y, inputs=self._advice_on_inputs())
        dtype = self._input_dtype(X)
        if self._takes_sparse_rows and converts(X, dtype):
            dtype = None  # converted part by part
        try:
            # What becomes infinite is an error of its own; infinities are added up to find it.
            with np.errstate(over="ignore", invalid="ignore"):
                rows = converted(X, dtype)
                return validate_data(self, rows, *y, accept_sparse="csr", dtype=dtype, **checks)
        except OverflowError as error:
            raise ValueError(f"X or y holds integers beyond all floats: {error}.") from error
        except ValueError as error:
            raise with_advice(error, X) from error

    def _advice_on_inputs(self):
        """Return what to do with several inputs, "" for an estimator that has but one."""
        return ""

    def _input_dtype(self, X):
        """Return the dtype in which rows are kept."""
        return input_dtype(self.dtype)

    def _check_rows(self, X, y, reset, name=""):
        """Return X as a float array or CSR matrix, and y as scikit-learn checks it."""
        check_given(y, f"y{name}", are_numbers=is_regressor(self))
        check_no_dates(X)
        y = y if is_regressor(self) else whole(y)
        X, y = self._validated(X, y, reset=reset, multi_output=True, y_numeric=is_regressor(self))
        if issparse(y) and not is_classifier(self):
            raise ValueError(f"y{name} must be a dense array, received a sparse matrix.")
        return X, y

    def _see_batch(self, X, kept):
        """Take note of the rows `kept` of a batch of a data set, before `_learn_inputs`."""

    def _learn_inputs(self, X):
        """Return the network's inputs for the training rows, from which more may be learned."""
        return self._inputs(X)

    def _inputs(self, X):
        """Return the network's inputs for checked rows."""
        return X

    def _for_network(self, x, network):
        """Return inputs as this network takes them, and the dtype of targets and weights.

        Sparse ones are `SparseRows`.
        """
        dtype = input_dtype(self.dtype)
        return (x.to(dtype) if isinstance(x, SparseRows) else x), dtype

    def _check_going_on(self):
        """Raise a ValueError if what the last fit learned of X or y is asked for otherwise now."""

    def _new_network(self, X, targets, seed):
        from skdl._engine.network import Network

        config = self._config(X, targets, self.learning_rate)
        return Network(config, targets.shape, seed, issparse(X))

    def _config(self, X, targets, learning_rate):
        """Return all that decides the network for inputs X, but its weights."""
        from skdl._networks.configuration import NetworkConfig

        output = getattr(self, "output_activation", "auto")
        loss = targets.resolve_loss(self.loss, self.metrics, output)
        builder, arguments = self._architecture(X)
        arguments["n_outputs"] = targets.n_units
        arguments["output_activation"] = targets.activation(output, loss)
        metrics = targets.resolve_metrics(self.metrics)
        return NetworkConfig.of(
            builder, arguments, self.optimizer, learning_rate, loss, metrics, targets.units
        )

    def _planned_epochs(self):
        """Return the largest number of epochs that `fit` trains."""
        return self.epochs

    def _train_fully(self, network, targets, rows, held_out, stopping, tasks, checkpoint):
        """Train as `fit` does; `partial_fit` calls `_train` for an epoch."""
        return self._train(
            network, targets, rows, held_out, self.epochs, stopping, tasks, checkpoint
        )

    def _train(
        self, network, targets, rows, held_out, epochs,
        stopping=False, tasks=None, checkpoint=None, progress=None,
    ):  # fmt: skip
        from skdl._engine.callbacks import checked_callbacks
        from skdl._networks.keras import keras

        stopper = None
        if stopping and held_out is not None:
            stopper = keras.callbacks.EarlyStopping(
                "val_loss", patience=self.patience, mode="min", restore_best_weights=True
            )
        try:
            network.train(
                rows,
                held_out,
                epochs=epochs,
                batch_size=self.batch_size,
                shuffle=self.shuffle,
                stopper=stopper,
                callbacks=checked_callbacks(self.callbacks),
                progress=progress or progress_of(self, tasks and tasks.context),
                tasks=tasks and tasks.listening_to(network, targets),
                checkpoint=checkpoint,
            )
        except KeyboardInterrupt:
            if network.has_learned:
                vars(self).update(self._fitted_attributes(network, targets))
            raise
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

    def _outputs(self, X, each=None):
        """Return the network's outputs, or what `each` makes of those for some rows at a time."""
        check_is_fitted(self)
        if is_stream(X):
            return np.concatenate([self._outputs(x, each) for x in inputs_of(X)])
        check_process()
        x = SparseRows.of(self._inputs(self._validated(X, reset=False)))
        x, _ = self._for_network(x, self._network)
        return self._network.predict(x, each=each)

    @property
    def model_(self) -> keras.Model:
        """The trained `keras.Model`, compiled, with the state of its optimizer."""
        self._check_has("model_")
        with own_settings():
            return self._whole(self._network).model

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of each epoch, `history_["loss"]`, as in scikit-learn's MLPs."""
        self._check_has("loss_curve_")
        return list(self.history_["loss"])

    def _whole(self, network):
        """Return the network from X to outputs, of which `network` may be the trained part."""
        return network

    def _models_shown(self):
        """Return Keras models that look like `model_`, one behind the other, at no great cost."""
        return [self._network._template().model]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @own_settings()
    def summary(self, X: Any | None = None, y: ArrayLike | None = None) -> None:
        """Print Keras's table of the network's layers, shapes and parameters.

        Parameters
        ----------
        X, y : array-like, default=None
            Data that determine the shapes of a network that has not been fitted; nothing is trained
            and the estimator is left unchanged.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted and no data are given.
        """
        network_shown(self, X, y).model.summary()
