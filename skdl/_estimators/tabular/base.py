"""What both estimators for tables share: encoding, members, their mean."""

from __future__ import annotations

import itertools
import math
from copy import copy
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, check_X_y

from skdl._common.arguments import ExplainedArguments
from skdl._common.counts import counted
from skdl._common.documentation import DocumentationLink
from skdl._common.mistaken import check_is_table
from skdl._common.processes import check_process
from skdl._common.seeds import fit_seed
from skdl._common.versions import PickledWithVersions
from skdl._estimators.base import BaseNetwork
from skdl._estimators.dense import HIDDEN_LAYERS
from skdl._estimators.diagram.shown import NetworkShown
from skdl._estimators.fit.fitting import Fitting
from skdl._estimators.fit.given_targets import check_given, whole
from skdl._estimators.fit.place import progress_of
from skdl._estimators.fit.samples import Samples, largest_is_one
from skdl._estimators.fitted_model import HoldsModel
from skdl._estimators.tabular.folds import held_out_rows
from skdl._networks.builders.ensemble import build_dense_ensemble
from skdl._networks.settings import own_settings
from skdl._sklearn import Interval, StrOptions, fit_context, parent_task
from skdl._transformers.table_columns import rows_of
from skdl._transformers.table_encoder import TableEncoder, checked_table

if TYPE_CHECKING:
    import keras

# Rows of a training step, where "auto" decides: a power of two within these.
_SMALLEST_BATCH, _LARGEST_BATCH, _STEPS = 32, 256, 40
# Predictions of rows left out are kept up to this part of the memory, computed so many at a time.
_OOF_SHARE, _OOF_ROWS = 4, 8192


