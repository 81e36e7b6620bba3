"""Files of kilobytes that stand for gigabytes are refused in little memory."""

import json
import os
import struct
import subprocess
import sys
import textwrap
import zipfile
from copy import deepcopy
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.sparse as sp
from forged_files import (
    NAMES,
    ROOT,
    forged,
    json_node,
    list_node,
    marked,
    members_of,
    network_of,
    refused,
    tuple_node,
    valid_members,
    with_members,
)
from sklearn.isotonic import IsotonicRegression
from sklearn.preprocessing import FunctionTransformer

import skdl

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="reads the memory that is taken from /proc"
)


@pytest.fixture
def saved():
    return valid_members()


IN_LITTLE_MEMORY = """
    import resource, sys
    import skdl
    from skdl.exceptions import InvalidFileError, UntrustedTypesError
    import skops.io, skdl._files.saving, skdl._files.estimator_tree, skdl._files.saved_networks
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + {megabytes} * 2**20,) * 2)
    for path in sys.argv[1:]:
        try:
            skdl.load(path)
        except (InvalidFileError, UntrustedTypesError) as error:
            assert "MemoryError" not in str(error), error
            print(error)
        else:
            raise AssertionError(path)
"""


def refused_in_little_memory(paths, megabytes):
    """Load files where so much memory is left; return the errors."""
    script = textwrap.dedent(IN_LITTLE_MEMORY.format(megabytes=megabytes))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@needs_proc
@pytest.mark.slow  # for the start of a process
def test_they_are_refused_in_little_memory(saved, tmp_path):
    """In 300 MiB beside what the imports take, where each of them asks for at least 400."""
    paths = [*containers(*saved, tmp_path), *networks(*saved, tmp_path)]
    errors = refused_in_little_memory(paths, 300)
    assert len(errors) == len(paths)


def containers(about, tree, arrays, tmp_path):
    """Return files whose container, arrays or objects claim to be large."""
    paths = []

    def bomb(changed_about=about, changed_tree=tree, changed_arrays=arrays):
        name = tmp_path / f"bomb{len(paths)}.skdl"
        paths.append(forged(name, changed_about, changed_tree, changed_arrays))

    paths.append(tmp_path / "bomb.zip")
    with zipfile.ZipFile(paths[-1], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in ("skdl.json", "estimator.json", "arrays.bin"):
            with archive.open(member, "w", force_zip64=True) as file:
                for _ in range(32):
                    file.write(bytes(2**24))
    for shape in ([10**9], [10**10], [2**62], [2**40, 2**40], [10**5, 10**5], [-1, -(10**9)]):
        for dtype in ("<f8", "|V1000000000", "<U100000000", [["a", "<f8"]], "|S0", "bfloat16"):
            bomb({**about, "arrays": [*about["arrays"], [dtype, shape, "C"]]})
    header = bytearray(paths[2].read_bytes())
    at = header.index(b"arrays.bin") + len("arrays.bin") + 4
    header[at : at + 16] = struct.pack("<2Q", 2**40, 2**40)
    (tmp_path / "sizes.skdl").write_bytes(header)
    paths.append(tmp_path / "sizes.skdl")
    one = {"__class__": "Part", "__module__": "skdl._files.estimator_tree"}
    one |= {"__loader__": "ConstructorFromReduceNode"}
    for shape in ([10**9], [10**5, 10**5], [-1], [0, 10**18]):
        shape = [json_node(size) for size in shape]
        arguments = tuple_node([tuple_node(shape), list_node([json_node(1)])])
        bomb(changed_tree={**tree, **one, "__class__": "ObjectArray", "content": arguments})
    return paths


def networks(about, tree, arrays, tmp_path):
    """Return files of kilobytes whose networks, models or metrics are of gigabytes."""
    paths = []

    def network(**changes):
        changed = deepcopy(about)
        config, state = network_of(changed)["config"], network_of(changed)["state"]
        for name, value in changes.items():
            place = next(p for p in (config, state, config["arguments"]) if name in p)
            place[name] = value
        paths.append(forged(tmp_path / f"{len(paths)}.skdl", changed, tree, arrays))

    def sizes(*numbers):
        return {"$": "tuple", "items": numbers}

    network(hidden_layer_sizes=sizes(10**9))
    network(hidden_layer_sizes=10**9)
    network(hidden_layer_sizes=sizes(10**9, 10**9))
    network(hidden_layer_sizes=sizes(*[1] * 10**5))
    network(input_shape=sizes(10**9))
    network(input_shape=sizes(10**30))
    network(n_outputs=10**9)
    network(target_shape=sizes(10**10))
    network(target_shape=sizes(*[10**5] * 3))
    for name, settings_ in (
        ("AUC", {"num_thresholds": 10**9}),
        ("MeanIoU", {"num_classes": 10**5}),
    ):
        metric = {"$": "recipe", "name": f"keras.metrics.{name}", "config": settings_}
        network(metrics=sizes(metric))
    paths.append(tmp_path / "metric.skdl")
    changed = deepcopy(about)
    changed["parts"].append({**metric, "$": "object"})
    forged(paths[-1], changed, tree, arrays)
    config = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 3)]).get_config()
    config["layers"][1]["config"]["filters"] = 10**9
    backbone = {"$": "recipe", "name": "keras.Sequential", "config": marked(config)}
    for builder, special in (
        ("build_convnet", {"n_outputs": 1, "filters": 10**9}),
        ("build_convnet", {"n_outputs": 1, "filters": 1, "pool_size": None, "strides": 1}),
        ("build_pretrained", {"n_outputs": 1, "backbone": backbone}),
        ("build_features", {"backbone": backbone}),
        ("build_features", {"backbone": backbone, "image_shape": sizes(10**6, 10**6)}),
    ):
        changed = deepcopy(about)
        side = 10**5 if builder == "build_convnet" else 4
        shape = {"input_shape": sizes(side, side, 3), "dtype": "float32"}
        network_of(changed)["builder"] = builder
        network_of(changed)["config"]["arguments"] = {**shape, **special}
        paths.append(forged(tmp_path / f"builder{len(paths)}.skdl", changed, tree, arrays))
    encoded = {"$": "recipe", "name": "keras.Sequential", "config": marked(config)}
    for part in ({**encoded, "$": "model", "weights": [0, 1]}, {**encoded, "$": "object"}):
        changed = deepcopy(about)
        changed["parts"].append(part)
        paths.append(forged(tmp_path / f"{part['$']}.skdl", changed, tree, arrays))
    for part in nested():
        paths.append(tmp_path / f"nested{len(paths)}.skdl")
        forged(paths[-1], {**about, "parts": [*about["parts"], part]}, tree, arrays)
    assert sorted(path.stat().st_size for path in paths)[-2] < 50_000  # but for many layers
    return paths


