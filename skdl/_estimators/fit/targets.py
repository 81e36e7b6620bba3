"""From labels and values to the network's targets, and from its outputs back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Set
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skdl._common.caller import users_stacklevel
from skdl._common.counts import counted
from skdl._estimators.fit.given_targets import is_missing, shown, whole
from skdl._estimators.fit.scale import Scale
from skdl._networks.outputs import check_values
from skdl.exceptions import TargetsWarning

if TYPE_CHECKING:
    from skdl._engine.rows import OneHot


def checked_classes(classes: Any) -> np.ndarray:
    """Return the labels that a caller announces, sorted, each once.

    Raises
    ------
    TypeError
        If they are no array-like, such as a set, which has no order.
    ValueError
        If they are not of shape (n_classes,), some is missing, or they cannot be compared.
    """
    if isinstance(classes, str | bytes | Set | Mapping) or not hasattr(classes, "__len__"):
        raise TypeError(
            f"classes must be an array-like of shape (n_classes,), received {classes!r}. Pass a "
            "list, for instance sorted(classes) or numpy.unique(y)."
        )
    labels = np.asarray(whole(classes))
    if labels.dtype.kind in "US" and not all(isinstance(label, str | bytes) for label in classes):
        labels = np.asarray(classes, dtype=object)  # numbers among texts, which NumPy converts
    missing = [label for label in labels.ravel().tolist() if is_missing(label)]
    if labels.ndim != 1 or missing or not len(labels):
        what = f"the missing value {missing[0]!r}" if missing else f"shape {labels.shape}"
        raise ValueError(
            f"classes must hold one label or more, of shape (n_classes,), received {what}. Pass "
            "the labels that y can hold, for instance numpy.unique(y)."
        )
    try:
        return np.unique(labels)
    except TypeError as error:
        raise ValueError(
            f"classes={shown(labels)} must hold labels of one kind, all numbers or all "
            f"strings: {error}."
        ) from error


class ClassTargets:
    """Class labels: binary, multiclass or multilabel.

    Parameters
    ----------
    y : array of shape (n_samples,) or (n_samples, n_labels)
        The labels.
    classes : array, default=None
        All labels that may come, where y holds only some.
    """

    def __init__(self, y: Any, classes: Any = None):
        with warnings.catch_warnings():
            if classes is not None:  # those of some rows may well be many
                message = "The number of unique classes is greater than 50%"
                warnings.filterwarnings("ignore", message, UserWarning)
            check_classification_targets(y)
            kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            self.kind, self.n_units = "multilabel", y.shape[1]
            self.classes = np.arange(y.shape[1])
            _warn_of_one_hot(y)
            if classes is not None and not np.array_equal(checked_classes(classes), self.classes):
                raise ValueError(
                    f"classes={shown(np.asarray(classes))} must be None, or number the label "
                    f"columns of y: {shown(self.classes)}."
                )
        else:
            labels = column_or_1d(y, warn=True)
            self.classes = np.unique(labels) if classes is None else checked_classes(classes)
            if len(self.classes) < 2:
                raise ValueError(
                    "A classifier needs at least two classes in y, received only one class: "
                    f"{self.classes.tolist()!r}."
                )
            self.kind = "binary" if len(self.classes) == 2 else "multiclass"
            self.n_units = 1 if self.kind == "binary" else len(self.classes)
        self.one_hot = False

    units = None  # metrics of probabilities have none

    def learn_scale(self, y: Any, weight: np.ndarray | None) -> None:
        """Do nothing: labels have no scale."""

    def take_scale(self, other: ClassTargets) -> None:
        """Do nothing: labels have no scale."""

    def same_as(self, other: ClassTargets) -> bool:
        """Tell whether the targets of another fit are of the same kind, with the same classes."""
        return self.kind == other.kind and np.array_equal(self.classes, other.classes)

    def activation(self, output_activation: Any, loss: Any) -> str:
        """Return the activation of the output layer, which the labels alone decide."""
        return "softmax" if self.kind == "multiclass" else "sigmoid"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample's targets."""
        return () if self.kind == "multiclass" and not self.one_hot else (self.n_units,)

    def resolve_loss(self, loss: Any, metrics: Any, output_activation: Any = "auto") -> Any:
        """Return the loss for these targets, and settle their form by loss and metrics."""
        from skdl._networks.suited import check_suited, target_form

        automatic = isinstance(loss, str) and loss == "auto"
        if not automatic:
            check_suited("loss", loss, self.kind, self.n_units)
        if self.kind != "multiclass":
            return "binary_crossentropy" if automatic else loss
        self.one_hot = target_form(loss, metrics) == "one_hot"
        if not automatic:
            return loss
        return "categorical_crossentropy" if self.one_hot else "sparse_categorical_crossentropy"

    def resolve_metrics(self, metrics: Any) -> Any:
        """Return the metrics with the settings that these targets need."""
        from skdl._networks.suited import suited_metrics

        return suited_metrics(metrics, self.kind, self.n_units, self.one_hot)

    def encode(self, y: Any, dtype: str, name: str = "y") -> np.ndarray | OneHot:
        """Return the network's targets."""
        if self.kind == "multilabel":
            y = y.toarray() if issparse(y) else np.asarray(y)
            if y.ndim != 2 or y.shape[1] != self.n_units:
                raise ValueError(
                    f"{name} must have {counted(self.n_units, 'label column')} as in fit, "
                    f"received shape {y.shape}."
                )
            if not np.isin(y, (0, 1)).all():
                raise ValueError(
                    f"{name} must hold only 0 and 1, one column per label, received other values."
                )
            return y.astype(dtype)
        y = column_or_1d(y)
        unseen = sorted(set(np.unique(y)) - set(self.classes), key=repr)
        if unseen:
            raise ValueError(
                f"{name} contains labels that are not among the classes of the fit: "
                f"{shown(unseen)}. "
                "Remove these rows, or add such rows to y."
            )
        if {y.dtype.kind, self.classes.dtype.kind} == {"i", "u"}:  # else compared as floats
            y = y.astype(self.classes.dtype)
        codes = np.searchsorted(self.classes, y)
        if self.one_hot:
            from skdl._engine.rows import OneHot

            return OneHot(codes.astype(dtype), self.n_units)
        return codes.astype(dtype) if self.kind == "multiclass" else codes[:, None].astype(dtype)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability of each class, float64 of shape (n_samples, n_classes)."""
        outputs = outputs.astype(np.float64, copy=False)
        if self.kind == "binary":
            return np.hstack([1 - outputs, outputs])
        if self.kind == "multiclass":  # rows sum to 1 in float32 alone
            outputs /= outputs.sum(axis=1, keepdims=True)
        return outputs

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return labels: the most probable class, or every label above one half."""
        if self.kind == "multilabel":
            return (outputs > 0.5).astype(np.int64)
        codes = outputs[:, 0] > 0.5 if self.kind == "binary" else outputs.argmax(axis=1)
        return self.classes[codes.astype(np.intp)]

    def check_validation(self, y: Any, y_val: Any) -> None:
        """Do nothing: labels that are not among the classes are an error in `encode`."""

    def stratify(self, y: Any) -> Any:
        """Return what a split can be stratified by, None for multilabel targets."""
        return None if self.kind == "multilabel" else column_or_1d(y)

    def weights(self, class_weight: Any, y: Any, sample_weight: np.ndarray) -> np.ndarray:
        """Return new weights of rows, the given ones times those of their classes."""
        if isinstance(class_weight, dict):
            self._check_class_weight(class_weight)
        elif self.kind == "multilabel":
            y = y.toarray() if issparse(y) else np.asarray(y)
            return sample_weight * compute_sample_weight(class_weight, y)
        y = column_or_1d(y)
        present = np.unique(y)
        if isinstance(class_weight, dict):
            by_class = np.array([class_weight.get(label, 1.0) for label in present.tolist()])
        else:
            by_class = compute_class_weight(
                class_weight, classes=present, y=y, sample_weight=sample_weight
            )
        weight = sample_weight * by_class[np.searchsorted(present, y)]
        if not weight.any():
            raise ValueError(
                f"class_weight={class_weight!r} gives every row the weight 0: nothing is left to "
                "train on."
            )
        return weight

    def _check_class_weight(self, class_weight):
        if self.kind == "multilabel":
            raise ValueError(
                f"class_weight={class_weight!r} cannot be a dict for multilabel targets. Use "
                "'balanced', or give sample_weight to fit."
            )
        known = dict.fromkeys(self.classes.tolist())
        unknown = [label for label in class_weight if label not in known]
        if all(label in class_weight for label in known):
            unknown = []  # classes that are only elsewhere in the data, as for scikit-learn
        wrong = [w for w in class_weight.values() if not isinstance(w, Real) or not 0 <= w < np.inf]
        if unknown or wrong:
            what = f"has the unknown classes {unknown!r}" if unknown else f"has weights {wrong!r}"
            raise ValueError(
                f"class_weight={class_weight!r} {what}. It must map labels among "
                f"{shown(known)} to finite numbers of at least 0."
            )


