"""Functions that TensorFlow knows, and those that are named by their content.

Under names of this kind a function can be written to a file and be read in any process: no other
function has its name, and what XLA compiles of it is found by the name.
"""

from __future__ import annotations

import hashlib
import re
import weakref
from collections.abc import Iterator
from typing import Any

import skdl._networks.keras  # noqa: F401 - loads TensorFlow without its log lines

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from tensorflow.core.framework.function_pb2 import FunctionDef, FunctionDefLibrary  # isort: skip
from tensorflow.core.framework.op_def_pb2 import OpDef  # isort: skip
from tensorflow.python.eager import context  # isort: skip

_n_namings = 0
_NUMBERS = re.compile(r"^__(inference|forward)_|_+\d+")


class Function:
    """A function that TensorFlow knows by the name in its signature."""

    def __init__(self, signature: OpDef):
        self._name, self._n_outputs = signature.name.encode(), len(signature.output_arg)

    def __call__(self, inputs: list[Any]) -> list[tf.Tensor]:
        """Return the outputs, one after the other."""
        return context.context().call_function(self._name, inputs, self._n_outputs)


class DefinedFunction(Function):
    """A function and all those that it calls, known to TensorFlow as long as this object lives.

    Parameters
    ----------
    definitions : FunctionDefLibrary
        Each behind those that it calls; the last is the function.
    """

    def __init__(self, definitions: FunctionDefLibrary):
        known = context.context()
        names: list[str] = []
        weakref.finalize(self, _forget, known, names).atexit = False
        for definition in definitions.function:
            known.add_function_def(definition)  # equal ones are counted, so each may come again
            names.append(definition.signature.name)
        super().__init__(definitions.function[-1].signature)


def _forget(known: context.Context, names: list[str]) -> None:
    for name in names:
        known.remove_function(name)


def name_anew() -> None:
    """Give other names to the functions that follow, whatever TensorFlow remembers of a name."""
    global _n_namings
    _n_namings += 1


def definitions_of(traced: Any) -> tuple[FunctionDefLibrary, dict[str, str]]:
    """Return the definitions of a traced function and of all that it calls, named by content.

    Also returned are the names that they had before, by the new ones.
    """
    known, salt = context.context(), str(_n_namings or "")
    found: dict[str, FunctionDef] = {}

    def collect(name: str) -> str:
        """Return the new name of a function, after those that it calls, whose names it holds."""
        if name not in found:
            definition = known.get_function_def(name)  # a copy
            for called in _called(definition):
                called.name = collect(called.name)
            definition.signature.name = ""
            content = salt.encode() + definition.SerializeToString(deterministic=True)
            digest = hashlib.sha256(content).hexdigest()[:32]
            definition.signature.name = f"{_NUMBERS.sub('', name)}_{digest}"
            found[name] = definition
        return found[name].signature.name

    collect(traced.function_def.signature.name)
    before = {definition.signature.name: name for name, definition in found.items()}
    return FunctionDefLibrary(function=found.values()), before


def _called(definition: FunctionDef) -> Iterator[Any]:
    """Yield what names another function in a definition."""
    for node in definition.node_def:
        for value in node.attr.values():
            yield from [value.func] if value.HasField("func") else value.list.func
