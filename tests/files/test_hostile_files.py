"""Files that are broken, or no files of `skdl.save`: each is refused, and nothing is written.

What they would do if they were believed is in `test_hostile_sizes` and `test_untrusted_types`.
"""

import io
import json
import pickle
import zipfile
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from forged_files import NAMES, forged, members_of, node, refused, valid_members, with_members
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import PredefinedSplit

import skdl
from skdl.exceptions import (
    InvalidFileError,
    UnsupportedVersionError,
    UntrustedTypesError,
    VersionWarning,
)


@pytest.fixture
def saved():
    return valid_members()


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
    contents = json.dumps(about).encode(), json.dumps(tree).encode(), arrays, exploit
    members = zip((*NAMES, "object.pkl"), contents, strict=True)
    refused(with_members(tmp_path / "extra.skdl", members), "more members")
    assert not ran.exists()


OTHER_NAMES = [
    ["../../skdl.json", "estimator.json", "arrays.bin"],
    ["/tmp/skdl.json", "estimator.json", "arrays.bin"],
    ["skdl.json", "skdl.json", "arrays.bin"],
    ["skdl.json", "estimator.json", "..\\..\\arrays.bin"],
    ["estimator.json", "skdl.json", "arrays.bin"],
    ["skdl.json", "estimator.json"],
    [],
]


@pytest.mark.parametrize("names", OTHER_NAMES)
def test_other_names_are_refused_and_nothing_is_written(names, saved, tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    about, tree, arrays = saved
    contents = [json.dumps(about).encode(), json.dumps(tree).encode(), arrays]
    with_members("names.skdl", zip(names, contents, strict=False))
    before = sorted(tmp_path.rglob("*"))
    refused("names.skdl")
    assert sorted(tmp_path.rglob("*")) == before


def test_other_zip_files_are_refused(saved, tmp_path):
    about, tree, arrays = saved
    contents = {
        "skdl.json": json.dumps(about), "estimator.json": json.dumps(tree), "arrays.bin": arrays,
    }  # fmt: skip
    for compression in (
        zipfile.ZIP_DEFLATED,
        zipfile.ZIP_BZIP2,
        zipfile.ZIP_LZMA,
        zipfile.ZIP_STORED,
    ):
        with zipfile.ZipFile(tmp_path / "other.skdl", "w", compression) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        refused(tmp_path / "other.skdl", "header of skdl.json|cut off")


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


@pytest.mark.slow
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
    errors = InvalidFileError, UntrustedTypesError, UnsupportedVersionError, VersionWarning
    with suppress(*errors):
        skdl.load(path)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@example(dtype="a")  # an old name of NumPy's, which warns
@example(dtype="a5")
@example(dtype="?")
@example(dtype="(1000000000,)u1")
@example(dtype="i4,f8")
@example(dtype="<f3")
@example(dtype=[["x", "a"]])
@example(dtype=[["x", "<i4"], ["x", "<i4"]])
@given(
    dtype=st.text("<>|=abcdfiOMSUV?0123456789,()[]", max_size=6) | st.lists(st.just(["a", "|b1"]))
)
def test_other_dtypes_are_refused(dtype, small, tmp_path):
    """Without a warning: also what NumPy would take, since `save` writes each in one way."""
    (tmp_path / "small.skdl").write_bytes(small)
    about, tree, arrays = members_of(tmp_path / "small.skdl")
    if dtype == about["arrays"][0][0]:
        return
    about["arrays"][0][0] = dtype
    path = forged(tmp_path / "dtype.skdl", about, tree, arrays)
    with suppress(InvalidFileError):  # of the same size, it is another array
        skdl.load(path)


def _place(members, member, number):
    found = [(member, *path) for path in places(members[member]) if path]
    return found[number % len(found)]


def test_refusals_say_what_to_do(saved, tmp_path):
    about, _, arrays = saved
    path = forged(
        tmp_path / "x.skdl", about, {**node("TypeNode", "os.system"), "protocol": 2}, arrays
    )
    message = str(refused(path, error=UntrustedTypesError))
    assert str(path) in message
    assert "trusted=['os.system']" in message
    (tmp_path / "text.skdl").write_text("hello")
    message = str(refused(tmp_path / "text.skdl"))
    assert "no file that skdl.save wrote" in message
    assert "Save the estimator again" in message