def _warn_of_one_hot(y):
    """Warn of a matrix of zeros and ones that looks like one class per row."""
    if y.shape[0] > 1 and y.shape[1] > 1 and np.all(np.asarray(y.sum(axis=1)) == 1):
        warnings.warn(
            f"Every row of y has a 1 in exactly one of its {y.shape[1]} columns, but a matrix of "
            "zeros and ones is taken for several labels per row: one sigmoid per column is "
            "trained. If each row has one class, pass y.argmax(axis=1).",
            TargetsWarning,
            stacklevel=users_stacklevel(),
        )


_LARGEST_DELTA = 10.0  # hardly a value lies so many standard deviations away


class ValueTargets:
    """The values of a regression, for one output or several.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The values.
    standardized : bool, default=False
        Whether the network is trained on y less its mean, divided by its standard deviation.
    """

    def __init__(self, y: np.ndarray, standardized: bool = False):
        self.standardized = standardized
        self.output: str | None = "linear"  # Keras's name of the output layer's activation
        self.one_dimensional = y.ndim == 1
        self.n_units = 1 if y.ndim == 1 else y.shape[1]
        self.shape = (self.n_units,)
        self.scale: Scale | None = Scale.none(self.n_units) if standardized else None
        # What takes metrics to the units of y: offset and scale of each output.
        self.units: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def learn_scale(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Learn mean and standard deviation of the rows that are trained on."""
        if self.standardized:
            self.scale = Scale.of(y.reshape(len(y), -1), weight)

    def take_scale(self, other: ValueTargets) -> None:
        """Take over the scale of an earlier fit, whose weights are made for it."""
        self.scale = other.scale

    def same_as(self, other: ValueTargets) -> bool:
        """Tell whether the targets of another fit have as many outputs, in the same shape."""
        return (self.shape, self.one_dimensional) == (other.shape, other.one_dimensional)

    def resolve_loss(self, loss: Any, metrics: Any, output_activation: Any = "auto") -> Any:
        """Return the loss for these targets, and settle what the output layer can give."""
        from skdl._networks import outputs
        from skdl._networks.suited import check_suited, listed

        loss = "mean_squared_error" if isinstance(loss, str) and loss == "auto" else loss
        activation = outputs.output_activation(output_activation, loss)
        for parameter, value in (("loss", loss), *(("metrics", m) for m in listed(metrics))):
            check_suited(parameter, value, "values", self.n_units)
            outputs.check_output(activation, parameter, value, self.n_units)
        self.output = outputs.name_of(activation)
        if self.scale is not None:
            self._standardize_measures(loss, metrics)
        return loss

    def _standardize_measures(self, loss, metrics):
        """Settle the units of the metrics; warn of a Huber loss that is the squared error."""
        from skdl._networks.standardizing import delta_of, depends_on_offset

        offset = self.scale.mean if depends_on_offset(metrics) else np.zeros(self.n_units)
        self.units = tuple(offset.tolist()), tuple(self.scale.deviation.tolist())
        delta = delta_of(loss)
        if delta is not None and delta > _LARGEST_DELTA:
            warnings.warn(
                f"The delta of loss={loss!r} counts in standard deviations of y, which is "
                f"standardised: with delta={delta:g} the loss is the squared error. Use a smaller "
                "delta, or standardize_y=False for one in the units of y.",
                TargetsWarning,
                stacklevel=users_stacklevel(),
            )

    def activation(self, output_activation: Any, loss: Any) -> Any:
        """Return the activation of the output layer for a loss that was resolved."""
        from skdl._networks.outputs import output_activation as chosen

        return chosen(output_activation, loss)

    def resolve_metrics(self, metrics: Any) -> Any:
        """Return the metrics as they are."""
        return metrics

    def encode(self, y: np.ndarray, dtype: str, name: str = "y") -> np.ndarray:
        """Return the network's targets."""
        targets = y.reshape(len(y), -1)
        if targets.shape[1] != self.n_units:
            raise ValueError(
                f"{name} must have {counted(self.n_units, 'output')} as in fit, received shape "
                f"{y.shape}."
            )
        if self.scale is not None:  # in float64, before digits are lost
            targets = self.scale.standardized(targets)
        with np.errstate(over="ignore"):
            targets = targets.astype(dtype)
        if not np.isfinite(targets).all():
            raise ValueError(f"{name} contains infinity or values too large for {dtype}.")
        self._check_range(targets, name)
        return targets

    def _check_range(self, values, name):
        # Networks of earlier versions are all linear.
        check_values(values, vars(self).get("output", "linear"), name)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return predictions as float64."""
        scale = self.scale
        outputs = outputs.astype(np.float64) if scale is None else scale.undone(outputs)
        return outputs[:, 0] if self.one_dimensional else outputs

    def check_validation(self, y: np.ndarray, y_val: np.ndarray) -> None:
        """Warn where most validation targets lie far outside of those that are trained on.

        A `TransformedTargetRegressor` transforms y, but not `y_val`.
        """
        low, high = y.min(axis=0), y.max(axis=0)
        middle = np.median(y_val, axis=0)
        far = np.maximum(low - middle, middle - high) > (high - low) / 2
        if np.shape(low) == np.shape(middle) and np.any(far):
            low, high, middle = (np.ravel(each)[np.ravel(far)][0] for each in (low, high, middle))
            warnings.warn(
                f"y_val has the median {middle:.4g}, but the values of y that are trained on lie "
                f"from {low:.4g} to {high:.4g}. If y was transformed, as by a "
                "TransformedTargetRegressor, transform y_val in the same way: val_loss and early "
                "stopping mean nothing otherwise.",
                TargetsWarning,
                stacklevel=users_stacklevel(),
            )

    def stratify(self, y: Any) -> None:
        """Return None: values are not stratified."""
