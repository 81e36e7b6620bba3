"""An estimator as skops's JSON with numbered parts, and back.

skops turns the objects of scikit-learn into JSON. What it would keep beside the JSON, and what
only skdl can hold against anything, are parts with numbers: in the JSON stands a `Part`. A file
is looked through before skops gets to see it: only kinds of nodes that are understood here, no
files, nothing that refers to another node, so that it is a tree that is read once.
"""

from __future__ import annotations

import io
import json
import pickle
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from math import prod
from typing import Any
from zipfile import ZipFile

import numpy as np
import scipy.sparse as sp

from skdl._files.attributes import check_attributes
from skdl._files.known import COPYING, is_known
from skdl._files.parts import PartEncoder, is_part
from skdl._networks.names import is_registered
from skdl._networks.stand_ins import Copied
from skdl.exceptions import InvalidFileError

_SKOPS_PROTOCOL = 2
_SCHEMA = "schema.json"
_MAX_COPIES = 16  # of one array, by objects that copy it
_parts: ContextVar[list] = ContextVar("parts of the estimator being loaded")


class Part:
    """Stands for a part in what skops saves; made by skops, it is the part."""

    number: int

    def __new__(cls, number: int) -> Any:
        return _parts.get()[number]

    @classmethod
    def standing_for(cls, number: int) -> Part:
        """Return a stand-in."""
        part = object.__new__(cls)
        part.number = number
        return part

    def __reduce__(self) -> tuple:
        return Part, (self.number,)


class ObjectArray:
    """Made by skops, an array of objects of a shape."""

    def __new__(cls, shape: tuple[int, ...], items: list) -> Any:
        if prod(shape) != len(items) or any(size < 0 for size in shape):
            raise InvalidFileError(f"it has {len(items)} objects in an array of shape {shape}")
        array = np.empty(len(items), dtype=object)
        for position, item in enumerate(items):  # at once, NumPy would look into the items
            array[position] = item
        return array.reshape(shape)


class MaskedArray:
    """Made by skops, a masked array of an array and a mask of its shape, neither copied."""

    def __new__(cls, data: np.ndarray, mask: np.ndarray) -> Any:
        if not isinstance(data, np.ndarray) or not isinstance(mask, np.ndarray | np.bool):
            raise InvalidFileError("it has a masked array that is none")
        if mask.dtype != bool or mask.shape not in ((), data.shape):
            raise InvalidFileError(f"it has a mask of shape {mask.shape} on one of {data.shape}")
        return np.ma.MaskedArray(data, mask if mask.ndim else np.ma.nomask)


_PART = {"__class__": "Part", "__module__": __name__, "__loader__": "ConstructorFromReduceNode"}
_ARRAY = {**_PART, "__class__": "ObjectArray"}
_MASKED = {**_PART, "__class__": "MaskedArray"}
_TUPLE = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode"}
_LIST = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
_JSON = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "is_json": True}


