"""Targets of a network that its user builds: as many units as it has, of either form."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from skdl._common.caller import users_stacklevel
from skdl._common.counts import counted
from skdl._estimators.fit.targets import ClassTargets, ValueTargets
from skdl._networks.outputs import beyond, range_in_words
from skdl.exceptions import TargetsWarning


class OwnClassTargets(ClassTargets):
    """Class labels, for one sigmoid unit or two softmax units, probabilities or logits."""

    def __init__(self, y: Any, classes: Any = None):
        super().__init__(y, classes)
        self.link: str | None = None  # "sigmoid" or "softmax" where the outputs are logits
        self.each_for_itself = False  # whether classes have sigmoid units
        self.by_loss = False  # whether the loss alone says that the outputs are probabilities

    @property
    def asked_for(self) -> tuple[int, str]:
        """Number and activation of the units that a function is asked for."""
        if self.kind != "multilabel" and len(self.classes) == 2:
            return 1, "sigmoid"
        return self.n_units, "softmax" if self.kind == "multiclass" else "sigmoid"

    def fit_to(self, shape: tuple, name: str) -> None:
        """Take the form of a network's outputs; two classes may have one unit or two."""
        if len(self.classes) == 2 and self.kind != "multilabel" and shape[1:] == (2,):
            self.kind, self.n_units = "multiclass", 2
        what = {
            "binary": "1 unit (sigmoid) or 2 units (softmax) for two classes",
            "multiclass": f"{counted(self.n_units, 'unit')}, one per class",
            "multilabel": f"{counted(self.n_units, 'unit')}, one per label",
        }[self.kind]
        _check_units(shape, self.n_units, what, name)

    def resolve_loss(self, loss: Any, metrics: Any, output_activation: Any = "auto") -> Any:
        """Return the loss for these targets, and settle their form by loss and metrics."""
        from skdl._networks.custom.outputs import loss_for_logits
        from skdl._networks.suited import check_suited_to_logits, target_form

        if self.link is None:
            return super().resolve_loss(loss, metrics)
        automatic = isinstance(loss, str) and loss == "auto"
        if not automatic:
            check_suited_to_logits(loss, self.kind, self.n_units)
        if self.kind == "multiclass":
            self.one_hot = target_form(loss, metrics) == "one_hot"
        return loss_for_logits(self.kind, self.one_hot) if automatic else loss

    def resolve_metrics(self, metrics: Any) -> Any:
        """Return the metrics with the settings that these targets need."""
        from skdl._networks.suited import suited_metrics

        logits = self.link is not None
        return suited_metrics(metrics, self.kind, self.n_units, self.one_hot, logits)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability of each class, of shape (n_samples, n_classes)."""
        found = self._linked(outputs)
        if self.each_for_itself:
            total = found.sum(axis=1, keepdims=True)
            known = total > 0
            found = np.where(known, found / np.where(known, total, 1), 1 / found.shape[1])
        return super().probabilities(found)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return labels: the most probable class, or every label above one half."""
        return super().decode(self._linked(outputs))

    def _linked(self, outputs):
        if self.link is None:
            if getattr(self, "by_loss", False):  # which pickles of before have not
                _check_probabilities(outputs)
            return outputs
        outputs = outputs.astype(np.promote_types(outputs.dtype, np.float32), copy=False)
        return expit(outputs) if self.link == "sigmoid" else softmax(outputs, axis=1)

    def same_as(self, other: ClassTargets) -> bool:
        """Tell whether these are the same classes, whatever units a network has for them."""
        labels = (self.kind == "multilabel") == (other.kind == "multilabel")
        return labels and np.array_equal(self.classes, other.classes)


def _check_probabilities(outputs):
    outside = beyond(outputs, "sigmoid", slack=1e-5)
    if len(outside):
        raise ValueError(
            f"The network returned {outside[0].item():g}, but its loss takes its outputs for "
            "probabilities, from 0 to 1. Let the last layer give those, or give logits a loss with "
            "from_logits=True."
        )


class OwnValueTargets(ValueTargets):
    """Values, one per unit."""

    kind = "values"
    link = None

    @property
    def asked_for(self) -> tuple[int, str]:
        """Number and activation of the units that a function is asked for."""
        return self.n_units, "linear"

    def resolve_loss(self, loss: Any, metrics: Any, output_activation: Any = "auto") -> Any:
        """Return the loss for these targets; the function's own output layer is taken as it is."""
        from skdl._networks.suited import check_suited, listed

        loss = "mean_squared_error" if isinstance(loss, str) and loss == "auto" else loss
        for parameter, value in (("loss", loss), *(("metrics", m) for m in listed(metrics))):
            check_suited(parameter, value, "values", self.n_units)
        return loss

    def _check_range(self, values, name):
        """Warn of values that the network's last activation, which is the user's, cannot give."""
        outside = beyond(values, self.output, slack=1e-6)  # as rounding leaves
        if name != "y" or not len(outside):
            return
        warnings.warn(
            f"The network ends in {self.output!r}, which gives values "
            f"{range_in_words(self.output)}, but {len(outside)} of "
            f"{counted(values.size, 'value')} of y, such "
            f"as {outside[0].item():g}, are not: they are never predicted. Let it end in a layer "
            "without an activation, such as keras.layers.Dense(1), or bring y into that range, for "
            "instance with TransformedTargetRegressor(..., transformer=MinMaxScaler()).",
            TargetsWarning,
            stacklevel=users_stacklevel(),
        )

    def fit_to(self, shape: tuple, name: str) -> None:
        """Check the form of a network's outputs."""
        what = f"{self.n_units} unit{'s'[: self.n_units > 1]}, one per value in a row of y"
        _check_units(shape, self.n_units, what, name)


def _check_units(shape, n_units, what, name):
    if len(shape) != 2:
        raise ValueError(
            f"model={name} returned a network with outputs of shape {shape}, but must return "
            f"{what}: outputs of shape (None, {n_units})."
        )
    if shape[1] != n_units:
        raise ValueError(
            f"model={name} returned a network with {counted(shape[1], 'output unit')}, but must "
            "return "
            f"{what}. A function that names n_outputs is given the number."
        )


_SCIKERAS_KINDS = {"multilabel": "multilabel-indicator"}


def scikeras_meta(estimator: Any, X: Any, targets: Any) -> dict[str, Any]:
    """Return what scikeras calls `meta`: facts about X and y that a function may need."""
    several = targets.kind == "multilabel"
    kind = "binary" if targets.asked_for == (1, "sigmoid") and not several else targets.kind
    if kind == "values":
        several = not targets.one_dimensional
        kind = "continuous-multioutput" if several else "continuous"
    n_features = estimator.n_features_in_
    meta = {
        "n_features_in_": n_features,
        "X_shape_": (X.shape[0], n_features) if X.shape[1:] == () else tuple(X.shape),
        "X_dtype_": np.dtype(getattr(X, "dtype", np.float64)),
        "target_type_": _SCIKERAS_KINDS.get(kind, kind),
        "y_ndim_": 2 if several else 1,
        "n_outputs_": targets.n_units if several else 1,
        "n_outputs_expected_": 1,
    }
    if hasattr(estimator, "feature_names_in_"):
        meta["feature_names_in_"] = estimator.feature_names_in_
    if hasattr(targets, "classes"):
        meta |= {"classes_": targets.classes, "n_classes_": len(targets.classes)}
    return meta
