"""The two kinds of estimators of one network: of classes, and of values."""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import type_of_target

from skdl._estimators.base import BaseNetwork
from skdl._estimators.fit.targets import ClassTargets, ValueTargets
from skdl._estimators.predictions import ClassPredictions, ValuePredictions
from skdl._sklearn import StrOptions, fit_context


class NetworkClassifier(ClassPredictions, ClassifierMixin, BaseNetwork):
    """Learning classes, all at once or part by part."""

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def _make_targets(self, y, classes=None):
        return ClassTargets(y, classes)

    def _partial_fit(self, X, y, classes, sample_weight):
        first = classes is None and not hasattr(self, "_network")
        if first and not type_of_target(y).startswith("multilabel"):
            raise ValueError("classes must be given on the first call to partial_fit.")
        return super()._partial_fit(X, y, classes, sample_weight)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one more epoch on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; required in the first call, unless y is multilabel.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, scaled to a mean of 1 within this call.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call, or differs in a later one.
        """
        return self._partial_fit(X, y, classes, sample_weight)


class NetworkRegressor(ValuePredictions, RegressorMixin, BaseNetwork):
    """Learning values, all at once or part by part."""

    def _make_targets(self, y, classes=None):
        return ValueTargets(y)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one more epoch on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, scaled to a mean of 1 within this call.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, None, sample_weight)