class TabularNetworks(
    HoldsModel,
    ExplainedArguments,
    DocumentationLink,
    PickledWithVersions,
    NetworkShown,
    BaseEstimator,
):
    """An ensemble of small dense networks on the encoded columns of a table."""

    encoder_: TableEncoder
    members_: list[Any]
    oof_predictions_: NDArray
    _targets: Any
    n_outputs_: int
    n_features_in_: int
    feature_names_in_: NDArray

    _parameter_constraints: dict = {
        **HIDDEN_LAYERS,
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "n_bins": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"})],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "learning_rate": BaseNetwork._parameter_constraints["learning_rate"][:1],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @classmethod
    def _advice_on_argument(cls, method: str, unknown: str) -> str:
        """Say what the ensemble does by itself."""
        if unknown in {"early_stopping", "validation_split"}:
            return "Each member is stopped early by the rows that it leaves out; set patience."
        return ""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn how to encode the columns, and train the members.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels or, for several labels per row, a matrix of zeros and ones; values
            for a regressor.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Rows of weight 0 are left out.

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
        """
        with self._as_before_if_it_fails():
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        check_is_table(X, y)
        seed = fit_seed(self.random_state)
        encoder = TableEncoder(categorical_features=self.categorical_features, n_bins=self.n_bins)
        table = encoder.checked(X, reset=True)
        samples = self._check_targets(table, y, sample_weight)
        fitting = Fitting(self, going_on=False)
        fitting.learn_targets(samples.y)
        n_given, samples = len(samples), fitting.weigh(samples)
        fitting.learn_scale(samples)
        targets = fitting.targets
        if len(samples) < n_given:
            table = rows_of(table, samples.positions)
        samples = replace(samples, X=np.asarray(encoder.learn(table)))
        members, held_out = self._train_members(samples, targets, seed)
        self.encoder_, self.members_, self._targets = encoder, members, targets
        self.n_features_in_, self.n_outputs_ = encoder.n_features_in_, targets.n_units
        vars(self).pop("feature_names_in_", None)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        vars(self).update(self._own_attributes(targets))
        self._joined = self._join()
        from skdl._engine.device import memory_bytes

        vars(self).pop("oof_predictions_", None)
        if self._n_oof_bytes(n_given) <= memory_bytes() / _OOF_SHARE:
            self.oof_predictions_ = self._predict_held_out(X, samples, held_out, n_given)

    def _check_targets(self, table, y, sample_weight):
        """Return y and the weights, checked, and where each row stands."""
        check_given(y, "y", are_numbers=is_regressor(self))
        y = y if is_regressor(self) else whole(y)
        rows = np.zeros((len(table), 1))
        _, y = check_X_y(
            rows, y, multi_output=True, y_numeric=is_regressor(self), estimator=type(self).__name__
        )
        weight = largest_is_one(sample_weight, rows, len(table))
        return Samples(None, y, weight, np.arange(len(table)))

    def _train_members(self, samples, targets, seed):
        """Return the trained members, and the positions of the rows that each left out."""
        labels = targets.stratify(samples.y)
        held_out = held_out_rows(labels, len(samples), self.n_members, seed)
        seeds = np.random.SeedSequence(seed).spawn(1)[0].generate_state(self.n_members) >> 1
        train = delayed(self._train_member)
        members = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            train(samples, targets, rows, int(member_seed), self._progress_of_member(i))
            for i, (rows, member_seed) in enumerate(zip(held_out, seeds, strict=True), 1)
        )
        return members, held_out

    def _progress_of_member(self, number):
        return progress_of(self, parent_task(self), f"member {number} of {self.n_members}")

    def _train_member(self, samples, targets, held_out, seed, progress):
        """Return a network that was trained on the other rows and stopped by those held out."""
        member = self._new_member(
            self.hidden_layer_sizes,
            dropout=self.dropout,
            epochs=self.epochs,
            batch_size=self._batch_rows(len(samples)),
            early_stopping=True,
            patience=self.patience,
            learning_rate=self.learning_rate,
            random_state=seed,
            verbose=self.verbose,
        )
        kept = np.setdiff1d(np.arange(len(samples)), held_out)
        fitting = Fitting(member, going_on=False)
        fitting.targets = copy(targets)
        fitting.begin()
        network = fitting.make_network(samples.X)
        training, stopping = (
            fitting.encode(samples.X[rows], samples.take(rows)) for rows in (kept, held_out)
        )
        member.n_features_in_ = samples.X.shape[1]
        return member._train(
            network, fitting.targets, training, stopping, self.epochs, True, progress=progress
        )

    def _batch_rows(self, n_rows):
        if self.batch_size != "auto":
            return self.batch_size
        nearest = 2 ** round(math.log2(n_rows / _STEPS))
        return int(np.clip(nearest, _SMALLEST_BATCH, _LARGEST_BATCH))

    def _join(self):
        """Return one network that is the mean of the members, with copies of their weights."""
        from skdl._engine.network import Network

        networks = [member._network for member in self.members_]
        first = networks[0]
        arguments = {**first.config.arguments, "n_members": len(networks)}
        weights = [network.get_weights() for network in networks]
        shapes = [[values.shape for values in each] for each in weights]
        if any(each != shapes[0] for each in shapes):
            raise ValueError("The members differ in their layers, so that they have no mean.")
        return Network(
            first.config.rebuilt(build_dense_ensemble, arguments),
            first.target_shape,
            first.seed,
            given=dict(enumerate(itertools.chain(*weights))),
        )

    def _predict_held_out(self, X, samples, held_out, n_given):
        """Return for each row given to fit the mean prediction of those that it did not train.

        The result is the only array of its size.
        """
        total, count = np.zeros((n_given, self._targets.n_units)), np.zeros((n_given, 1))
        for member, held in zip(self.members_, held_out, strict=True):
            for rows in _parts(held):
                positions = samples.positions[rows]
                total[positions] += member._network.predict(samples.X[rows])
                count[positions] += 1
        left_out = np.setdiff1d(np.arange(n_given), samples.positions)  # of weight 0
        if len(left_out):
            encoded = self.encoder_.encode(checked_table(self, X, reset=False))
            for rows in _parts(left_out):
                total[rows], count[rows] = self._joined.predict(encoded[rows]), 1
        with np.errstate(invalid="ignore"):
            total /= count
            return self._decode_held_out(total)

    def _n_oof_bytes(self, n_rows):
        n_columns = max(self.n_outputs_, 2) if is_classifier(self) else self.n_outputs_
        return n_rows * n_columns * np.dtype(np.float64).itemsize

    def __getattr__(self, name: str) -> Any:
        """Say why there are no predictions of the rows left out, where they were too many."""
        if name == "oof_predictions_" and "members_" in vars(self):
            raise AttributeError(
                f"This {type(self).__name__} has no attribute 'oof_predictions_': for "
                f"{counted(self.n_outputs_, 'output')} a row it would have taken more than a "
                "quarter of the "
                "memory. Fit it on fewer rows, or predict rows that were not given to fit."
            )
        return object.__getattribute__(self, name)  # which raises what a property has to say

    def _outputs(self, X, each=None):
        check_is_fitted(self)
        check_process()
        if "_joined" not in vars(self):  # of a pickle
            self._joined = self._join()
        table = checked_table(self, X, reset=False)
        return self._joined.predict(self.encoder_.encode(table), each=each)

    @property
    def model_(self) -> keras.Model:
        """The mean of the members as one compiled `keras.Model` on encoded columns; a copy."""
        self._check_has("model_")
        with own_settings():
            return self._join().model

    def _models_shown(self):
        """Return Keras models that look like one of the members."""
        return self.members_[0]._models_shown()

    def _members_shown(self):
        return len(self.members_)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_joined", None)  # made of the members
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "members_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    """Return positions of rows, so many at a time as are predicted together."""
    return [rows[start : start + _OOF_ROWS] for start in range(0, len(rows), _OOF_ROWS)]
