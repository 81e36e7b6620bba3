"""Features of images by a frozen backbone, each image computed once where there is a cache."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdl._backbones import Backbone
from skdl._feature_store import FeatureStore, cache_folder
from skdl._fitting import Network, positions_of
from skdl._image_files import ImageFiles
from skdl._keras import NetworkConfig
from skdl._networks import input_dtype
from skdl._pretrained_networks import build_features
from skdl._recipes import key_of


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
    batch_size : int
        Number of images that are read and go through the network at a time.
    """

    def __init__(
        self, backbone: Backbone, arguments: dict, seed: int, memory: Any, batch_size: int
    ):
        config = NetworkConfig.of(build_features, arguments, "sgd", None, "mse", None)
        self.n_features = backbone.n_features(arguments["pooling"])
        self.dtype = np.dtype(input_dtype(arguments["dtype"]))
        shape = (self.n_features,)
        given = given_weights(config, shape, backbone)
        self.network = Network(config, shape, seed, given=given)
        self.batch_size, self.folder, self._identity = batch_size, cache_folder(memory), None
        if self.folder is not None:
            weights = self.network.get_weights()
            positions = positions_of(config, shape, backbone.name)
            self._identity = _identity(config, [weights[position] for position in positions])

    def __call__(self, images: NDArray | ImageFiles) -> NDArray:
        """Return features of shape (n, n_features)."""
        if self.folder is None:
            return self._computed(images, range(len(images)))
        store = FeatureStore(self.folder / f"{self._identity}.sqlite", self.n_features, self.dtype)
        keys = [*_digests(images)]
        return store.get(keys, lambda some: self._computed(images, some), self.batch_size)

    def _computed(self, images: NDArray | ImageFiles, positions: Iterable[int]) -> NDArray:
        """Return the features of some of the images, each batch read while the last is computed."""
        positions = np.asarray(positions)
        parts = np.split(positions, range(self.batch_size, len(positions), self.batch_size))
        with ThreadPoolExecutor(1) as pool:
            found = [self.network.predict(x, self.batch_size) for x in _ahead(pool, images, parts)]
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
    pool: ThreadPoolExecutor, images: NDArray | ImageFiles, parts: list[NDArray]
) -> Iterator[NDArray]:
    coming = pool.submit(images.__getitem__, parts[0])
    for part in parts[1:]:
        batch, coming = coming.result(), pool.submit(images.__getitem__, part)
        yield batch
    yield coming.result()


def _identity(config: NetworkConfig, weights: list[NDArray]) -> str:
    """Return a digest of all that decides the features of an image.

    Names of layers do not: Keras counts them on over all networks of a process.
    """
    text = repr(key_of(config.arguments))
    for number, name in enumerate(dict.fromkeys(re.findall(r'"name": "(.*?)"', text))):
        text = text.replace(f'"{name}"', f'"{number}"')
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for values in weights:
        digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()


def _digests(images: NDArray | ImageFiles) -> Iterator[str]:
    """Yield a digest of each image; of a file's bytes, wherever it lies."""
    if isinstance(images, ImageFiles):
        for path in images.paths:
            yield hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    else:
        dtype = str(images.dtype).encode()
        for image in images:
            digest = hashlib.blake2b(dtype, digest_size=16)
            digest.update(np.ascontiguousarray(image))
            yield digest.hexdigest()
