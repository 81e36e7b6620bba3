"""The output layer of a regressor: which activation follows from the loss, what values it gives."""

from __future__ import annotations

from typing import Any

import numpy as np

_INF = float("inf")
# Where the loss needs more than any number: the activation, and the least and largest output.
_BY_LOSS: dict[str | None, tuple[str, float, float]] = {
    "poisson": ("exponential", 0.0, _INF),  # of the mean, its logarithm is learned
    "mean_squared_logarithmic_error": ("exponential", 0.0, _INF),
    "binary_crossentropy": ("sigmoid", 0.0, 1.0),
    "kl_divergence": ("softmax", 0.0, 1.0),
}
_RANGES: dict[str | None, tuple[float, float]] = {
    "elu": (-1.0, _INF),
    "exponential": (0.0, _INF),
    "hard_sigmoid": (0.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "linear": (-_INF, _INF),
    "log_sigmoid": (-_INF, 0.0),
    "log_softmax": (-_INF, 0.0),
    "relu": (0.0, _INF),
    "relu6": (0.0, 6.0),
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "softplus": (0.0, _INF),
    "softsign": (-1.0, 1.0),
    "sparse_plus": (0.0, _INF),
    "sparse_sigmoid": (0.0, 1.0),
    "sparsemax": (0.0, 1.0),
    "squareplus": (0.0, _INF),
    "tanh": (-1.0, 1.0),
}
_SUMMING_TO_ONE = {"softmax", "sparsemax"}


def output_activation(given: Any, loss: Any) -> Any:
    """Return the activation of a regressor's output layer; "auto" follows from the loss."""
    from skdl._networks.objects import named_activation
    from skdl._networks.suited import identify

    if not (isinstance(given, str) and given == "auto"):
        return named_activation(given)
    known = _BY_LOSS.get(identify("loss", loss)[0])
    return "linear" if known is None else known[0]


def check_output(activation: Any, parameter: str, value: Any, n_units: int) -> None:
    """Raise a ValueError if a loss or metric cannot be computed from what an activation gives."""
    from skdl._networks.suited import identify

    if n_units == 1 and name_of(activation) in {*_SUMMING_TO_ONE, "log_softmax", "glu"}:
        raise ValueError(
            f"output_activation={activation!r} compares the outputs of a row with one another, "
            "and there is only one. Use 'sigmoid' for values from 0 to 1."
        )
    needed = _BY_LOSS.get(identify(parameter, value)[0])
    found = output_range(activation)
    if needed is None or found is None:
        return
    follows, low, high = needed
    if found[0] < low or found[1] > high:
        raise ValueError(
            f"{parameter}={value!r} needs outputs {_words(low, high)}, but those of "
            f"output_activation={activation!r} are {_words(*found)}. Use output_activation="
            f"{follows!r}."
        )


def output_range(activation: Any) -> tuple[float, float] | None:
    """Return the least and the largest output of an activation of Keras; None if not known."""
    return _RANGES.get(name_of(activation))


def beyond(y: np.ndarray, activation: Any, slack: float = 0.0) -> np.ndarray:
    """Return the values that an activation cannot give, not even but for `slack`."""
    low, high = output_range(activation) or (-_INF, _INF)
    return y[(y < low - slack) | (y > high + slack)]


def range_in_words(activation: Any) -> str:
    """Return the range of an activation's outputs, such as "from 0 to 1"."""
    return _words(*(output_range(activation) or (-_INF, _INF)))


def check_values(y: np.ndarray, activation: str | None, name: str) -> None:
    """Raise a ValueError if targets of shape (n_samples, n_outputs) can never be predicted."""
    low, high = output_range(activation) or (-_INF, _INF)
    outside = beyond(y, activation)
    if len(outside):
        raise ValueError(
            f"{name} must hold values {_words(low, high)}, which are all that the output "
            f"activation {name_of(activation)!r} gives (it follows from loss, or is "
            f"output_activation), received {outside[0].item()!r}. Change these values, or use "
            "another loss or output_activation."
        )
    sums = y.sum(axis=1, dtype=np.float64)
    if name_of(activation) in _SUMMING_TO_ONE and not np.allclose(sums, 1, rtol=0, atol=1e-3):
        wrong = sums[np.argmax(np.abs(sums - 1))].item()
        raise ValueError(
            f"{name} must hold rows that sum to 1, as the outputs of {name_of(activation)!r} do, "
            f"received a row that sums to {wrong:.6g}. Divide each row by its sum."
        )


def name_of(activation: Any) -> str | None:
    """Return the name of an activation of Keras, None for what users write."""
    if isinstance(activation, str):
        return activation
    ours = (getattr(activation, "__module__", None) or "").partition(".")[0] == "keras"
    return getattr(activation, "__name__", None) if ours else None


def _words(low: float, high: float) -> str:
    if low == -_INF:
        return "of any size" if high == _INF else f"of at most {high:g}"
    return f"of at least {low:g}" if high == _INF else f"from {low:g} to {high:g}"
