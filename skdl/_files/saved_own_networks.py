"""Networks of users' own as JSON and arrays.

The function that builds one is named in the file, so that it has to be trusted to be called. All
arrays are compared with the network that it builds before anything is computed with them.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from skdl._common.versions import without_versions
from skdl._engine.custom.building import Builder
from skdl._engine.custom.network import OwnConfig, OwnNetwork
from skdl._files.plain import Decoder, Encoder
from skdl._files.saved_networks import MAX_INSIDE, MAX_OUTPUTS, STATE, brief, has_kind
from skdl._networks.keras import keras
from skdl._networks.names import check_metrics, name_of
from skdl._networks.recipes import Recipe
from skdl._networks.settings import own_settings
from skdl._networks.variables import flat_layers
from skdl.exceptions import InvalidFileError

_BUILDER = ("model", "arguments", "inputs", "dtype")
_CONFIG = ("optimizer", "loss", "metrics", "learning_rate", "extras", "link")
_EXTRAS = {"weighted_metrics", "loss_weights", "run_eagerly"}
_STATE = {**STATE, "_n_weights": int, "_constants": str}
_DTYPES = {"int32", "float32", "float64"}  # in which a network is given rows
_MAX_INPUTS = 1000


def encode_own_network(encoder: Encoder, network: OwnNetwork) -> dict[str, Any]:
    """Return a network of a user's as JSON."""
    state = without_versions(network.__getstate__(), "A network")
    config = state.pop("config")
    del state["_variables"], state["_model"]  # which are made of the arrays
    if state.keys() != _STATE.keys():
        raise TypeError(f"Unknown parts of a network: {sorted(state.keys() ^ _STATE.keys())}.")
    return {
        "builder": {name: encoder.encode(getattr(config.builder, name)) for name in _BUILDER},
        "config": {name: encoder.encode(getattr(config, name)) for name in _CONFIG},
        "state": {name: encoder.encode(value) for name, value in state.items()},
    }


def decode_own_network(
    decoder: Decoder, builder: dict[str, Any], config: dict[str, Any], state: dict[str, Any]
) -> OwnNetwork:
    """Return the network, built, once its arrays are seen to be those that it has."""
    parts = decoder.decode({name: builder[name] for name in _BUILDER})
    config = {"link": None, **config}  # which files of before have not
    config = decoder.decode({name: config[name] for name in _CONFIG})
    state = decoder.decode(dict(state))
    wrong = [n for n, kind in _STATE.items() if n not in state or not has_kind(state[n], kind)]
    if wrong or len(state) > len(_STATE):
        raise InvalidFileError(f"its network has a wrong state: {wrong or sorted(state)}")
    _check_builder(decoder, **parts)
    _check_config(decoder, **config)
    shape = state["target_shape"]
    if not all(has_kind(n, int) and n > 0 for n in shape) or prod(shape) > MAX_OUTPUTS:
        raise InvalidFileError(f"its network has targets of the wrong shape {shape!r}")
    network = object.__new__(OwnNetwork)
    own = OwnConfig(Builder(**parts), **config)
    network.__setstate__({**state, "config": own, "_variables": None, "_model": None})
    try:
        with own_settings():
            network.model  # noqa: B018 - builds it, and compares the arrays
    except Exception as error:  # Keras, TensorFlow and the function raise what they like
        raise InvalidFileError(f"its network cannot be built: {brief(error)}") from error
    return network


def _check_builder(decoder, model, arguments, inputs, dtype):
    """Check what builds the network; without trust that is a network of known layers alone."""
    if isinstance(model, keras.Model):
        outputs = [t for each in flat_layers(model) for t in keras.tree.flatten(each.output)]
        n_inside = sum(prod(size or 1 for size in tensor.shape[1:]) for tensor in outputs)
        if n_inside > MAX_INSIDE:
            raise InvalidFileError(f"its network would make {n_inside} numbers per row")
    else:
        function = model.func if isinstance(model, partial) else model
        if not callable(function) or name_of(function) not in decoder.trusted:
            raise InvalidFileError("its network is built by a function that is not trusted")
    fits = isinstance(inputs, tuple) and 0 < len(inputs) <= _MAX_INPUTS
    if not fits or not all(map(_is_input, inputs)) or not isinstance(arguments, dict):
        raise InvalidFileError("its network has no arguments or no inputs")
    if dtype is not None and dtype not in _DTYPES | {"bfloat16", "mixed_bfloat16"}:
        raise InvalidFileError(f"its network is of the dtype {dtype!r}")


def _is_input(each):
    name, shape, dtype = each
    sizes = isinstance(shape, tuple) and all(has_kind(n, int) and n >= 0 for n in shape)
    return (
        isinstance(name, str | None) and dtype in _DTYPES and sizes and prod(shape) <= MAX_OUTPUTS
    )


def _check_config(decoder, optimizer, loss, metrics, learning_rate, extras, link):
    if not isinstance(optimizer, Recipe) or not isinstance(metrics, tuple):
        raise InvalidFileError("its network has no optimizer or no metrics")
    if not isinstance(learning_rate, float | int | None):
        raise InvalidFileError("its network has a wrong learning_rate")
    if not isinstance(link, str | None) or link not in {None, "sigmoid", "softmax"}:
        raise InvalidFileError(f"its network has a wrong link {link!r}")
    if not isinstance(extras, dict) or not extras.keys() <= _EXTRAS:
        raise InvalidFileError(f"its network is compiled with {extras!r}")
    recipes = [*metrics, *extras.get("weighted_metrics", ()), loss]
    found = [each for each in recipes if isinstance(each, Recipe)]
    decoder.numbers_left -= check_metrics(found, decoder.numbers_left)