def serialized(thing, **changes):
    """Return a Keras configuration, changed, as skdl.save writes it."""
    described = keras.saving.serialize_keras_object(thing)
    described["config"] |= changes
    return marked(described)


def nested():
    """Yield Keras objects that hide another, which would take gigabytes as it is made."""
    large = serialized(keras.metrics.AUC(), num_thresholds=10**9)
    for holder, name in (
        ("keras.layers.Activation", "activation"),
        ("keras.metrics.MeanMetricWrapper", "fn"),
        ("keras.losses.Huber", "fn"),
        ("keras.optimizers.Adam", "learning_rate"),
        ("keras.initializers.Constant", "value"),
    ):
        for kind in ("object", "recipe"):
            yield {"$": kind, "name": holder, "config": {name: large}}
            yield {"$": kind, "name": holder, "config": {name: [{"deeper": large}]}}
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    yield {"$": "object", "name": "keras.layers.Activation",
           "config": {"activation": serialized(model)}}  # fmt: skip
    wide = keras.Sequential([keras.Input((2,)), keras.layers.Normalization()]).get_config()
    wide["layers"][0]["config"]["batch_shape"] = [None, 10**9]
    yield {"$": "model", "name": "keras.Sequential", "config": marked(wide), "weights": []}


def test_shapes_in_configurations_allocate_nothing(saved, tmp_path):
    """Keras would build the layer for the shape that is beside its configuration."""
    dense = keras.layers.Dense(16000)
    described = keras.saving.serialize_keras_object(dense)
    described["build_config"] = {"input_shape": [None, 16000]}
    config = {"activation": marked(described)}
    about, tree, arrays = saved
    net = tree["content"]["content"]["steps"]["content"][1]["content"][1]["content"]["content"]
    part = {**net["hidden_layer_sizes"]}
    part |= {"__loader__": "ConstructorFromReduceNode", "__class__": "Part"}
    part["__module__"] = "skdl._files.estimator_tree"
    part["content"] = tuple_node([json_node(len(about["parts"]))])
    net["activation"] = part
    about["parts"].append({"$": "object", "name": "keras.layers.Activation", "config": config})
    loaded = skdl.load(forged(tmp_path / "built.skdl", about, tree, arrays))
    assert loaded[-1].activation.activation.units == 16000
    assert not loaded[-1].activation.activation.built


