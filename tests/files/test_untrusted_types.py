"""Files that would run code: each is refused by the name of what they would call."""

import json
from copy import deepcopy

import keras
import numpy as np
import pytest
import scipy.sparse as sp
from forged_files import (
    NAMES,
    dict_node,
    forged,
    json_node,
    list_node,
    marked,
    members_of,
    network_of,
    node,
    refused,
    tuple_node,
    valid_members,
    with_members,
)
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skdl
from skdl.exceptions import InvalidFileError, UntrustedTypesError

LAMBDA = keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: x))
REGISTERED = []


@pytest.fixture
def saved():
    return valid_members()


@pytest.fixture
def anything_goes():
    """Keras as it is after a user asked it to load lambdas."""
    keras.config.enable_unsafe_deserialization()
    yield
    keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


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
    call = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    }
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


@pytest.mark.parametrize(
    "builder", ["os.system", "skdl.build_dense", "system", "", 3, None, "loads"]
)
def test_other_builders_are_refused(builder, saved, tmp_path):
    about, tree, arrays = deepcopy(saved)
    network_of(about)["builder"] = builder
    refused(forged(tmp_path / "builder.skdl", about, tree, arrays), "unknown builder")


# skops.


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
    yield (
        node("TreeNode", "sklearn.tree._tree.Tree", __reduce__=reduce, content=empty),
        ("sklearn.tree._tree.Tree"),
    )
    yield (
        node("ConstructorFromReduceNode", "skdl._files.estimator_tree.TreeReader", content=command),
        None,
    )
    yield (
        node("ConstructorFromReduceNode", "skdl._files.estimator_tree.Part", content=command),
        None,
    )
    yield (
        node("ObjectNode", "skdl._files.estimator_tree.Part", content=empty),
        "skdl._files.estimator_tree.Part",
    )
    for value in ([1], {"a": 1}, {"class_name": "Lambda", "config": {}}):
        yield json_node(value), None
    yield dict_node(class_name=json_node("Lambda"), config=empty), None
    yield node("SliceNode", "builtins.slice", content={"start": "a", "stop": [], "step": 0}), None
    yield (
        node("ObjectNode", "sklearn.preprocessing._data.StandardScaler.fit", content=empty),
        ("sklearn.preprocessing._data.StandardScaler.fit"),
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
        text = json.dumps({**list_node(["DEEP"]), "protocol": 2}).replace('"DEEP"', _nested(depth))
        contents = json.dumps(about).encode(), text.encode(), arrays
        members = zip(NAMES, contents, strict=True)
        refused(with_members(tmp_path / "deep.skdl", members), "Recursion")


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
    matrix = sp.csr_matrix(np.eye(3))
    for change in ({"shape": [3, 1]}, {"shape": [10**9, 3]}, {"shape": [-1, 3]}, {"format": "lil"}):
        skdl.save(FunctionTransformer(kw_args={"m": matrix}), tmp_path / "m.skdl")
        about, tree, arrays = members_of(tmp_path / "m.skdl")
        about["parts"][0].update(change)
        refused(forged(tmp_path / "m.skdl", about, tree, arrays))


@pytest.mark.parametrize(
    "name", ["rv_continuous", "test", "norm.rvs", "__doc__", "kstest", 3, None]
)
def test_other_distributions_are_refused(name, saved, tmp_path):
    about, tree, arrays = deepcopy(saved)
    about["parts"].append({"$": "distribution", "name": name, "args": [], "kwds": {}})
    refused(forged(tmp_path / "dist.skdl", about, tree, arrays))
