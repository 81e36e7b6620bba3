"""What the outputs of a user's network are: probabilities, logits or values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl._networks.code_keys import root_package
from skdl._networks.keras import keras
from skdl._networks.suited import LINKS, identify

# Operations that hand on what they are given, one number for one.
_PASSING = ("Flatten", "Reshape", "Identity", "Dropout", "Squeeze", "Cast")
_KNOWN = {
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "MatMul": "linear",
}
# What to do with a mean of sigmoids, for one.
_UNTOLD = (
    " If they are probabilities already, say so by a loss that takes those, such as "
    "loss='binary_crossentropy' or 'sparse_categorical_crossentropy'."
)


def output_activation(model: keras.Model, traced: Callable[[], str]) -> str | None:
    """Return "linear", "sigmoid", "softmax" or another name; None where it cannot be told.

    Parameters
    ----------
    model : keras.Model
        Built.
    traced : callable
        Returns the type of TensorFlow's operation that makes the outputs; called where the
        layers do not tell.
    """
    try:
        found = _activation_of(model.outputs[0])
    except AttributeError:  # a network that is a class of its own
        found = None
    return found or _KNOWN.get(traced())


def _activation_of(tensor):
    operation, node, index = tensor._keras_history
    if getattr(operation, "outputs", None) and isinstance(operation, keras.Model):
        return _activation_of(operation.outputs[index])
    name = type(operation).__name__
    activation = getattr(operation, "activation", None)
    if activation is not None and not isinstance(operation, keras.layers.RNN):
        if root_package(activation) != "keras":  # what the user's own computes is traced
            return None
        return "linear" if activation is keras.activations.linear else _name(activation)
    if name in {"Softmax", "Sigmoid"}:
        return name.lower()
    if name in _PASSING:
        return _activation_of(operation._inbound_nodes[node].input_tensors[0])
    return None


def _name(activation):
    return getattr(activation, "__name__", type(activation).__name__.lower())


def takes_logits(loss: Any) -> bool | None:
    """Tell whether a loss takes logits, None for one that is no cross-entropy of Keras.

    Partial functions of Keras's own, and subclasses that compute the same, are such, too.
    """
    name, settings = identify("loss", loss)
    if name is None or "crossentropy" not in name.replace("_", ""):
        return None
    return bool(settings.get("from_logits", False))


def link_of(activation: str | None, loss: Any, kind: str, name: str) -> str | None:
    """Return "sigmoid" or "softmax", to be applied to a classifier's outputs, or None.

    Parameters
    ----------
    activation : str or None
        Of the outputs.
    loss : object
        As the user gave it, or "auto".
    kind : str
        "binary" (one unit), "multiclass" or "multilabel".
    name : str
        Of the function, for error messages.

    Raises
    ------
    ValueError
        If outputs and loss do not go together, or cannot be told apart.
    """
    wanted = LINKS[kind]
    logits = None if isinstance(loss, str) and loss == "auto" else takes_logits(loss)
    if activation == "linear":
        if logits is False:
            raise ValueError(
                f"The outputs of model={name} are linear, but loss={loss!r} takes probabilities. "
                f"Let the last layer have activation={wanted!r}, use loss='auto', or a loss with "
                "from_logits=True."
            )
        return wanted
    if logits:
        if activation in {"sigmoid", "softmax"}:
            raise ValueError(
                f"The outputs of model={name} are probabilities ({activation}), but loss={loss!r} "
                "takes logits. Leave out from_logits=True, or the last activation."
            )
        return wanted
    if activation is None and logits is False:  # the loss says that they are probabilities
        return None
    allowed = {"sigmoid"} if kind != "multiclass" else {"softmax"}
    if kind == "multiclass" and not (isinstance(loss, str) and loss == "auto"):
        allowed.add("sigmoid")  # one unit per class, each for itself
    if activation not in allowed:
        what = "cannot be told from its layers" if activation is None else f"is {activation!r}"
        raise ValueError(
            f"The activation of the outputs of model={name} {what}; for {kind} targets it must be "
            f"{wanted!r}, or 'linear' for logits. Let the last layer be "
            f"keras.layers.Activation({wanted!r}), or keras.layers.Activation('linear') after "
            f"logits.{_UNTOLD if activation is None else ''}"
        )
    return None


def loss_for_logits(kind: str, one_hot: bool) -> keras.losses.Loss:
    """Return the cross-entropy of logits, for targets of a kind."""
    if kind != "multiclass":
        return keras.losses.BinaryCrossentropy(from_logits=True)
    if one_hot:
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
