"""Files from strangers: made by hand to run code, to fill the memory, to write elsewhere, or broken.

Each is refused with one of skdl's errors; none was believed before it was checked.
"""

import io
import json
import os
import pickle
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, PredefinedSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skdl
from skdl._archive import write_archive
from skdl.exceptions import InvalidFileError, UnsupportedVersionError, UntrustedTypesError

ROOT = Path(__file__).parents[1]
REFUSED = (InvalidFileError, UntrustedTypesError, UnsupportedVersionError)
LAMBDA = keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: x))


def fitted(**parameters):
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2
    net = skdl.DenseClassifier((3,), epochs=1, random_state=0, **parameters)
    return make_pipeline(StandardScaler(), net).fit(X, y)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The members of a valid file: what skdl.json and estimator.json say, and the arrays."""
    path = tmp_path_factory.mktemp("saved") / "net.skdl"
    skdl.save(fitted(metrics=["accuracy"]), path)
    return members_of(path)


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        about, tree, arrays = map(archive.read, archive.namelist())
    return json.loads(about), json.loads(tree), arrays


def forged(path, about, tree, arrays):
    """Write a file as skdl.save does, with any contents."""
    with open(path, "wb") as file:
        write_archive(
            file,
            [
                ("skdl.json", [json.dumps(about).encode()]),
                ("estimator.json", [json.dumps(tree).encode()]),
                ("arrays.bin", [arrays]),
            ],
        )
    return path


def refused(path, match=None, error=InvalidFileError, **arguments):
    with pytest.raises(error, match=match) as info:
        skdl.load(path, **arguments)
    return info.value


def network_of(about):
    (network,) = [p for p in about["parts"] if isinstance(p, dict) and p.get("$") == "network"]
    return network


# The container.


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The bytes of a small valid file."""
    path = tmp_path_factory.mktemp("small") / "split.skdl"
    skdl.save(PredefinedSplit([0, 1, 1]), path)
    return path.read_bytes()


def test_a_file_cut_off_anywhere_is_refused(small, tmp_path):
    path = tmp_path / "cut.skdl"
    for length in range(len(small)):
        path.write_bytes(small[:length])
        refused(path, "no file that skdl.save wrote, or it is damaged")


def test_a_file_with_a_bit_flipped_anywhere_is_refused(small, tmp_path):
    path, rng = tmp_path / "flipped.skdl", np.random.default_rng(0)
    for position in range(len(small)):
        damaged = bytearray(small)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        refused(path)


def test_a_network_with_a_bit_flipped_is_refused(saved, tmp_path):
    path = forged(tmp_path / "net.skdl", *saved)
    whole = path.read_bytes()
    for position in np.random.default_rng(1).integers(len(whole), size=300):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        refused(path)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=300), at=st.integers(0, 10**6), cut=st.integers(0, 300))
def test_bytes_put_in_anywhere_are_refused(noise, at, cut, small, tmp_path):
    at %= len(small) + 1
    changed = small[:at] + noise + small[at + cut :]
    if changed != small:
        (tmp_path / "noise.skdl").write_bytes(changed)
        refused(tmp_path / "noise.skdl")


class Exploit:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_pickles_are_never_loaded(saved, small, tmp_path):
    ran = tmp_path / "ran"
    exploit = pickle.dumps(Exploit(ran))
    array = io.BytesIO()
    np.save(array, np.array([Exploit(ran)], dtype=object), allow_pickle=True)
    about, tree, arrays = saved
    for number, content in enumerate([exploit, small + exploit, exploit + small, array.getvalue()]):
        path = tmp_path / f"{number}.skdl"
        path.write_bytes(content)
        refused(path)
    for dtype in ("|O", "O", [["a", "|O"]], "object"):
        changed = deepcopy(about)
        changed["arrays"][0] = [dtype, [1], "C"]
        refused(forged(tmp_path / "object.skdl", changed, tree, exploit + arrays))
    refused(forged(tmp_path / "pickle.skdl", about, tree, exploit), "arrays should take")
    assert not ran.exists()
    with open(tmp_path / "extra.skdl", "wb") as file:
        write_archive(
            file,
            [*zip(("skdl.json", "estimator.json", "arrays.bin"),
                  ([json.dumps(about).encode()], [json.dumps(tree).encode()], [arrays])),
             ("object.pkl", [exploit])],
        )  # fmt: skip
    refused(tmp_path / "extra.skdl", "more members")
    assert not ran.exists()


