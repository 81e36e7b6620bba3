"""Networks and Keras models as JSON and arrays; no shape is believed before it is compared."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from skdl._common.versions import without_versions
from skdl._engine.network import Network
from skdl._files.plain import Decoder, Encoder
from skdl._networks.builders.convnet import build_convnet
from skdl._networks.builders.dense import build_dense
from skdl._networks.builders.pretrained import build_features, build_pretrained
from skdl._networks.configuration import NetworkConfig
from skdl._networks.keras import keras
from skdl._networks.names import check_metrics
from skdl._networks.recipes import Recipe, made
from skdl._networks.settings import building
from skdl._networks.unallocated import without_memory
from skdl._networks.variables import flat_layers
from skdl.exceptions import InvalidFileError

# The only functions that make networks for a file.
_BUILDERS = {
    builder.__name__: builder
    for builder in (build_dense, build_convnet, build_pretrained, build_features)
}
_CONFIG = ("arguments", "optimizer", "loss", "metrics", "learning_rate", "units")
# What a network's state is made of, as its pickles have it.
STATE = {
    "target_shape": tuple,
    "seed": int,
    "history": dict,
    "best_epoch": (int, type(None)),
    "program": (str, type(None)),
    "stop_training": bool,
    "_sparse": bool,
    "_n_saved": int,
    "_arrays": list,
}
# What a model was compiled with, as far as estimators ask for it.
_COMPILED = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly")
_FEATURES = ("n_features", "dtype", "network")
# Of one network: the layers that one argument lists, and the numbers that one row becomes in
# all layers and in the last.
_MAX_LAYERS, MAX_INSIDE, MAX_OUTPUTS = 1000, 2**28, 2**24


def encode_network(encoder: Encoder, network: Network) -> dict[str, Any]:
    """Return a network as JSON."""
    state = without_versions(network.__getstate__(), "A network")
    config = state.pop("config")
    del state["_variables"], state["_model"]  # which are made of the arrays
    builder = config.builder.__name__
    if _BUILDERS.get(builder) is not config.builder:
        raise TypeError(f"A network of the builder {config.builder!r} cannot be saved.")
    if state.keys() != STATE.keys():
        raise TypeError(f"Unknown parts of a network: {sorted(state.keys() ^ STATE.keys())}.")
    return {
        "builder": builder,
        "config": {name: encoder.encode(getattr(config, name)) for name in _CONFIG},
        "state": {name: encoder.encode(value) for name, value in state.items()},
    }


def decode_network(
    decoder: Decoder, builder: str, config: dict[str, Any], state: dict[str, Any]
) -> Network:
    """Return the network, once its arrays are seen to be those that its builder asks for."""
    if builder not in _BUILDERS:
        raise InvalidFileError(f"it has a network of the unknown builder {builder!r}")
    config = decoder.decode({name: config[name] for name in _CONFIG if name in config})
    state = decoder.decode(dict(state))
    wrong = [n for n, kind in STATE.items() if n not in state or not has_kind(state[n], kind)]
    if wrong or len(state) > len(STATE):
        raise InvalidFileError(f"its network has a wrong state: {wrong or sorted(state)}")
    config = _network_config(_BUILDERS[builder], **config)
    network = object.__new__(Network)
    network.__setstate__({**state, "config": config, "_variables": None, "_model": None})
    decoder.numbers_left -= check_metrics(
        [
            each
            for each in (*network.config.metrics, network.config.loss)
            if isinstance(each, Recipe)
        ],
        decoder.numbers_left,
    )
    _check_weights(network)
    _check_all(network)
    return network


def _network_config(builder, arguments, optimizer, loss, metrics, learning_rate, units=None):
    if not (isinstance(arguments, dict) and isinstance(optimizer, Recipe)):
        raise InvalidFileError("its network has no arguments or no optimizer")
    if not isinstance(metrics, tuple) or not isinstance(learning_rate, float | int | None):
        raise InvalidFileError("its network has wrong metrics or a wrong learning_rate")
    if units is not None and not _are_units(units, arguments.get("n_outputs")):
        raise InvalidFileError("its network has wrong units of metrics")
    return NetworkConfig(builder, arguments, optimizer, loss, metrics, learning_rate, units)


def _are_units(units, n_outputs):
    """Tell whether units are an offset and a scale for each output."""
    return (
        isinstance(units, tuple)
        and len(units) == 2
        and all(isinstance(each, tuple) and len(each) == n_outputs for each in units)
        and all(isinstance(value, float) for each in units for value in each)
    )


def has_kind(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a type; a truth value is no number."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _check_weights(network):
    """Compare the weights with the network's, built without memory for any of its variables."""
    config, arrays = network.config, network._arrays
    for value in config.arguments.values():
        if isinstance(value, tuple) and len(value) > min(_MAX_LAYERS, max(len(arrays), 4)):
            raise InvalidFileError(f"its network has {len(value)} layers but {len(arrays)} arrays")
    sparse = {"sparse": True} if network._sparse else {}
    with building(), without_memory(_n_numbers(arrays)):
        try:
            arguments = {name: made(value) for name, value in config.arguments.items()}
            model = config.builder(**arguments, **sparse, seed=0)
            if not isinstance(arguments.get("activation", ""), str):
                _build_activations(model)
        except Exception as error:  # Keras and TensorFlow raise what they like
            raise InvalidFileError(f"its network cannot be built: {brief(error)}") from error
        variables = [(tuple(v.shape), str(v.dtype)) for v in model.variables]
        outputs = [t for each in flat_layers(model) for t in keras.tree.flatten(each.output)]
    _compare(arrays[: len(variables)], variables)
    n_inside = sum(prod(size or 1 for size in tensor.shape[1:]) for tensor in outputs)
    n_outputs, shape = prod(size or 1 for size in model.output_shape[1:]), network.target_shape
    if n_inside > MAX_INSIDE or n_outputs > MAX_OUTPUTS:
        raise InvalidFileError(f"its network would make {n_inside} numbers per row")
    if not all(has_kind(n, int) and n > 0 for n in shape) or prod(shape) > n_outputs:
        raise InvalidFileError(f"its network has targets of the wrong shape {shape!r}")


