"""What the diagrams of estimators that hold networks have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sklearn.base import BaseEstimator

from skdl._estimators.diagram.attributes import NetworkAttributes, with_planned_network


class NetworkShown(BaseEstimator):
    """An estimator whose diagram shows its network, which is not built for it."""

    def _models_shown(self) -> list[Any]:
        """Return Keras models that look like the fitted network, one behind the other."""
        raise NotImplementedError

    def _members_shown(self) -> int:
        """Return of how many such networks the estimator consists."""
        return 1

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        """Return what scikit-learn's diagram shows of the parameters."""
        return with_planned_network(super()._get_params_html(*args, **kwargs), self)

    def _get_fitted_attr_html(self, doc_link: str = "") -> NetworkAttributes:
        """Return what scikit-learn's diagram shows of a fitted estimator."""
        if not self.__sklearn_is_fitted__():
            return NetworkAttributes(self, [], doc_link)
        return NetworkAttributes(self, self._models_shown(), doc_link, self._members_shown())

    def __sklearn_is_fitted__(self) -> bool:
        raise NotImplementedError

    def __dir__(self) -> Iterable[str]:
        # scikit-learn's asks for every attribute, which would build the Keras model.
        known = {"model_": self.__sklearn_is_fitted__()}
        names = object.__dir__(self)
        return [name for name in names if known.get(name) or hasattr(self, name)]