class TreeWriter:
    """Makes the tree of an estimator; the parts are collected, as JSON, in `parts`."""

    def __init__(self):
        self.encoder = PartEncoder()
        self.parts: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self._kept: list[Any] = []

    def write(self, estimator: Any) -> dict[str, Any]:
        """Return the tree.

        Raises
        ------
        TypeError
            If something in the estimator cannot be saved; the message names it.
        """
        import skops.io

        copied = self._with_stand_ins(estimator)
        with ZipFile(io.BytesIO(skops.io.dumps(copied))) as self._archive:
            schema = json.loads(self._archive.read(_SCHEMA))
            if schema.get("protocol") != _SKOPS_PROTOCOL:
                raise TypeError(f"This skops writes protocol {schema.get('protocol')!r}.")
            return self._cleaned(schema)

    def _number(self, key, value):
        """Return the number of a part, encoded when it is met for the first time."""
        if key not in self._numbers:
            self._kept.append(value)  # so that its id stays its own
            self.parts.append(self.encoder.encode(value))
            self._numbers[key] = len(self.parts) - 1
        return self._numbers[key]

    def _with_stand_ins(self, estimator):
        """Return a copy in which stand-ins take the place of parts; arrays are not copied."""
        writer = self

        class Pickler(pickle.Pickler):
            def persistent_id(self, value):
                value = value.instance if isinstance(value, Copied) else value
                if type(value) is np.ndarray and not value.dtype.hasobject:
                    writer._kept.append(value)
                    return "same", len(writer._kept) - 1
                if is_part(value):
                    return "part", writer._number(id(value), value)
                return None

            def reducer_override(self, value):
                # NumPy's own state of them is a list, which a stand-in cannot replace.
                if type(value) in (np.ndarray, np.ma.MaskedArray) and value.dtype.hasobject:
                    masked = (np.ma.getmask(value), value.fill_value) if np.ma.isMA(value) else ()
                    items = tuple(np.asarray(value).ravel().tolist())
                    return _array_of_objects, (value.shape, items, *masked)
                return NotImplemented

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, found):
                kind, number = found
                return writer._kept[number] if kind == "same" else Part.standing_for(number)

        buffer = io.BytesIO()
        try:
            Pickler(buffer).dump(estimator)
        except (pickle.PicklingError, AttributeError) as error:
            raise TypeError(
                f"{type(estimator).__name__} cannot be saved: {error}. Lambdas and what is defined "
                "inside of functions cannot be saved: define it at the top of a module."
            ) from error
        buffer.seek(0)
        return Unpickler(buffer).load()

    def _cleaned(self, node):
        """Return skops's JSON without ids, and with parts in place of its files."""
        if isinstance(node, list):
            return [self._cleaned(item) for item in node]
        if not isinstance(node, dict):
            return node
        kind = node.get("__loader__")
        if kind == "NdArrayNode" and node["type"] == "json":
            return self._object_array(node)
        if kind == "MaskedArrayNode":
            data_and_mask = [self._cleaned(node["content"][name]) for name in ("data", "mask")]
            return {**_MASKED, "content": {**_TUPLE, "content": data_and_mask}}
        if kind == "DTypeNode":
            with self._archive.open(node["content"]["file"]) as file:
                return self._part(np.load(file).dtype)
        if isinstance(node.get("file"), str):
            return self._part(self._content(kind, node), node["file"])
        return {key: self._cleaned(value) for key, value in node.items() if key != "__id__"}

    def _content(self, kind, node):
        """Return what skops put into a file."""
        with self._archive.open(node["file"]) as file:
            if kind == "NdArrayNode":
                array = np.load(file, allow_pickle=False)
                return array if array.ndim or node["__class__"] == "ndarray" else array[()]
            if kind == "SparseMatrixNode":
                return _sparse(file.read())
            if kind == "BytesNode":
                return file.read()
        raise TypeError(f"{node['__module__']}.{node['__class__']} cannot be saved.")

    def _part(self, value, key=None):
        number = self._number(key or ("value", len(self._kept)), value)
        return {**_PART, "content": {**_TUPLE, "content": [{**_JSON, "content": str(number)}]}}

    def _object_array(self, node):
        """Return a node for an array of objects, whose items skops has in lists of lists."""
        shape, items = self._cleaned(node["shape"]), node["content"]
        for _ in shape["content"][1:]:
            items = [item for each in items for item in each["content"]]
        items = {**_LIST, "content": self._cleaned(items)}
        return {**_ARRAY, "content": {**_TUPLE, "content": [shape, items]}}


def _array_of_objects(shape, items, *masked):
    """Return an array of objects, masked if a mask and a fill value are given."""
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):  # which may be sequences that NumPy would take apart
        array[i] = item
    array = array.reshape(shape)
    if not masked:
        return array
    mask, fill_value = masked
    return np.ma.MaskedArray(array, mask=mask, fill_value=fill_value)


