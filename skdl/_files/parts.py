"""The parts of a saved estimator that skdl writes itself, in place of skops.

Networks, Keras objects, random generators and distributions: what skops would have to save by
attributes that nobody could hold against anything. Long vocabularies as well, for their size.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
import scipy.stats
from scipy.stats import rv_continuous, rv_discrete
from sklearn.base import BaseEstimator

from skdl._files.plain import Decoder, Encoder, is_keras_object, is_long
from skdl._networks.recipes import Recipe
from skdl._sklearn import MetadataRequest, MethodMetadataRequest
from skdl.exceptions import InvalidFileError

_MERSENNE_WORDS = 624
# What makes a sequence of seeds, its default size, and how much of it a file may bring.
_SEQUENCE, _POOL = ("entropy", "spawn_key", "n_children_spawned"), 4
_MAX_SEEDS, _MAX_BITS = 1000, 4096
# Classes that hold networks, which only exist where Keras is loaded, by the kind of their parts.
_OF_NETWORKS = {
    "skdl._engine.network.Network": "network",
    "skdl._engine.custom.network.OwnNetwork": "own_network",
    "skdl._transformers.features.Features": "features",
}
# Kinds of parts that are made by Keras.
_BY_KERAS = {*_OF_NETWORKS.values(), "model", "compiled", "recipe", "object"}
_GENERATORS = np.random.RandomState | np.random.Generator


def is_part(value: Any) -> bool:
    """Tell whether a value in an estimator is a part of its own."""
    if type(value) in (dict, list):
        return is_long(value) or (isinstance(value, dict) and "class_name" in value)
    if isinstance(value, BaseEstimator | type):
        return False
    plain = range | PurePath | Recipe | MetadataRequest | _GENERATORS
    if isinstance(value, plain) or is_keras_object(value):
        return True
    return _class_name(value) in _OF_NETWORKS or _is_distribution(value)


def _class_name(value):
    return f"{type(value).__module__}.{type(value).__name__}"


def _is_distribution(value):
    return isinstance(getattr(value, "dist", None), rv_continuous | rv_discrete)


def _saved_networks(kind=None):
    # Late: they load Keras.
    from skdl._files import saved_networks, saved_own_networks

    return saved_own_networks if kind == "own_network" else saved_networks


def _is_keras_model(value):
    from skdl._networks.keras import keras

    return isinstance(value, keras.Model)


class PartEncoder(Encoder):
    """Turns parts into JSON and arrays."""

    def _encode_named(self, value):
        kind = _OF_NETWORKS.get(_class_name(value))
        if kind is not None:
            return {"$": kind, **getattr(_saved_networks(kind), f"encode_{kind}")(self, value)}
        if isinstance(value, np.random.RandomState):
            return {"$": "random_state", "state": self.encode(value.get_state(legacy=False))}
        if isinstance(value, np.random.Generator):
            return {"$": "generator", **self._generator(value)}
        if isinstance(value, MetadataRequest):
            return {"$": "requests", "methods": self._requests(value)}
        if _is_distribution(value):
            return {"$": "distribution", **self._distribution(value)}
        if is_keras_object(value) and _is_keras_model(value):
            return _saved_networks().encode_model(self, value)
        return super()._encode_named(value)

    def _generator(self, value):
        bits = value.bit_generator
        if not isinstance(bits, np.random.PCG64):
            raise TypeError(f"{value!r} cannot be saved: use numpy.random.default_rng.")
        sequence = bits.seed_seq
        if type(sequence) is not np.random.SeedSequence or sequence.pool_size != _POOL:
            raise TypeError(f"{value!r} cannot be saved: use numpy.random.default_rng.")
        found = {name: getattr(sequence, name) for name in _SEQUENCE}
        if not isinstance(found["entropy"], int | None):
            found["entropy"] = np.ravel(found["entropy"]).tolist()
        found["spawn_key"] = tuple(map(int, found["spawn_key"]))
        return {"state": self.encode(bits.state), "sequence": self.encode(found)}

    def _requests(self, value):
        """Return what each method asks for; not the owner, which holds the requests."""
        return {
            name: self.encode(method.requests)
            for name, method in vars(value).items()
            if isinstance(method, MethodMetadataRequest) and method.requests
        }

    def _distribution(self, value):
        name = value.dist.name
        if type(getattr(scipy.stats, name, None)) is not type(value.dist):
            raise TypeError(f"{value!r} cannot be saved: it is not of scipy.stats.")
        if any(np.ndim(parameter) for parameter in (*value.args, *value.kwds.values())):
            raise TypeError(f"{name} of arrays cannot be saved: give it numbers.")
        return {"name": name, "args": self.encode(value.args), "kwds": self.encode(value.kwds)}


class PartDecoder(Decoder):
    """Turns JSON and arrays back into parts."""

    def decode(self, value: Any) -> Any:
        """Return the value that JSON stands for; Keras draws nothing from Python's generator."""
        kind = value.get("$") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in _BY_KERAS:
            return super().decode(value)
        from skdl._networks.default_seeds import own_default_seeds  # loads Keras

        with own_default_seeds():
            return super().decode(value)

    def _decode_network(self, builder, config, state):
        return _saved_networks().decode_network(self, builder, config, state)

    def _decode_own_network(self, builder, config, state):
        return _saved_networks("own_network").decode_own_network(self, builder, config, state)

    def _decode_features(self, state):
        return _saved_networks().decode_features(self, state)

    def _decode_model(self, name, config, weights):
        return _saved_networks().decode_model(self, name, config, weights)

    def _decode_compiled(self, model, arguments):
        return _saved_networks().decode_compiled(self, model, arguments)

    def _decode_random_state(self, state):
        state = self.decode(state)
        key, position = (state["state"][name] for name in ("key", "pos"))
        has_gauss, gauss = state["has_gauss"], state["gauss"]
        # NumPy would believe any position, and read there.
        if not isinstance(position, int) or not 0 <= position <= _MERSENNE_WORDS:
            raise InvalidFileError(f"its random state is at position {position!r}")
        if key.dtype != np.uint32 or key.shape != (_MERSENNE_WORDS,):
            raise InvalidFileError("its random state is not that of a Mersenne twister")
        if not _is_whole(has_gauss, 1) or not isinstance(gauss, float):
            raise InvalidFileError("its random state has no valid stored number")
        made = np.random.RandomState(0)
        made.set_state(("MT19937", key, position, has_gauss, gauss))
        return made

    def _decode_generator(self, state, sequence):
        sequence, state = self.decode(sequence), self.decode(state)
        # What NumPy takes beside, such as a size of its pool, it would follow for hours.
        entropy, spawn_key, n_spawned = (sequence[name] for name in _SEQUENCE)
        numbers = entropy if isinstance(entropy, list) else [entropy]
        if len(sequence) != len(_SEQUENCE) or not isinstance(spawn_key, tuple):
            raise InvalidFileError("its random generator has an unknown kind of seeds")
        if len(numbers) > _MAX_SEEDS or len(spawn_key) > _MAX_SEEDS:
            raise InvalidFileError("its random generator has too many seeds")
        inner = state["state"]
        if not (
            all(_is_whole(number) for number in (*numbers, *spawn_key))
            and _is_whole(n_spawned, 2**32 - 1)
            and all(_is_whole(inner[name], 2**128 - 1) for name in ("state", "inc"))
            and _is_whole(state["has_uint32"], 1)
            and _is_whole(state["uinteger"], 2**32 - 1)
        ):
            raise InvalidFileError("its random generator is in an invalid state")
        bits = np.random.PCG64(
            np.random.SeedSequence(entropy, spawn_key=spawn_key, n_children_spawned=n_spawned)
        )
        bits.state = {
            "bit_generator": "PCG64",
            "state": {name: inner[name] for name in ("state", "inc")},
            **{name: state[name] for name in ("has_uint32", "uinteger")},
        }
        return np.random.Generator(bits)

    def _decode_requests(self, methods):
        made = MetadataRequest(owner=None)
        for method, requests in methods.items():
            if not isinstance(vars(made).get(method), MethodMetadataRequest):
                raise InvalidFileError(f"it has a metadata request for the method {method!r}")
            for name, alias in requests.items():
                if not isinstance(alias, bool | str | None):
                    raise InvalidFileError(f"it has the metadata request {name}={alias!r}")
                getattr(made, method).add_request(param=name, alias=alias)
        return made

    def _decode_distribution(self, name, args, kwds):
        found = getattr(scipy.stats, name, None)
        if not isinstance(found, rv_continuous | rv_discrete):
            raise InvalidFileError(f"{name!r} is not a distribution of scipy.stats")
        args, kwds = self.decode(args), self.decode(kwds)
        numbers = (bool, int, float, np.number, np.bool)
        if not all(isinstance(parameter, numbers) for parameter in (*args, *kwds.values())):
            raise InvalidFileError(f"its distribution {name!r} does not have numbers as parameters")
        return found(*args, **kwds)


def _is_whole(value: Any, most: int = 2**_MAX_BITS) -> bool:
    return type(value) is int and 0 <= value <= most
