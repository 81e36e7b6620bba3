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
from skdl.exceptions import InvalidFileError

_MERSENNE_WORDS = 624
# Classes that hold networks, which only exist where Keras is loaded, by the kind of their parts.
_OF_NETWORKS = {
    "skdl._engine.network.Network": "network",
    "skdl._transformers.features.Features": "features",
}
_GENERATORS = np.random.RandomState | np.random.Generator


def is_part(value: Any) -> bool:
    """Tell whether a value in an estimator is a part of its own."""
    if type(value) in (dict, list):
        return is_long(value) or (isinstance(value, dict) and "class_name" in value)
    if isinstance(value, BaseEstimator | type):
        return False
    if isinstance(value, range | PurePath | Recipe | _GENERATORS) or is_keras_object(value):
        return True
    return _class_name(value) in _OF_NETWORKS or _is_distribution(value)


def _class_name(value):
    return f"{type(value).__module__}.{type(value).__name__}"


def _is_distribution(value):
    return isinstance(getattr(value, "dist", None), rv_continuous | rv_discrete)


def _saved_networks():
    # Late: it loads Keras.
    from skdl._files import saved_networks

    return saved_networks


def _is_keras_model(value):
    from skdl._networks.keras import keras

    return isinstance(value, keras.Model)


class PartEncoder(Encoder):
    """Turns parts into JSON and arrays."""

    def _encode_named(self, value):
        kind = _OF_NETWORKS.get(_class_name(value))
        if kind is not None:
            return {"$": kind, **getattr(_saved_networks(), f"encode_{kind}")(self, value)}
        if isinstance(value, np.random.RandomState):
            return {"$": "random_state", "state": self.encode(value.get_state(legacy=False))}
        if isinstance(value, np.random.Generator):
            return {"$": "generator", **self._generator(value)}
        if _is_distribution(value):
            return {"$": "distribution", **self._distribution(value)}
        if is_keras_object(value) and _is_keras_model(value):
            return {"$": "model", **_saved_networks().encode_model(self, value)}
        return super()._encode_named(value)

    def _generator(self, value):
        bits = value.bit_generator
        if not isinstance(bits, np.random.PCG64):
            raise TypeError(f"{value!r} cannot be saved: use numpy.random.default_rng.")
        sequence = {k: v for k, v in bits.seed_seq.state.items() if k != "pool_size"}
        return {"state": self.encode(bits.state), "sequence": self.encode(sequence)}

    def _distribution(self, value):
        name = value.dist.name
        if type(getattr(scipy.stats, name, None)) is not type(value.dist):
            raise TypeError(f"{value!r} cannot be saved: it is not of scipy.stats.")
        if any(np.ndim(parameter) for parameter in (*value.args, *value.kwds.values())):
            raise TypeError(f"{name} of arrays cannot be saved: give it numbers.")
        return {"name": name, "args": self.encode(value.args), "kwds": self.encode(value.kwds)}


class PartDecoder(Decoder):
    """Turns JSON and arrays back into parts."""

    def _decode_network(self, builder, config, state):
        return _saved_networks().decode_network(self, builder, config, state)

    def _decode_features(self, state):
        return _saved_networks().decode_features(self, state)

    def _decode_model(self, name, config, weights):
        return _saved_networks().decode_model(self, name, config, weights)

    def _decode_random_state(self, state):
        state = self.decode(state)
        inner = state["state"]
        key, position = inner["key"], inner["pos"]
        # NumPy would believe any position, and read there.
        if not isinstance(position, int) or not 0 <= position <= _MERSENNE_WORDS:
            raise InvalidFileError(f"its random state is at position {position!r}")
        if key.dtype != np.uint32 or key.shape != (_MERSENNE_WORDS,):
            raise InvalidFileError("its random state is not that of a Mersenne twister")
        made = np.random.RandomState(0)
        made.set_state(state)
        return made

    def _decode_generator(self, state, sequence):
        bits = np.random.PCG64(np.random.SeedSequence(**self.decode(sequence)))
        bits.state = self.decode(state)
        return np.random.Generator(bits)

    def _decode_distribution(self, name, args, kwds):
        found = getattr(scipy.stats, name, None)
        if not isinstance(found, rv_continuous | rv_discrete):
            raise InvalidFileError(f"{name!r} is no distribution in scipy.stats")
        args, kwds = self.decode(args), self.decode(kwds)
        if any(np.ndim(parameter) for parameter in (*args, *kwds.values())):
            raise InvalidFileError(f"its distribution {name!r} is one of arrays")
        return found(*args, **kwds)