NAMES = [
    ["../../skdl.json", "estimator.json", "arrays.bin"],
    ["/tmp/skdl.json", "estimator.json", "arrays.bin"],
    ["skdl.json", "skdl.json", "arrays.bin"],
    ["skdl.json", "estimator.json", "..\\..\\arrays.bin"],
    ["estimator.json", "skdl.json", "arrays.bin"],
    ["skdl.json", "estimator.json"],
    [],
]


@pytest.mark.parametrize("names", NAMES)
def test_other_names_are_refused_and_nothing_is_written(names, saved, tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    about, tree, arrays = saved
    contents = [json.dumps(about).encode(), json.dumps(tree).encode(), arrays]
    with open("names.skdl", "wb") as file:
        write_archive(file, [(n, [c]) for n, c in zip(names, contents, strict=False)])
    before = sorted(tmp_path.rglob("*"))
    refused("names.skdl")
    assert sorted(tmp_path.rglob("*")) == before


def test_other_zip_files_are_refused(saved, tmp_path):
    about, tree, arrays = saved
    contents = {
        "skdl.json": json.dumps(about), "estimator.json": json.dumps(tree), "arrays.bin": arrays,
    }  # fmt: skip
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED):
        with zipfile.ZipFile(tmp_path / "other.skdl", "w", compression) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        refused(tmp_path / "other.skdl", "header of skdl.json|cut off")