def test_refused_networks_leave_no_variables_to_be_made(saved, tmp_path):
    """Keras makes those that it has noted as soon as anything ends a scope of its own."""
    about, tree, arrays = saved
    sizes = {"$": "tuple", "items": [10**9]}
    network_of(about)["config"]["arguments"]["hidden_layer_sizes"] = sizes
    refused(forged(tmp_path / "wide.skdl", about, tree, arrays), "more numbers than it may have")
    with keras.StatelessScope():
        pass  # took 32 GB, or failed for lack of them


@pytest.mark.slow
@needs_proc
def test_the_largest_json_takes_bounded_memory(saved, tmp_path):
    """JSON as large as is read, of the smallest lists and dicts: 3 GiB are enough. Slow: 64 MB."""
    about, _, arrays = saved
    paths = []
    for small in ("[]", "{}", "0"):
        count = 2**25 // (len(small) + 1) - 100
        text = "[" + f"{small}," * count + "0]"
        for about_text, tree_text in ((text, "{}"), (json.dumps(about), text)):
            contents = about_text.encode(), tree_text.encode(), arrays
            name = tmp_path / f"{len(paths)}.skdl"
            paths.append(with_members(name, zip(NAMES, contents, strict=True)))
    assert len(refused_in_little_memory(paths, 3000)) == len(paths)


def test_one_array_is_not_copied_many_times(saved, tmp_path):
    """An array that is stored once could fill the memory with its copies."""
    matrix = FunctionTransformer(kw_args={"matrix": sp.csr_matrix(np.eye(3)), "bytes": b"123"})
    skdl.save(matrix, tmp_path / "matrix.skdl")
    about, tree, arrays = members_of(tmp_path / "matrix.skdl")
    for part in about["parts"]:
        twice = {**about, "parts": [*about["parts"], part]}
        refused(forged(tmp_path / "twice.skdl", twice, tree, arrays), "used more than once")
    about, tree, arrays = saved
    constant = {"value": {"$": "array", "array": 0}}
    part = {"$": "recipe", "name": "keras.initializers.Constant", "config": constant}
    twice = {**about, "parts": [*about["parts"], part, part]}
    refused(forged(tmp_path / "twice.skdl", twice, tree, arrays), "used more than once")
    skdl.save(IsotonicRegression().fit([1, 2, 3], [1, 2, 3]), tmp_path / "isotonic.skdl")
    about, tree, arrays = members_of(tmp_path / "isotonic.skdl")
    for number in (16, 17):
        many = {**list_node([tree] * number), "protocol": 2}
        path = forged(tmp_path / "many.skdl", about, many, arrays)
        if number == 16:
            assert len(skdl.load(path)) == 16
    refused(path, "very many places")


def test_masks_and_numbers_of_other_shapes_are_refused(tmp_path):
    array = np.ma.MaskedArray(np.arange(4.0), [True, False, False, True])
    skdl.save(FunctionTransformer(kw_args={"m": array, "n": np.float64(1)}), tmp_path / "m.skdl")
    about, tree, arrays = members_of(tmp_path / "m.skdl")
    (masked,) = [
        value
        for value in tree["content"]["content"]["kw_args"]["content"].values()
        if value["__class__"] == "MaskedArray"
    ]
    data, mask = masked["content"]["content"]
    for changed in ([data, data], [mask, data], [json_node(1), mask], [data, json_node(True)]):
        masked["content"]["content"] = changed
        refused(forged(tmp_path / "m.skdl", about, tree, arrays), "mask")
    masked["content"]["content"] = [data, mask]
    (scalar,) = [part for part in about["parts"] if part["$"] == "scalar"]
    (scalar["array"],) = [part["array"] for part in about["parts"] if part["$"] == "array"][:1]
    refused(forged(tmp_path / "m.skdl", about, tree, arrays), "as a number")


def test_networks_with_large_outputs_are_refused(tmp_path):
    """Layers without weights can make many numbers of few."""
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1)])
    net = skdl.PretrainedFeatureExtractor(model, image_shape=(3, 3))
    skdl.save(net.fit(np.zeros((8, 2, 2, 3), np.float32)), tmp_path / "net.skdl")
    about, tree, arrays = members_of(tmp_path / "net.skdl")
    (features,) = [p for p in about["parts"] if isinstance(p, dict) and p.get("$") == "features"]
    arguments = features["state"]["network"]["config"]["arguments"]
    assert arguments["image_shape"] == {"$": "tuple", "items": [3, 3]}
    for side in (4000, 10**6):
        arguments["image_shape"]["items"] = [side, side]
        path = forged(tmp_path / "large.skdl", about, tree, arrays)
        refused(path, "would make|cannot be built")


def test_json_that_is_too_long_is_not_read(saved, tmp_path):
    about, tree, arrays = saved
    about = {**about, "more": "x" * 2**25}
    refused(forged(tmp_path / "long.skdl", about, tree, arrays), "more than 33554432 are not read")
