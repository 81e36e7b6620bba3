"""Traced functions on disk, read by the next process in place of being traced again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable

from skdl._common import processes
from skdl._engine.compiled.fingerprint import environment, fingerprint_of
from skdl._engine.compiled.program import Traced
from skdl._engine.device import on_gpu
from skdl._networks.keras import keras

import tensorflow as tf  # noqa: F401 # isort: skip - after Keras, which loads it without log lines
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # isort: skip
from tensorflow.core.framework.function_pb2 import FunctionDefLibrary  # isort: skip

_MAX_BYTES = 16 * 2**20


def read_or_trace(
    network: Hashable,
    key: Hashable,
    variables: list[keras.Variable],
    trace: Callable[[], Traced],
) -> Traced:
    """Return a traced function from its file, else trace it now and write it.

    Parameters
    ----------
    network : Hashable
        What decides the network; None for one that shares its functions with none.
    key : Hashable
        What decides a function of this network.
    variables : list of keras.Variable
        Those of the network, to which `captures` point.
    trace : callable
        Traces the function.
    """
    cache = processes.xla_cache
    if cache is None or network is None or on_gpu():
        return trace()
    fingerprint = fingerprint_of((network, key))
    around = None if fingerprint is None else environment()
    if around is None:
        return trace()
    specs = [[str(variable.dtype), *variable.shape] for variable in variables]
    name = hashlib.sha256(repr((fingerprint, around)).encode()).hexdigest()[:32]
    found = _deserialized(cache.read(name), specs)
    if found is None:
        traced = trace()
        found = traced.named_by_content()
        # Nobody has replaced a function meanwhile, in another thread.
        if not _is_plain(found) or environment() != around:
            return traced
        cache.write(name, _serialized(found, specs))
    return found


def _serialized(traced: Traced, specs: list) -> bytes:
    header = {"captures": traced.captures, "outputs": traced.outputs, "variables": specs}
    return json.dumps(header).encode() + b"\n" + _library(traced).SerializeToString()


def _deserialized(content: bytes | None, specs: list) -> Traced | None:
    """Return what was written, None if it cannot be read or was for other variables."""
    line, _, definitions = (content or b"").partition(b"\n")
    try:
        header = json.loads(line)
        if header["variables"] != specs:
            return None
        library = FunctionDefLibrary.FromString(definitions)
        return Traced(header["captures"], header["outputs"], definitions=library)
    except (ValueError, KeyError, TypeError, DecodeError):
        return None


def _library(traced: Traced) -> FunctionDefLibrary:
    assert traced.definitions is not None  # it is named by its content
    return traced.definitions


def _is_plain(traced: Traced) -> bool:
    """Tell whether all that a function needs is in its definition and in the state."""
    outputs = traced.outputs if isinstance(traced.outputs, dict) else {"": traced.outputs}
    return (
        all(isinstance(position, int) for position in [*traced.captures, *outputs.values()])
        and all(isinstance(name, str) for name in outputs)
        and _library(traced).ByteSize() <= _MAX_BYTES
        and not any(
            # Python's functions, a global seed, and devices belong to one process.
            "PyFunc" in node.op or "seed2" in node.attr or node.device
            for definition in _library(traced).function
            for node in definition.node_def
        )
    )
