"""Python's, NumPy's, Keras's and TensorFlow's global generators, seeded for a while.

Users' functions draw from them: weights by initialisers without a seed, constants by NumPy.
"""

from __future__ import annotations

import functools
import random
from typing import Any

import numpy as np

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines
from skdl._networks.default_seeds import OfOneThread

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from keras.src.backend.common import global_state  # isort: skip
from keras.src.random import seed_generator  # isort: skip
from tensorflow.python.eager import context  # isort: skip
from tensorflow.python.ops import stateful_random_ops  # isort: skip


_OF_KERAS = ("object_name_uids", "global_seed_generator", "global_random_seed")


class SeededGenerators:
    """Seeds all global generators, numbers new layers from the start, and puts all of it back.

    The caller holds the lock of this process: other threads that draw meanwhile draw seeded
    numbers as well, but take none of those that Keras's initialisers and layers get.
    `tf.random.set_seed` would make TensorFlow forget all compiled programs, so its state is set
    without; see `drew_by_tensorflow`.
    """

    def __init__(self, seed: int):
        self._seed = seed

    def __enter__(self) -> SeededGenerators:
        eager = context.context()
        keras_state = vars(global_state.GLOBAL_STATE_TRACKER)
        self._keras = {name: keras_state[name] for name in _OF_KERAS if name in keras_state}
        self._python, self._numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        self._eager = eager._seed, getattr(eager, "_rng", None)
        self._generator = stateful_random_ops.global_generator
        self._for_keras = seed_generator.python_random
        self.seed()
        return self

    def seed(self) -> None:
        """Begin all generators anew."""
        keras_state, eager = vars(global_state.GLOBAL_STATE_TRACKER), context.context()
        for name in _OF_KERAS:
            keras_state.pop(name, None)
        keras_state["global_random_seed"] = self._seed % 2**32
        random.seed(self._seed)
        seed_generator.python_random = OfOneThread(random.Random(self._seed))
        np.random.seed(self._seed % 2**32)  # noqa: NPY002
        eager._seed, eager._rng = self._seed % 2**31, random.Random(self._seed)
        self._first = eager._rng.getstate()
        _generator().reset_from_seed(self._seed)
        stateful_random_ops.global_generator = _generator()

    def drew_by_tensorflow(self) -> bool:
        """Tell whether TensorFlow's operations drew; forget them, as they go on where they were.

        What was drawn must then be drawn once more, after `seed`.
        """
        eager = context.context()
        drew = eager._rng.getstate() != self._first
        if drew:
            eager.clear_kernel_cache()
        return drew

    def __exit__(self, *_: Any) -> None:
        eager = context.context()
        random.setstate(self._python)
        np.random.set_state(self._numpy)  # noqa: NPY002
        stateful_random_ops.global_generator = self._generator
        seed_generator.python_random = self._for_keras
        eager._seed, eager._rng = self._eager
        keras_state = vars(global_state.GLOBAL_STATE_TRACKER)
        for name in _OF_KERAS:
            keras_state.pop(name, None)
        keras_state.update(self._keras)


@functools.cache
def _generator() -> tf.random.Generator:
    """Return what stands for TensorFlow's global generator, made once."""
    return tf.random.Generator.from_seed(0)
