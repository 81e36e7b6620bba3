"""How a user's function has compiled its network: optimizer, loss and metrics, to be made anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from skdl._networks.keras import keras
from skdl._networks.objects import metric_recipes


@dataclass(frozen=True)
class CompiledParts:
    """What was given to `compile`; defaults for a network that was not compiled."""

    optimizer: Any = "adam"
    loss: Any = "auto"
    metrics: Any = None
    extras: dict[str, Any] = field(default_factory=dict)


def compiled_parts(model: keras.Model) -> CompiledParts:
    """Return how a network was compiled."""
    if not getattr(model, "compiled", False) or not hasattr(model, "_compile_config"):
        return CompiledParts()
    given = model._compile_config.config
    extras: dict[str, Any] = {}
    if given.get("weighted_metrics"):
        extras["weighted_metrics"] = metric_recipes(_only(given["weighted_metrics"]))
    if given.get("loss_weights") is not None:
        extras["loss_weights"] = given["loss_weights"]
    if given.get("run_eagerly"):
        extras["run_eagerly"] = True
    loss, optimizer = _only(given.get("loss")), model.optimizer
    return CompiledParts(
        "adam" if optimizer is None else optimizer,
        "auto" if loss is None else loss,
        _only(given.get("metrics")),
        extras,
    )


def _only(value):
    """Return what is meant for the only output, where it is given by name or in a list."""
    if isinstance(value, dict) and len(value) == 1 and "class_name" not in value:
        return next(iter(value.values()))
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        return value[0]
    return value
