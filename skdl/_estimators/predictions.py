"""From a network's outputs to what scikit-learn expects: labels, probabilities, values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skdl._common.arguments import ExplainedArguments
from skdl._networks.settings import own_settings


class ClassPredictions(ExplainedArguments):
    """Labels and probabilities from the outputs of an estimator's network or networks."""

    classes_: NDArray
    _outputs: Callable[..., NDArray]
    _targets: Any

    @own_settings()
    def predict(self, X: Any) -> NDArray:
        """Return the predicted labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs of the kind that `fit` was given.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable class of each row or, for multilabel targets, each label whose
            probability is at least 0.5.
        """
        check_is_fitted(self)
        # Some rows at a time: outputs for very many classes are larger than X.
        return self._outputs(X, self._targets.decode)

    @own_settings()
    def predict_proba(self, X: Any) -> NDArray:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs of the kind that `fit` was given.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`, float64, computed in `dtype`. Rows sum to 1,
            except for multilabel targets, where each label has its own probability.
        """
        check_is_fitted(self)
        return self._outputs(X, self._targets.probabilities)

    @own_settings()
    def predict_log_proba(self, X: Any) -> NDArray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs of the kind that `fit` was given.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Logarithms in the order of `classes_`; minus infinity where a probability is 0.
        """
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(found, out=found)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class ValuePredictions(ExplainedArguments):
    """Values from the outputs of an estimator's network or networks."""

    _outputs: Callable[..., NDArray]
    _targets: Any

    @own_settings()
    def predict(self, X: Any) -> NDArray:
        """Return the predicted values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs of the kind that `fit` was given.

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
