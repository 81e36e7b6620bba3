"""Numbers within traced functions that are the same in every process.

TensorFlow numbers what it traces through, and has the numbers in the names of operations, so in the
content of functions: what was traced before would decide whether a stored program is found.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines
from skdl._common.processes import lock

import tensorflow as tf  # noqa: F401 # isort: skip - after Keras, which loads it without log lines
from tensorflow.python.framework import ops  # isort: skip

# Attributes of a layer that tell networks of the same shapes apart.
_TOLD = ("activation", "rate", "strides", "padding", "dilation_rate", "pool_size")

_n_used: Counter[bytes] = Counter()


@contextmanager
def stable_names(*key: Hashable) -> Iterator[None]:
    """Let the functions that this thread traces within be numbered by a key.

    No two have the same name: a key that was used before in this process has other numbers.
    """
    text = re.sub(r"0x[0-9a-f]+", "", repr(key))  # addresses
    of_key = hashlib.sha256(text.encode()).digest()
    with lock:
        _n_used[of_key] += 1
        digest = hashlib.sha256(of_key + str(_n_used[of_key]).encode()).digest()
        # Far above TensorFlow's own numbers, and apart from those of any other key.
        numbers = itertools.count(2**62 + (int.from_bytes(digest[:5], "big") << 20))
        theirs, thread = ops.uid, threading.get_ident()
        ops.uid = lambda: next(numbers) if threading.get_ident() == thread else theirs()
        try:
            yield
        finally:
            ops.uid = theirs


def described(layers: list[Any]) -> list[tuple]:
    """Return what layers are, in words that are the same in every process."""

    def word(value):
        return getattr(value, "__name__", None) or repr(value)

    return [
        (layer.name, type(layer).__name__, *(word(getattr(layer, name, None)) for name in _TOLD))
        for layer in layers
    ]
