"""Whether a regressor's network is trained on standardised y, by its loss and output layer."""

from __future__ import annotations

from typing import Any

from skdl._networks.outputs import name_of, output_activation, output_range

# Losses whose best network is the same for standardised y, or (the last two) a sensible one
# whatever the units of y are.
_OF_ANY_UNITS = {"mean_squared_error", "mean_absolute_error", "huber", "log_cosh"}
# Metrics that are the same whatever is added to targets and outputs alike.
_OF_DIFFERENCES = {*_OF_ANY_UNITS, "R2Score", "RootMeanSquaredError"}
_INF = float("inf")


def standardizes(asked: bool | str, loss: Any, output: Any) -> bool:
    """Tell whether y is standardised for a loss and an output activation.

    Parameters
    ----------
    asked : bool or "auto"
        The parameter `standardize_y`.
    loss : str, dict or callable
        The parameter `loss`.
    output : str, dict or callable
        The parameter `output_activation`.

    Raises
    ------
    ValueError
        If it is asked for where it has no meaning.
    """
    from skdl._networks.suited import identify

    if asked is False:
        return False
    loss = "mean_squared_error" if isinstance(loss, str) and loss == "auto" else loss
    name, activation = identify("loss", loss)[0], output_activation(output, loss)
    if isinstance(asked, str):  # "auto"
        return name in _OF_ANY_UNITS and name_of(activation) == "linear"
    if output_range(activation) not in {None, (-_INF, _INF)}:
        raise ValueError(
            f"standardize_y=True needs outputs of any size, which output_activation="
            f"{activation!r} does not give (it follows from loss={loss!r}, or was set). Use "
            "standardize_y='auto' or output_activation='linear'."
        )
    if name == "mean_absolute_percentage_error":
        raise ValueError(
            f"standardize_y=True cannot be used with loss={loss!r}, which divides by y: "
            "standardised, many values are near 0. Use standardize_y='auto', or another loss."
        )
    return True


def depends_on_offset(metrics: Any) -> bool:
    """Tell whether a metric may change where the same is added to targets and outputs."""
    from skdl._networks.suited import identify, listed

    return any(identify("metrics", each)[0] not in _OF_DIFFERENCES for each in listed(metrics))


def delta_of(loss: Any) -> float | None:
    """Return where a Huber loss becomes linear, None for other losses."""
    from skdl._networks.suited import identify

    name, settings = identify("loss", loss)
    return settings.get("delta", 1.0) if name == "huber" else None