IN_LITTLE_MEMORY = """
    import resource, sys
    import skdl
    from skdl.exceptions import InvalidFileError, UntrustedTypesError
    import skops.io, skdl._saving, skdl._estimator_tree
    if {keras}:
        import skdl._saved_networks
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


def refused_in_little_memory(paths, megabytes, keras=False):
    """Load files where so much memory is left; return the errors."""
    script = textwrap.dedent(IN_LITTLE_MEMORY.format(megabytes=megabytes, keras=keras))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory from /proc")
def test_bombs_take_no_memory(saved, tmp_path):
    """Files of kilobytes that stand for gigabytes, in 300 MiB of memory beside the imports."""
    about, tree, arrays = saved
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
    one = {"__class__": "Part", "__module__": "skdl._estimator_tree"}
    one |= {"__loader__": "ConstructorFromReduceNode"}
    for shape in ([10**9], [10**5, 10**5], [-1], [0, 10**18]):
        shape = [json_node(size) for size in shape]
        arguments = tuple_node([tuple_node(shape), list_node([json_node(1)])])
        bomb(changed_tree={**tree, **one, "__class__": "ObjectArray", "content": arguments})
    errors = refused_in_little_memory(paths, 300)
    assert len(errors) == len(paths)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory from /proc")
def test_networks_that_are_too_large_take_no_memory(saved, tmp_path):
    """Networks of gigabytes in a file of kilobytes, in 500 MiB of memory beside the imports."""
    about, tree, arrays = saved
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
    for name, settings_ in (("AUC", {"num_thresholds": 10**9}), ("MeanIoU", {"num_classes": 10**5})):
        metric = {"$": "recipe", "name": f"keras.metrics.{name}", "config": settings_}
        network(metrics=sizes(metric))
    paths.append(tmp_path / "metric.skdl")
    changed = deepcopy(about)
    changed["parts"].append({**metric, "$": "object"})
    forged(paths[-1], changed, tree, arrays)
    for builder in ("build_convnet", "build_pretrained", "build_features"):
        changed = deepcopy(about)
        network_of(changed)["builder"] = builder
        arguments = {"input_shape": sizes(10**5, 10**5, 3), "n_outputs": 1, "pool_size": 10**5}
        network_of(changed)["config"]["arguments"] = {**arguments, "hidden_layer_sizes": sizes()}
        paths.append(forged(tmp_path / f"{builder}.skdl", changed, tree, arrays))
    config = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).get_config()
    config["layers"][1]["config"]["units"] = 10**9
    encoded = {"$": "recipe", "name": "keras.Sequential", "config": marked(config)}
    for part in ({**encoded, "$": "model", "weights": [0, 1]}, {**encoded, "$": "object"}):
        changed = deepcopy(about)
        changed["parts"].append(part)
        paths.append(forged(tmp_path / f"{part['$']}.skdl", changed, tree, arrays))
    errors = refused_in_little_memory(paths, 500, keras=True)
    assert len(errors) == len(paths)
    assert max(path.stat().st_size for path in paths if path.name != "3.skdl") < 50_000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory from /proc")
def test_the_largest_json_takes_bounded_memory(saved, tmp_path):
    """JSON as large as is read, of the smallest lists and dicts: 3 GiB are enough. Slow: 64 MB."""
    about, tree, arrays = saved
    paths = []
    for small in ("[]", "{}", "0"):
        count = 2**25 // (len(small) + 1) - 100
        text = "[" + f"{small}," * count + "0]"
        for about_text, tree_text in ((text, "{}"), (json.dumps(about), text)):
            paths.append(tmp_path / f"{len(paths)}.skdl")
            with open(paths[-1], "wb") as file:
                write_archive(
                    file,
                    [("skdl.json", [about_text.encode()]), ("estimator.json", [tree_text.encode()]),
                     ("arrays.bin", [arrays])],
                )  # fmt: skip
    assert len(refused_in_little_memory(paths, 3000)) == len(paths)


def test_json_that_is_too_long_is_not_read(saved, tmp_path):
    about, tree, arrays = saved
    about = {**about, "more": "x" * 2**25}
    refused(forged(tmp_path / "long.skdl", about, tree, arrays), "more than 33554432 are not read")


# Keras.


def marked(config):
    """Return a Keras configuration as skdl.save writes it."""
    if isinstance(config, list | tuple):
        return [marked(item) for item in config]
    if not isinstance(config, dict):
        return config
    entries = {key: marked(value) for key, value in config.items()}
    return {"$": "config", "entries": entries} if "class_name" in config else entries


@pytest.fixture
def anything_goes():
    """Keras as it is after a user asked it to load lambdas."""
    keras.config.enable_unsafe_deserialization()
    yield
    keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


REGISTERED = []


@pytest.fixture
def registered():
    """A class and a function that the user registered with Keras."""

    @keras.saving.register_keras_serializable("test")
    class Own(keras.layers.Layer):
        def __init__(self, **kwargs):
            REGISTERED.append(self)
            super().__init__(**kwargs)

    @keras.saving.register_keras_serializable("test")
    def own(x):
        REGISTERED.append(x)
        return x

    yield
    for name in ("test>Own", "test>own"):
        del keras.saving.get_custom_objects()[name]
    REGISTERED.clear()


def evil_activations():
    relu = {"module": "keras.layers", "class_name": "ReLU", "config": {}, "registered_name": None}
    own = {"module": "any", "class_name": "Own", "config": {}, "registered_name": "test>Own"}
    function = {"module": "builtins", "class_name": "function", "registered_name": "function"}
    call = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    yield LAMBDA, "keras.layers.Lambda"
    yield {"class_name": "Lambda", "config": LAMBDA["config"]}, "Lambda"
    yield LAMBDA["config"]["function"], "__lambda__"
    yield {**relu, "config": {"name": LAMBDA}}, "keras.layers.Lambda"
    yield {**relu, "config": [{"deeper": LAMBDA}]}, "keras.layers.Lambda"
    yield own, "test>Own"
    yield {**relu, "registered_name": "test>Own"}, "test>Own"
    yield {**function, "config": "test>own"}, "test>own"
    yield {**function, "config": "system"}, "system"
    yield call, "system"
    yield "test>own", "test>own"
    yield {**relu, "module": "os", "class_name": "system"}, "os.system"
    yield {**relu, "class_name": "TFSMLayer"}, "keras.layers.TFSMLayer"
    yield {**relu, "class_name": "TorchModuleWrapper"}, "keras.layers.TorchModuleWrapper"
    yield {**relu, "class_name": "StringLookup"}, "keras.layers.StringLookup"
    yield {"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": []}, None
    yield {"class_name": "__tensor__", "config": {"value": [1], "dtype": "float32"}}, "__tensor__"
    yield {"class_name": "__numpy__", "config": {"value": [""], "dtype": "S999999999"}}, "__numpy__"
    yield {**relu, "compile_config": {"optimizer": "adam"}}, None
    yield {**relu, "shared_object_id": 1}, None


EVIL = list(evil_activations())


@pytest.mark.parametrize("number", range(len(EVIL)))
@pytest.mark.parametrize("place", ["argument", "metric", "loss", "parameter", "unmarked"])
def test_code_in_keras_configurations_is_refused_by_name(
    number, place, saved, tmp_path, anything_goes, registered
):
    evil, name = EVIL[number]
    about, tree, arrays = deepcopy(saved)
    network = network_of(about)
    encoded = marked(evil)
    if place == "argument":
        network["config"]["arguments"]["activation"] = encoded
    elif place == "metric":
        network["config"]["metrics"] = {"$": "tuple", "items": [encoded]}
    elif place == "loss":
        config = {"fn": encoded, "name": "x"}
        network["config"]["loss"] = {"$": "recipe", "name": "keras.losses.Huber", "config": config}
    elif place == "unmarked":
        if isinstance(evil, str):
            pytest.skip("a text is no configuration")
        network["config"]["arguments"]["activation"] = evil
    else:
        about["parts"].append(encoded)
    path = forged(tmp_path / "evil.skdl", about, tree, arrays)
    by_name = name is not None and place != "unmarked"
    error = refused(path, error=UntrustedTypesError if by_name else InvalidFileError)
    if by_name:
        assert name in error.names
        assert name in str(error)
    assert not REGISTERED


def test_our_own_files_with_lambdas_are_refused_too(tmp_path, anything_goes, registered):
    """As parameters, in a pipeline and in a grid: what `fit` would hand to Keras."""
    net = skdl.DenseClassifier(activation=LAMBDA)
    grid = GridSearchCV(skdl.DenseClassifier(), {"activation": ["relu", LAMBDA]})
    for estimator in (net, make_pipeline(StandardScaler(), net), grid):
        skdl.save(estimator, tmp_path / "lambda.skdl")
        error = refused(tmp_path / "lambda.skdl", "runs code", UntrustedTypesError)
        assert error.names == ["__lambda__", "keras.layers.Lambda"]
        skdl.load(tmp_path / "lambda.skdl", trusted=error.names)
    skdl.save(skdl.DenseClassifier(activation="test>own"), tmp_path / "own.skdl")
    assert refused(tmp_path / "own.skdl", error=UntrustedTypesError).names == ["test>own"]


def test_classes_and_functions_of_networks_are_refused_by_name(saved, tmp_path):
    for kind in ("recipe", "object", "function", "model"):
        for name in ("os.system", "builtins.eval", "keras.models.load_model", "keras.layers.Lambda",
                     "keras.utils.get_file", "keras.src.losses.loss.Loss", "keras"):  # fmt: skip
            about, tree, arrays = deepcopy(saved)
            part = {"$": kind, "name": name, "config": {}}
            network_of(about)["config"]["loss"] = part
            path = forged(tmp_path / "evil.skdl", about, tree, arrays)
            assert refused(path, name, UntrustedTypesError).names == [name]


@pytest.mark.parametrize("builder", ["os.system", "skdl.build_dense", "system", "", 3, None, "loads"])
def test_other_builders_are_refused(builder, saved, tmp_path):
    about, tree, arrays = deepcopy(saved)
    network_of(about)["builder"] = builder
    refused(forged(tmp_path / "builder.skdl", about, tree, arrays), "unknown builder")


# skops.


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


def calls(path):
    """Yield trees that would run code or read files, with the name that is refused, if one is."""
    text, empty = json_node(f"touch {path}"), dict_node()
    command = tuple_node([text])
    yield node("ConstructorFromReduceNode", "os.system", content=command), "os.system"
    yield node("ConstructorFromReduceNode", "posix.system", content=command), "posix.system"
    yield node("ObjectNode", "subprocess.Popen", content=dict_node(args=text)), "subprocess.Popen"
    yield node("ListNode", "os.system", content=[text]), "os.system"
    yield node("SetNode", "os.system", content=[text]), "os.system"
    yield node("TupleNode", "os.system", content=[text]), "os.system"
    yield node("DictNode", "os.system", content={}, key_types=list_node([])), "os.system"
    yield node("FunctionNode", "os.system"), "os.system"
    yield node("TypeNode", "builtins.eval"), "builtins.eval"
    yield node("TypeNode", "builtins.exec"), "builtins.exec"
    types = list_node([node("TypeNode", "builtins.eval")])
    eval_keys = node("DictNode", "builtins.dict", content={"1": json_node(1)}, key_types=types)
    yield eval_keys, "builtins.eval"
    calling = list_node([node("FunctionNode", "os.system")])
    yield node("DictNode", "builtins.dict", content={"1": text}, key_types=calling), None
    system = node("FunctionNode", "os.system")
    content = {"func": system, "args": command, "kwds": empty, "namespace": empty}
    yield node("PartialNode", "functools.partial", content=content), "os.system"
    method = {"func": "unlink", "obj": node("ObjectNode", "pathlib.Path", content=empty)}
    yield node("MethodNode", "pathlib.Path", content=method), None
    yield node("OperatorFuncNode", "operator.methodcaller", attrs=command), None
    generator = dict_node(bit_generator=dict_node(bit_generator=json_node("seed")))
    yield node("RandomGeneratorNode", "numpy.random.Generator", content=generator), None
    yield node("RandomStateNode", "numpy.random.RandomState", content=empty), None
    yield node("NdArrayNode", "numpy.ndarray", type="numpy", file="arrays.bin"), None
    yield node("NdArrayNode", "numpy.void", type="json", content=[], shape=tuple_node([])), None
    yield node("SparseMatrixNode", "scipy.sparse.csr_matrix", type="scipy", file="x.npz"), None
    yield node("BytesNode", "builtins.bytes", file="../../etc/passwd"), None
    yield node("DTypeNode", "numpy.dtype", content=empty), None
    yield node("DefaultDictNode", "collections.defaultdict", content={}), None
    yield node("CachedNode", "builtins.list", __id__=1), None
    yield {**list_node([]), "__id__": 1}, None
    state = node("ObjectNode", "scipy.stats._distn_infrastructure.rv_continuous", content=empty)
    yield state, "scipy.stats._distn_infrastructure.rv_continuous"  # whose __setstate__ runs code
    reduce = {"args": command}
    yield node("LossNode", "os.system", __reduce__=reduce, content=empty), "os.system"
    yield node("TreeNode", "sklearn.tree._tree.Tree", __reduce__=reduce, content=empty), (
        "sklearn.tree._tree.Tree"
    )
    yield node("ConstructorFromReduceNode", "skdl._estimator_tree.TreeReader", content=command), None
    yield node("ConstructorFromReduceNode", "skdl._estimator_tree.Part", content=command), None
    yield node("ObjectNode", "skdl._estimator_tree.Part", content=empty), "skdl._estimator_tree.Part"
    for value in ([1], {"a": 1}, {"class_name": "Lambda", "config": {}}):
        yield json_node(value), None
    yield dict_node(class_name=json_node("Lambda"), config=empty), None
    yield node("SliceNode", "builtins.slice", content={"start": "a", "stop": [], "step": 0}), None
    yield node("ObjectNode", "sklearn.preprocessing._data.StandardScaler.fit", content=empty), (
        "sklearn.preprocessing._data.StandardScaler.fit"
    )


CALLS = [call for call, _ in calls("x")]


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[c["__class__"] for c in CALLS])
@pytest.mark.parametrize("protocol", [2, 1, 0])
def test_code_in_trees_is_refused_by_name(number, protocol, saved, tmp_path):
    about, tree, arrays = saved
    evil, name = list(calls(tmp_path / "ran"))[number]
    for tree in (evil, list_node([evil]), dict_node(a=evil),
                 node("ObjectNode", "sklearn.preprocessing._data.StandardScaler",
                      content=dict_node(mean_=evil))):  # fmt: skip
        changed = {**deepcopy(tree), "protocol": protocol}
        path = forged(tmp_path / "evil.skdl", about, changed, arrays)
        if name is None or protocol != 2:
            refused(path)
        else:
            assert refused(path, error=UntrustedTypesError).names == [name]
    assert not (tmp_path / "ran").exists()


def test_deep_and_wide_trees_are_refused(saved, tmp_path):
    about, _, arrays = saved
    for depth in (300, 5_000):
        text = json.dumps(list_node(["DEEP"])).replace('"DEEP"', _nested(depth))
        with open(tmp_path / "deep.skdl", "wb") as file:
            write_archive(
                file,
                [("skdl.json", [json.dumps(about).encode()]), ("estimator.json", [text.encode()]),
                 ("arrays.bin", [arrays])],
            )  # fmt: skip
        refused(tmp_path / "deep.skdl")


def _nested(depth):
    start, end = json.dumps(list_node(["X"])).split('"X"')
    return start * depth + end * depth


def test_random_states_at_no_position_are_refused(tmp_path):
    search = StratifiedKFold(shuffle=True, random_state=np.random.RandomState(0))
    skdl.save(search, tmp_path / "folds.skdl")
    about, tree, arrays = members_of(tmp_path / "folds.skdl")
    for position in (10**6, -1, 625, "1", None, 1.5):
        changed = deepcopy(about)
        changed["parts"][0]["state"]["state"]["pos"] = position
        refused(forged(tmp_path / "folds.skdl", changed, tree, arrays), "at position")


def test_sparse_matrices_with_places_outside_are_refused(tmp_path):
    import scipy.sparse as sp

    matrix = sp.csr_matrix(np.eye(3))
    for change in ({"shape": [3, 1]}, {"shape": [10**9, 3]}, {"shape": [-1, 3]}, {"format": "lil"}):
        skdl.save(FunctionTransformer(kw_args={"m": matrix}), tmp_path / "m.skdl")
        about, tree, arrays = members_of(tmp_path / "m.skdl")
        about["parts"][0].update(change)
        refused(forged(tmp_path / "m.skdl", about, tree, arrays))


@pytest.mark.parametrize("name", ["rv_continuous", "test", "norm.rvs", "__doc__", "kstest", 3, None])
def test_other_distributions_are_refused(name, saved, tmp_path):
    about, tree, arrays = deepcopy(saved)
    about["parts"].append({"$": "distribution", "name": name, "args": [], "kwds": {}})
    refused(forged(tmp_path / "dist.skdl", about, tree, arrays))


# Anything else.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["array", "network", "keras.losses.Huber", "StandardScaler", "ObjectNode"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["$", "content", "array", "class_name", "__loader__", "name"]), inner,
        max_size=3,
    ),
    max_leaves=4,
)  # fmt: skip


def places(value, path=()):
    """Yield the place of everything in JSON."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    member=st.sampled_from([0, 0, 1]), number=st.integers(0, 10**6), value=JSON,
    how=st.sampled_from(["replace", "delete", "add"]),
)  # fmt: skip
def test_other_json_is_refused_or_harmless(member, number, value, how, saved, tmp_path):
    """JSON changed at any place: one of our errors, or an estimator, never anything else."""
    members = deepcopy(list(saved))
    *path, last = _place(members, member, number)
    inner = members
    for key in path:
        inner = inner[key]
    if how == "replace":
        inner[last] = value
    elif how == "delete":
        del inner[last]
    elif isinstance(inner, dict):
        inner[f"{last}x"] = value
    else:
        inner.insert(last, value)
    path = forged(tmp_path / "json.skdl", *members)
    try:
        skdl.load(path)
    except REFUSED:
        pass
    except skdl.exceptions.VersionWarning:
        pass  # which is an error in tests


def _place(members, member, number):
    found = [(member, *path) for path in places(members[member]) if path]
    return found[number % len(found)]


def test_refusals_say_what_to_do(saved, tmp_path):
    about, _, arrays = saved
    path = forged(tmp_path / "x.skdl", about, {**node("TypeNode", "os.system"), "protocol": 2}, arrays)
    message = str(refused(path, error=UntrustedTypesError))
    assert str(path) in message
    assert "trusted=['os.system']" in message
    (tmp_path / "text.skdl").write_text("hello")
    message = str(refused(tmp_path / "text.skdl"))
    assert "no file that skdl.save wrote" in message
    assert "Save the estimator again" in message