def _n_numbers(arrays):
    """Return how many numbers arrays hold, together."""
    return sum(np.size(array) for array in arrays)


def _build_activations(model):
    """Create the variables of activations that are layers, which Keras leaves to the first call.

    They are called on shapes alone, which takes no memory for values.
    """
    for layer in flat_layers(model):
        activation = getattr(layer, "activation", None)
        if isinstance(activation, keras.Layer):
            activation(keras.KerasTensor(layer.output.shape, layer.output.dtype))


def _check_all(network):
    """Compare all arrays, the optimizer's too, with the network that will use them."""
    try:
        template = network._template()
    except Exception as error:
        raise InvalidFileError(f"its network cannot be compiled: {brief(error)}") from error
    if network._n_saved != template.n_saved:
        raise InvalidFileError(
            f"its network has {network._n_saved} arrays instead of {template.n_saved}"
        )
    saved = template.variables[: template.n_saved]
    _compare(network._arrays, [(tuple(v.shape), str(v.dtype)) for v in saved])


def _compare(arrays: Sequence[np.ndarray], variables: list[tuple[tuple, str]]) -> None:
    found = [
        (a.shape, str(a.dtype)) if isinstance(a, np.ndarray | np.generic) else None for a in arrays
    ]
    if found != variables:
        different = [pair for pair in zip(found, variables, strict=False) if pair[0] != pair[1]]
        what = f"{different[0][0]} instead of {different[0][1]}" if different else "too few or many"
        raise InvalidFileError(
            f"its network has {len(variables)} variables, but the arrays do not fit: {what}"
        )


def encode_features(encoder: Encoder, features: Any) -> dict[str, Any]:
    """Return the features of a backbone as JSON, without the folder in which they are kept."""
    return {"state": {name: encoder.encode(getattr(features, name)) for name in _FEATURES}}


def decode_features(decoder: Decoder, state: dict[str, Any]) -> Any:
    """Return the features of a backbone, which are not kept in any folder."""
    from skdl._transformers.features import Features

    state = {name: decoder.decode(state[name]) for name in _FEATURES}
    network, dtype = state["network"], state["dtype"]
    if not isinstance(network, Network) or network.target_shape != (state["n_features"],):
        raise InvalidFileError("its features are of no network")
    if not isinstance(dtype, np.dtype) or dtype.itemsize > 8 or dtype.kind not in "fV":
        raise InvalidFileError(f"its features are of dtype {dtype!r}")
    features = object.__new__(Features)
    vars(features).update(state, folder=None, _identity=None)
    return features


def encode_model(encoder: Encoder, model: keras.Model) -> dict[str, Any]:
    """Return a Keras model that is a parameter of an estimator as JSON."""
    recipe = encoder.encode(Recipe(type(model), model.get_config()))
    weights = [encoder.own_array(weight.numpy()) for weight in model.variables]
    encoded = {
        "$": "model", "name": recipe["name"], "config": recipe["config"], "weights": weights
    }  # fmt: skip
    if not getattr(model, "compiled", False) or not hasattr(model, "_compile_config"):
        return encoded
    given = {**model._compile_config.config, "optimizer": model.optimizer}
    arguments = {name: encoder.encode(given.get(name)) for name in _COMPILED}
    return {"$": "compiled", "model": encoded, "arguments": arguments}


def decode_compiled(decoder: Decoder, model: Any, arguments: dict[str, Any]) -> keras.Model:
    """Return a compiled model; it has no state of the optimizer."""
    made, arguments = decoder.decode(model), decoder.decode(arguments)
    if not isinstance(made, keras.Model) or not arguments.keys() <= set(_COMPILED):
        raise InvalidFileError("it has a compiled model that is none")
    if not isinstance(arguments["optimizer"], keras.Optimizer | None):
        raise InvalidFileError("its compiled model has no optimizer")
    made.compile(**arguments)
    return made


def decode_model(decoder: Decoder, name: str, config: dict, weights: list[int]) -> keras.Model:
    """Return the model, once its weights are seen to have its shapes."""
    recipe = decoder.decode({"$": "recipe", "name": name, "config": config})
    arrays = [decoder.own_array(number) for number in weights]
    with building():
        try:
            with without_memory(_n_numbers(arrays)):
                variables = [(tuple(v.shape), str(v.dtype)) for v in recipe.make().variables]
        except Exception as error:
            raise InvalidFileError(f"its model cannot be built: {brief(error)}") from error
        _compare(arrays, variables)
        model = recipe.make()  # of which every variable has just been seen
        for variable, value in zip(model.variables, arrays, strict=True):
            variable.assign(value)
        for layer in flat_layers(model):
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()  # which computes with what its variables have been
    return model


def brief(error: Exception) -> str:
    """Return the first line of an error, at most so long."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"[:300]
