"""Features of images by a frozen backbone, each image computed once where there is a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdl._common.processes import check_process
from skdl._engine.network import Network, positions_of
from skdl._networks.builders.backbones import Backbone
from skdl._networks.builders.dense import input_dtype
from skdl._networks.builders.pretrained import build_features
from skdl._networks.configuration import NetworkConfig
from skdl._networks.keras import keras
from skdl._networks.recipes import key_of
from skdl._transformers.feature_store import FeatureStore, cache_folder
from skdl._transformers.image_files import LazyImages


class Features:
    """What a frozen backbone makes of images.

    Parameters
    ----------
    backbone : Backbone
        With its weights, or without, to have them drawn from `seed`.
    arguments : dict
        Of `build_features`.
    seed : int
        Decides the weights of a backbone without.
    memory : joblib.Memory, str, path-like or None
        Where features are kept.
    """

    def __init__(self, backbone: Backbone, arguments: dict, seed: int, memory: Any):
        config = NetworkConfig.of(build_features, arguments, "sgd", None, "mse", None)
        self.n_features = backbone.n_features(arguments["pooling"])
        self.dtype = np.dtype(input_dtype(arguments["dtype"]))
        shape = (self.n_features,)
        given = given_weights(config, shape, backbone)
        self.network = Network(config, shape, seed, given=given)
        self.folder = cache_folder(memory)
        self._identity: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_identity": None}

    def __call__(self, images: NDArray | LazyImages, batch_size: int) -> NDArray:
        """Return features of shape (n, n_features), `batch_size` images at a time."""
        check_process()

        def compute(positions: Iterable[int]) -> NDArray:
            return self._computed(images, np.asarray(positions), batch_size)

        if self.folder is None:
            return compute(range(len(images)))
        if self._identity is None or self.network.exposed:
            self._identity = _identity(self.network)
        store = FeatureStore(self.folder / f"{self._identity}.sqlite", self.n_features, self.dtype)
        return store.get([*_digests(images)], compute, batch_size)

    def _computed(
        self, images: NDArray | LazyImages, positions: NDArray, batch_size: int
    ) -> NDArray:
        """Return the features of some of the images, each batch read while the last is computed."""
        parts = np.split(positions, range(batch_size, len(positions), batch_size))
        with ThreadPoolExecutor(1) as pool:
            found = [self.network.predict(x, batch_size) for x in _ahead(pool, images, parts)]
        return np.concatenate(found).astype(self.dtype, copy=False)


def given_weights(
    config: NetworkConfig, target_shape: tuple[int, ...], backbone: Backbone
) -> dict[int, NDArray]:
    """Return the weights that a backbone has by their positions in a network's state."""
    if backbone.weights is None:
        return {}
    positions = positions_of(config, target_shape, backbone.name)
    return dict(zip(positions, backbone.weights, strict=True))


def _ahead(
    pool: ThreadPoolExecutor, images: NDArray | LazyImages, parts: list[NDArray]
) -> Iterator[NDArray]:
    coming = pool.submit(images.__getitem__, parts[0])
    for part in parts[1:]:
        batch, coming = coming.result(), pool.submit(images.__getitem__, part)
        yield batch
    yield coming.result()


def _identity(network: Network) -> str:
    """Return a digest of all that decides the features of an image but the code of its layers.

    The weights are those of now: users may change them through the Keras model.
    """
    arguments = dict(network.config.arguments)
    backbone = arguments.pop("backbone")
    cls, config = backbone.cls, replace(backbone, config=_numbered(backbone.config, {})).key[1]
    kind = cls.__module__, cls.__qualname__  # the class itself would differ by process
    text = repr((keras.__version__, kind, config, key_of(arguments)))
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    weights = network.get_weights()
    for position in positions_of(network.config, network.target_shape, backbone.config["name"]):
        digest.update(np.ascontiguousarray(weights[position]).data)
    return digest.hexdigest()


def _numbered(value: Any, numbers: dict[str, int], role: str = "layer") -> Any:
    """Return a configuration of a model with the names of its layers numbered.

    They decide no feature, and Keras counts them on over all networks of a process. No other text
    is touched: an activation has a name that means something.

    Parameters
    ----------
    value : Any
        The configuration or a part of it.
    numbers : dict
        The numbers so far, which are added to.
    role : str
        "layer" for a serialized layer or its configuration, "name" for what refers to layers, ""
        for anything else.
    """
    if isinstance(value, str) and role == "name":
        return numbers.setdefault(value, len(numbers))
    if isinstance(value, list | tuple):
        return [_numbered(item, numbers, role) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("module") == "keras.layers":  # also one that another wraps
        role = "layer"
    roles = dict.fromkeys(("keras_history", "input_layers", "output_layers"), "name")
    if role == "layer":
        roles |= {"name": "name", "layers": "layer"}
        roles |= {"config": "layer"} if "class_name" in value else {}
    found = {}
    for key, item in sorted(value.items()):
        found[key] = _numbered(item, numbers, "name" if role == "name" else roles.get(key, ""))
    return found


def _digests(images: NDArray | LazyImages) -> Iterator[str]:
    """Yield a digest of each image; of a file's bytes and how it is turned, wherever it lies."""
    dtype = str(images.dtype).encode()
    for position in range(len(images)):
        source = images.sources[position] if isinstance(images, LazyImages) else None
        if isinstance(images, LazyImages) and isinstance(source, str):
            digest = hashlib.blake2b(b"upright" if images.upright else b"", digest_size=16)
            digest.update(Path(source).read_bytes())
        else:
            digest = hashlib.blake2b(dtype, digest_size=16)
            digest.update(np.ascontiguousarray(images[position : position + 1]).data)
        yield digest.hexdigest()
