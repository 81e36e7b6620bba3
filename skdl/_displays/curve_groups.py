"""Which networks are drawn as one mean, and what their curves are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdl._displays.search_labels import tick_labels
from skdl._networks.full_config import full_config

# Fits that differ in nothing else are fits of the same network.
_LEFT_OUT = "random_state"


def labels_by_parameters(estimators: Sequence[Any], nets: Sequence[Any]) -> list[str] | None:
    """Return a label per network, the same where the parameters are equal, None if all are.

    Parameters
    ----------
    estimators : sequence of estimators
        As they were given, such as Pipelines or searches.
    nets : sequence of estimators
        The networks in them.
    """
    pairs = zip(estimators, nets, strict=True)
    described = [{**_parameters(net), **_parameters(outer, "outer ")} for outer, net in pairs]
    names = dict.fromkeys(name for parameters in described for name in parameters)
    kinds = [type(net).__name__ for net in nets]
    identities = [
        (kind, *(parameters.get(name, ("",))[0] for name in names))
        for kind, parameters in zip(kinds, described, strict=True)
    ]
    if len(set(identities)) == 1:
        return None
    told = [
        name
        for name in names
        if not name.startswith("outer ")
        and all(name in parameters for parameters in described)
        and len({parameters[name][0] for parameters in described}) > 1
    ]
    if len(set(kinds)) == len(set(identities)):  # each is told by its class
        told = []
    shown = {name: _shown(parameters[name] for parameters in described) for name in told[:3]}
    labels: dict[tuple, str] = {}
    for identity, kind, parameters in zip(identities, kinds, described, strict=True):
        parts = [kind] if len(set(kinds)) > 1 else []
        parts += [f"{name}={texts[parameters[name][0]]}" for name, texts in shown.items()]
        if identity not in labels:
            labels[identity] = unlike(", ".join(parts) or kind, labels.values())
    return [labels[identity] for identity in identities]


def members_of(net: Any) -> list[Any]:
    """Return the networks of an ensemble, or the only one."""
    return [net] if hasattr(net, "history_") else list(net.members_)


def unlike(label: str, others: Iterable[str]) -> str:
    """Return a label, with a number behind it where another one is the same."""
    others, given, number = set(others), label, 1
    while label in others:
        number += 1
        label = f"{given} ({number})"
    return label


def _shown(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return how the values of a parameter are shown, by what is compared of them."""
    values = dict(pairs)
    labels = zip(values, tick_labels(list(values.values())), strict=True)
    return {key: text if len(text) <= 30 else f"{text[:29]}…" for key, text in labels}


def _parameters(estimator: Any, prefix: str = "") -> dict[str, tuple[str, Any]]:
    """Return the parameters by name: what is compared of each, and its value."""
    if not hasattr(estimator, "get_params"):
        return {}
    found = {}
    for name, value in estimator.get_params(deep=True).items():
        if name.split("__")[-1] == _LEFT_OUT:
            continue
        found[f"{prefix}{name}"] = _key(value), value
    return found


def _key(value: Any) -> str:
    """Return a text that is equal for a value and its copies, such as those of `clone`."""
    if isinstance(value, Mapping):
        return repr({_key(k): _key(v) for k, v in value.items() if k != _LEFT_OUT})
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}{[_key(each) for each in value]!r}"
    if isinstance(value, np.ndarray):
        return repr((value.shape, value.dtype.str, value.tolist()))
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"{type(value).__qualname__}{_key(value.get_params(deep=False))}"
    if hasattr(value, "get_config") and not isinstance(value, type):
        return f"{type(value).__qualname__}{full_config(value)!r}"
    value = value.item() if isinstance(value, np.generic) else value
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def curves_of(history: Mapping[str, list], metric: str) -> tuple[NDArray, NDArray | None]:
    """Return the training and the validation values of a metric."""
    names = metrics_of(history)
    if metric not in names:
        base = metric.removeprefix("val_") if isinstance(metric, str) else metric
        if base in names:
            raise ValueError(
                f"metric={metric!r} must be a name in history_ without 'val_'. Use "
                f"metric={base!r}: validation values, if any, are drawn beside those of training."
            )
        raise ValueError(f"metric={metric!r} is not in history_, which has {names!r}.")
    pair = history[metric], history.get(f"val_{metric}")
    if any(np.ndim(values) != 1 for values in pair if values is not None):
        raise ValueError(f"metric={metric!r} has more than one number per epoch.")
    train, validation = pair
    return np.array(train, float), None if validation is None else np.array(validation, float)


def metrics_of(history: Mapping[str, list]) -> list[str]:
    """Return the names of the values of an epoch, without those of validation."""
    return [name for name in history if not name.startswith("val_")]


def all_metrics(nets: Sequence[Any]) -> list[str]:
    """Return what every network has one number per epoch of, the loss first."""
    found = [
        name
        for name in metrics_of(nets[0].history_)
        if all(np.ndim(net.history_.get(name, [[]])) == 1 for net in nets)
    ]
    return sorted(found, key=lambda name: name != "loss")


def mean_and_deviation(curves: Sequence[NDArray]) -> tuple[NDArray, NDArray, NDArray]:
    """Return epochs, mean and standard deviation over all curves.

    A curve that has ended counts with its last known value: without it, the mean would jump. The
    epochs end where fewer than half of the curves, or fewer than two, go on.
    """
    lengths = sorted(map(len, curves), reverse=True)
    values = np.full((len(curves), lengths[max(-(-len(curves) // 2), 2) - 1]), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[: len(curve)] = curve[: len(row)]
        numbers = curve[~np.isnan(curve)]
        row[len(curve) :] = numbers[-1] if len(numbers) else np.nan
    known = np.ma.masked_invalid(values)
    epochs = np.arange(1, values.shape[1] + 1)
    return epochs, known.mean(axis=0).filled(np.nan), known.std(axis=0).filled(np.nan)
