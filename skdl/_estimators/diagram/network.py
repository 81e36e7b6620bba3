"""The network whose layers an estimator shows before it is fitted, or after."""

from __future__ import annotations

from typing import Any

from sklearn.exceptions import NotFittedError


def network_shown(estimator: Any, X: Any = None, y: Any = None) -> Any:
    """Return the fitted network of an estimator, or that which it would train on X and y."""
    if hasattr(estimator, "_network"):
        return estimator._whole(estimator._network)
    if X is None or y is None:
        raise NotFittedError(
            f"The shapes of this {type(estimator).__name__} are not known before fit. "
            "Call summary(X, y) with the data, or fit first."
        )
    estimator._validate_params()
    unfitted = type(estimator)(**estimator.get_params(deep=False))
    X, y = unfitted._check_rows(X, y, reset=True)
    targets, x = unfitted._make_targets(y), unfitted._learn_inputs(X)
    return unfitted._whole(unfitted._new_network(x, targets, 0))
