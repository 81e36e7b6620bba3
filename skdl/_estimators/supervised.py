"""The two kinds of estimators: those that predict classes, and those that predict values."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import type_of_target

from skdl._estimators.base import BaseNetwork
from skdl._estimators.fit.targets import ClassTargets, ValueTargets
from skdl._networks.settings import own_settings
from skdl._sklearn import StrOptions, fit_context


class NetworkClassifier(ClassifierMixin, BaseNetwork):
    """Predicting classes: labels from probabilities."""

    classes_: NDArray

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
        return self._partial_fit(X, y, classes, sample_weight)

    @own_settings()
    def predict(self, X: Any) -> NDArray:
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

    @own_settings()
    def predict_proba(self, X: Any) -> NDArray:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`, float64, computed in `dtype`. Rows sum to 1, except for
            multilabel targets, where each label has its own probability.
        """
        outputs = self._outputs(X)
        return self._targets.probabilities(outputs)

    @own_settings()
    def predict_log_proba(self, X: Any) -> NDArray:
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
    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
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

    @own_settings()
    def predict(self, X: Any) -> NDArray:
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
