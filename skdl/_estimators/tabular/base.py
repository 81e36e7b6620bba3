"""What both estimators for tables share: encoding, members, their mean."""

from __future__ import annotations

import threading
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils.validation import check_is_fitted, check_X_y

from skdl._common.arguments import ExplainedArguments
from skdl._common.documentation import DocumentationLink
from skdl._common.interrupts import interrupts_as_raised
from skdl._common.processes import check_process
from skdl._common.restoring import as_before_if_it_fails
from skdl._common.seeds import fit_seed
from skdl._common.versions import PickledWithVersions
from skdl._estimators.dense import HIDDEN_LAYERS
from skdl._estimators.fit.fitting import Fitting
from skdl._estimators.fit.samples import Samples, checked_weight
from skdl._estimators.fit.targets import check_no_texts
from skdl._estimators.tabular.folds import held_out_rows
from skdl._networks.builders.ensemble import build_dense_ensemble
from skdl._networks.settings import own_settings
from skdl._sklearn import Interval, StrOptions, fit_context
from skdl._transformers.table_encoder import TableEncoder

if TYPE_CHECKING:
    import keras

    from skdl._engine.network import Network

# Rows of a training step, where "auto" decides: a power of two within these.
_SMALLEST_BATCH, _LARGEST_BATCH, _STEPS = 32, 256, 40


class TabularNetworks(ExplainedArguments, DocumentationLink, PickledWithVersions, BaseEstimator):
    """An ensemble of small dense networks on the encoded columns of a table."""

    encoder_: TableEncoder
    members_: list[Any]
    oof_predictions_: NDArray
    n_outputs_: int
    n_features_in_: int
    feature_names_in_: NDArray

    _parameter_constraints: dict = {
        **HIDDEN_LAYERS,
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "n_bins": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"})],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the columns and train the members.

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
            If a parameter or the data are not as described; the message says what to do.
        skdl.exceptions.NonFiniteLossError
            If the loss or a weight becomes NaN or infinite.
        """
        check_process()
        with own_settings(), as_before_if_it_fails(self), interrupts_as_raised():
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        seed = fit_seed(self.random_state)
        encoder = TableEncoder(categorical_features=self.categorical_features, n_bins=self.n_bins)
        samples = self._checked(X, y, sample_weight, encoder)
        targets = self._make_targets(samples.y)
        samples = self._weighed(samples, targets)
        n_rows, kept = len(samples), samples.positions
        n_given = len(kept)
        if n_rows < n_given:
            raise AssertionError
        held_out = held_out_rows(targets.stratify(samples.y), n_rows, self.n_members, seed)
        seeds = np.random.SeedSequence(seed).spawn(1)[0].generate_state(self.n_members)
        train = delayed(self._train_member)
        members = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            train(samples, rows, int(member_seed >> 1))
            for rows, member_seed in zip(held_out, seeds, strict=True)
        )
