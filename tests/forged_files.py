"""Valid files taken apart, and put together again with any contents."""

import json
import tempfile
import zipfile
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl._common.archive import write_archive
from skdl.exceptions import InvalidFileError

ROOT = Path(__file__).parents[1]
NAMES = ("skdl.json", "estimator.json", "arrays.bin")


@cache
def _valid():
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2
    net = skdl.DenseClassifier((3,), epochs=1, random_state=0, metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.skdl"
        skdl.save(make_pipeline(StandardScaler(), net).fit(X, y), path)
        return members_of(path)


def valid_members():
    """Return the members of a valid file: skdl.json, estimator.json, and the arrays."""
    return deepcopy(_valid())


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        about, tree, arrays = map(archive.read, archive.namelist())
    return json.loads(about), json.loads(tree), arrays


def with_members(path, members):
    """Write a file as skdl.save does, of any members (name, bytes)."""
    with open(path, "wb") as file:
        write_archive(file, [(name, [content]) for name, content in members])
    return path


def forged(path, about, tree, arrays):
    """Write a file as skdl.save does, with any contents."""
    contents = json.dumps(about).encode(), json.dumps(tree).encode(), arrays
    return with_members(path, zip(NAMES, contents, strict=True))


def refused(path, match=None, error=InvalidFileError, **arguments):
    """Assert that a file is refused, and return the error."""
    with pytest.raises(error, match=match) as info:
        skdl.load(path, **arguments)
    return info.value


def network_of(about):
    """Return the network in skdl.json."""
    (network,) = [p for p in about["parts"] if isinstance(p, dict) and p.get("$") == "network"]
    return network


def marked(config):
    """Return a Keras configuration as skdl.save writes it."""
    if isinstance(config, list | tuple):
        return [marked(item) for item in config]
    if not isinstance(config, dict):
        return config
    entries = {key: marked(value) for key, value in config.items()}
    return {"$": "config", "entries": entries} if "class_name" in config else entries


# Nodes of skops's JSON.


def node(loader, name, **rest):
    module, _, cls = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": cls, **rest}


def json_node(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def list_node(content):
    return node("ListNode", "builtins.list", content=content)


def tuple_node(content):
    return node("TupleNode", "builtins.tuple", content=content)


def dict_node(**content):
    types = list_node([node("TypeNode", "builtins.str") for _ in content])
    return node("DictNode", "builtins.dict", content=content, key_types=types)
