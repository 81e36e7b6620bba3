"""Traced functions on disk, read by the next process in place of being traced again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable

from skdl._common import processes
from skdl._engine.compiled.program import Traced
from skdl._engine.compiled.words import circumstances, words_of
from skdl._engine.device import on_gpu
from skdl._networks.keras import keras

import tensorflow as tf  # noqa: F401 # isort: skip - after Keras, which loads it without log lines
from tensorflow.core.framework.function_pb2 import FunctionDefLibrary  # isort: skip

_MAX_BYTES = 16 * 2**20


def stored(
    words: str | None,
    key: Hashable,
    variables: list[keras.Variable],
    trace: Callable[[], Traced],
) -> Traced:
    """Return a traced function from its file, else trace it now and write it.

    Parameters
    ----------
    words : str or None
        What decides the network; None where that cannot be told, and nothing is stored.
    key : Hashable
        What decides a function of this network.
    variables : list of keras.Variable
        Those of the network, to which `captures` point.
    trace : callable
        Traces the function.
    """
    cache, of_key, around = processes.xla_cache, words_of(key), circumstances()
    if cache is None or words is None or of_key is None or around is None or on_gpu():
        return trace()
    forms = [[str(variable.dtype), *variable.shape] for variable in variables]
    name = hashlib.sha256(repr((words, of_key, around)).encode()).hexdigest()[:32]
    content = cache.read(name)
    found = None if content is None else _read(content, forms)
    if found is None:
        found = trace()
        if _is_plain(found):
            cache.write(name, _written(found, forms))
    return found


def _written(traced: Traced, forms: list) -> bytes:
    told = {"captures": traced.captures, "outputs": traced.outputs, "variables": forms}
    return json.dumps(told).encode() + b"\n" + traced.definitions.SerializeToString()


def _read(content: bytes, forms: list) -> Traced | None:
    """Return what was written, None if it was for other variables."""
    line, _, definitions = content.partition(b"\n")
    told = json.loads(line)
    if told["variables"] != forms:
        return None
    return Traced(FunctionDefLibrary.FromString(definitions), told["captures"], told["outputs"])


def _is_plain(traced: Traced) -> bool:
    """Tell whether all that a function needs is in its definition and in the state."""
    outputs = traced.outputs if isinstance(traced.outputs, dict) else {"": traced.outputs}
    return (
        all(isinstance(position, int) for position in [*traced.captures, *outputs.values()])
        and all(isinstance(name, str) for name in outputs)
        and traced.definitions.ByteSize() <= _MAX_BYTES
        and not any(
            # Python's functions, a global seed, and devices belong to one process.
            "PyFunc" in node.op or "seed2" in node.attr or node.device
            for definition in traced.definitions.function
            for node in definition.node_def
        )
    )