class TreeReader:
    """Looks through a tree, and makes the estimator of it.

    Parameters
    ----------
    tree : dict
        As `TreeWriter` makes it; anything, from a stranger.
    n_parts : int
        Number of parts in the file.
    trusted : set of str
        Names that the user trusts, beside those that are known.
    """

    def __init__(self, tree: Any, n_parts: int, trusted: set[str]):
        self._tree, self._n_parts, self._trusted = tree, n_parts, trusted
        self._names: set[str] = set()
        self._copies: Counter[str] = Counter()

    def check(self) -> Iterator[str]:
        """Yield the names in the tree that are neither known nor trusted.

        Raises
        ------
        InvalidFileError
            If it is no such tree.
        """
        if not isinstance(self._tree, dict) or self._tree.get("protocol") != _SKOPS_PROTOCOL:
            raise InvalidFileError(f"its tree is not of skops's protocol {_SKOPS_PROTOCOL}")
        yield from self._check(self._tree)

    def _check(self, node):
        kind, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        children = _CHILDREN.get(kind)
        if children is None or "__id__" in node:
            raise InvalidFileError(f"its tree has a node of the unknown kind {kind!r}")
        self._names.add(name)
        if name in COPYING:
            self._check_copies(node)
        if kind == "ConstructorFromReduceNode" and node["__module__"] == __name__:
            self._check_own(node)
        elif name not in self._trusted and not is_known(kind, name):
            yield name
        elif kind == "JsonNode":
            value = _scalar(node)
            if isinstance(value, str) and is_registered(value) and value not in self._trusted:
                yield value  # Keras would look it up among the custom objects
        for child in children(node):
            yield from self._check(child)

    def _check_copies(self, node):
        """Check that an array is not held many times by objects that copy theirs."""
        for value in node["content"]["content"].values():
            if value["__class__"] == "Part":
                self._copies.update([value["content"]["content"][0]["content"]])
        if self._copies and self._copies.most_common(1)[0][1] > _MAX_COPIES:
            raise InvalidFileError("its tree has one array in very many places")

    def _check_own(self, node):
        """Check the arguments of `Part`, `ObjectArray` and `MaskedArray`."""
        arguments = node["content"]["content"]
        if node["content"]["__loader__"] != "TupleNode":
            raise InvalidFileError("its tree has a part without a number")
        if node["__class__"] == "Part":
            (number,) = map(_scalar, arguments)
            if type(number) is not int or not 0 <= number < self._n_parts:
                raise InvalidFileError(f"it has no part {number!r}")
        elif node["__class__"] == "ObjectArray":
            shape, items = arguments
            sizes = [_scalar(size) for size in shape["content"]]
            if items["__loader__"] != "ListNode" or any(type(size) is not int for size in sizes):
                raise InvalidFileError("its tree has an array of objects without a shape")
        elif node["__class__"] != "MaskedArray":
            raise InvalidFileError(f"its tree has a {node['__class__']!r}")

    def build(self, parts: list[Any]) -> Any:
        """Return the estimator, by skops; `check` must have yielded nothing."""
        import skops.io

        buffer = io.BytesIO()
        with ZipFile(buffer, "w") as archive:
            archive.writestr(_SCHEMA, json.dumps(self._tree))
        token = _parts.set(parts)
        try:
            made = skops.io.loads(buffer.getvalue(), trusted=sorted(self._names))
        finally:
            _parts.reset(token)
        check_attributes(made, self._trusted)
        return made


def _scalar(node):
    """Return the number, text, boolean or None of a JSON node."""
    value = json.loads(node["content"])
    if isinstance(value, list | dict):
        raise InvalidFileError("its tree has a container where a number or text should be")
    return value


def _of_list(node):
    if not isinstance(node["content"], list):
        raise InvalidFileError("its tree has a list without content")
    return node["content"]


def _of_dict(node):
    content, types = node["content"], node["key_types"]
    if "class_name" in content:
        raise InvalidFileError("it holds a Keras configuration that is not marked as one")
    if types["__loader__"] != "ListNode" or len(types["content"]) != len(content):
        raise InvalidFileError("its tree has a dict whose keys have no types")
    if any(each["__loader__"] != "TypeNode" for each in types["content"]):
        raise InvalidFileError("its tree has a dict whose keys have types that are none")
    return [types, *content.values()]


def _sparse(content):
    try:
        return sp.load_npz(io.BytesIO(content))
    except ValueError as error:  # SciPy 1.13 writes what has one axis, and does not read it
        raise TypeError(f"A sparse array cannot be saved ({error}): make it dense.") from error


def _of_slice(node):
    ends = [node["content"][name] for name in ("start", "stop", "step")]
    if any(not isinstance(end, int | str | None) for end in ends):  # texts are names of columns
        raise InvalidFileError("its tree has a slice from or to no number or name")
    return ()


def _of_object(node):
    return [node["content"]] if node.get("content") is not None else []


_CHILDREN = {
    "JsonNode": lambda node: (),
    "ListNode": _of_list,
    "TupleNode": _of_list,
    "SetNode": _of_list,
    "DictNode": _of_dict,
    "SliceNode": _of_slice,
    "ObjectNode": _of_object,
    "ConstructorFromReduceNode": _of_object,
    "FunctionNode": lambda node: (),
    "TypeNode": lambda node: (),
    "PartialNode": lambda node: [
        node["content"][name] for name in ("func", "args", "kwds", "namespace")
    ],
    "LossNode": lambda node: [node["__reduce__"]["args"], node["content"]],
    "TreeNode": lambda node: [node["__reduce__"]["args"], node["content"]],
}
