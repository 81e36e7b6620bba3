"""Fetching MNIST and Fashion-MNIST, from small files in OpenML's formats, without a network."""

import gzip
import hashlib
import io
import json
import re
import urllib.error
import urllib.request
from email.message import Message
from importlib import util
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from skdl import ConvNetClassifier
from skdl.datasets import fetch_fashion_mnist, fetch_mnist

SETS = {"mnist": (fetch_mnist, 554), "fashion": (fetch_fashion_mnist, 40996)}
PIXELS = [f"pixel{i}" for i in range(1, 785)]
N_IMAGES = 70


@pytest.fixture(params=SETS)
def name(request):
    return request.param


def images(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (N_IMAGES, 784), np.uint8), rng.permutation(N_IMAGES) % 10


def answers(number, seed=0):
    """What OpenML answers, by the path of the address."""
    X, y = images(seed)
    rows = "\n".join(",".join(map(str, (*x, label))) for x, label in zip(X, y, strict=True))
    columns = "\n".join(f"@ATTRIBUTE {pixel} real" for pixel in PIXELS)
    classes = ",".join(map(str, range(10)))
    arff = f"@RELATION images\n{columns}\n@ATTRIBUTE class {{{classes}}}\n@DATA\n{rows}\n".encode()
    path = f"data/v1/download/{number}/images.arff"
    about = {
        **{"id": str(number), "name": "images", "version": "1", "status": "active"},
        **{"description": "Images of something.", "format": "ARFF"},
        **{"url": f"https://api.openml.org/{path}", "md5_checksum": hashlib.md5(arff).hexdigest()},
    }
    features = [
        {
            **{"index": str(i), "name": column, "is_target": str(i == 784).lower()},
            **{"data_type": "nominal" if i == 784 else "numeric"},
            **{"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"},
        }
        for i, column in enumerate([*PIXELS, "class"])
    ]
    qualities = [{"name": "NumberOfInstances", "value": f"{N_IMAGES}.0"}]
    json_of = {
        f"{number}": {"data_set_description": about},
        f"features/{number}": {"data_features": {"feature": features}},
        f"qualities/{number}": {"data_qualities": {"quality": qualities}},
    }
    return {path: arff} | {
        f"api/v1/json/data/{part}": json.dumps(answer).encode() for part, answer in json_of.items()
    }


def cached(home, number, seed=0):
    """Put the answers where `fetch_openml` keeps them."""
    for path, answer in answers(number, seed).items():
        target = home / "openml" / "openml.org" / f"{path}.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(answer))
    return home


class Network(urllib.request.BaseHandler):
    """Stand-in for the network: gives prepared answers and counts what was asked for."""

    handler_order = 0

    def __init__(self):
        self.answers, self.asked, self.error = {}, [], None

    def https_open(self, request):
        path = urlparse(request.full_url).path.lstrip("/")
        self.asked.append(path)
        if self.error is not None:
            raise self.error
        body, headers = self.answers[path], Message()
        answer = urllib.request.addinfourl(io.BytesIO(body), headers, request.full_url, 200)
        answer.msg = "OK"
        return answer


@pytest.fixture(autouse=True)
def network():
    """No test reaches the real one."""
    handler = Network()
    urllib.request.install_opener(urllib.request.build_opener(handler))
    yield handler
    urllib.request.install_opener(None)


def test_splits(name, tmp_path, network):
    fetch, number = SETS[name]
    cached(tmp_path, number)
    X, y = images()
    expected = {"train": slice(60), "test": slice(60, None), "all": slice(None)}
    for subset, rows in expected.items():
        found = fetch(subset=subset, data_home=tmp_path)
        assert isinstance(found, Bunch)
        assert found.data.dtype == np.uint8
        assert found.target.dtype == np.int64
        np.testing.assert_array_equal(found.data, X[rows])
        np.testing.assert_array_equal(found.target, y[rows])
        assert found.images.shape == (len(found.data), 28, 28)
        assert np.shares_memory(found.images, found.data)
    assert fetch(data_home=tmp_path).data.shape == (60, 784)
    assert network.asked == []


def test_what_is_returned(name, tmp_path):
    fetch, number = SETS[name]
    found = fetch(data_home=str(cached(tmp_path, number)))
    entries = {"data", "target", "images", "feature_names", "target_names", "DESCR"}
    assert set(found) == entries
    assert found.feature_names == PIXELS
    assert "Images of something." in found.DESCR
    names = found.target_names
    assert len(names) == len(set(names)) == 10
    assert (names[0], names[9]) == {"mnist": ("0", "9"), "fashion": ("T-shirt/top", "Ankle boot")}[
        name
    ]
    names.clear()
    assert len(fetch(data_home=tmp_path).target_names) == 10


def test_frames(name, tmp_path):
    fetch, number = SETS[name]
    cached(tmp_path, number)
    found = fetch(subset="test", data_home=tmp_path, as_frame=True)
    assert isinstance(found.data, pd.DataFrame)
    assert isinstance(found.target, pd.Series)
    assert (found.data.dtypes == np.uint8).all()
    assert found.target.dtype == np.int64
    assert list(found.frame.columns) == [*PIXELS, "class"]
    assert found.images.shape == (10, 28, 28)
    X, y = fetch(subset="test", data_home=tmp_path, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, found.data)
    pd.testing.assert_series_equal(y, found.target)
    rows, labels = fetch(subset="test", data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, y)


def test_go_into_a_network(tmp_path):
    X, y = fetch_mnist(data_home=cached(tmp_path, 554), return_X_y=True)
    net = ConvNetClassifier(4, epochs=1, random_state=0).fit(X, y)
    assert net.image_shape_ == (28, 28, 1)
    assert net.scale_ == 1 / 255
    assert net.classes_.tolist() == list(range(10))


def test_download(name, tmp_path, network):
    fetch, number = SETS[name]
    network.answers = answers(number)
    X, _ = fetch(data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, images()[0][:60])
    assert sorted(network.asked) == sorted(network.answers)
    network.asked.clear()
    again, _ = fetch(data_home=tmp_path, return_X_y=True, download_if_missing=False)
    np.testing.assert_array_equal(X, again)
    assert network.asked == []


def test_default_folder_is_that_of_scikit_learn(name, tmp_path, monkeypatch):
    fetch, number = SETS[name]
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(cached(tmp_path, number)))
    assert len(fetch(download_if_missing=False).data) == 60
    monkeypatch.delenv("SCIKIT_LEARN_DATA")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = Path("~/scikit_learn_data/openml").expanduser()
    with pytest.raises(OSError, match=str(expected)):
        fetch(download_if_missing=False)


@pytest.mark.parametrize("left_out", [None, "api/v1/json/data/{}.gz", "features/{}.gz", "arff.gz"])
def test_missing_files_are_not_fetched_if_not_allowed(name, left_out, tmp_path, network):
    fetch, number = SETS[name]
    expected = f"api/v1/json/data/{number}.gz"
    if left_out is not None:
        expected = left_out.format(number)
        files = [p for p in cached(tmp_path, number).rglob("*.gz") if str(p).endswith(expected)]
        files[0].unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match="is missing: ") as caught:
        fetch(data_home=tmp_path, download_if_missing=False)
    for part in (f"{tmp_path}/openml/.*{expected} is not there", fetch.__name__, "data_home"):
        assert caught.match(part)
    assert sorted(tmp_path.rglob("*")) == before
    assert network.asked == []


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("Name or service not known"),
        urllib.error.HTTPError("https://x", 404, "Not Found", {}, None),
        TimeoutError("timed out"),
    ],
    ids=["no network", "not found", "timeout"],
)
@pytest.mark.filterwarnings("ignore:A network error occurred while downloading:UserWarning")
@pytest.mark.filterwarnings("ignore:Invalid cache, redownloading file:RuntimeWarning")
def test_no_network(name, error, tmp_path, network, monkeypatch, capfd):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fetch, number = SETS[name]
    network.error = error
    with pytest.raises(
        OSError, match=f"data set {number} of OpenML, could not be fetched"
    ) as caught:
        fetch(data_home=tmp_path, n_retries=1)
    place = f"{tmp_path}/openml/openml.org/api/v1/json/data/{number}.gz"
    for part in (re.escape(str(error)), place, fetch.__name__, f"into {tmp_path}", "data_home"):
        assert caught.match(part)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert capfd.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:A network error occurred while downloading:UserWarning")
def test_trials(tmp_path, network, monkeypatch):
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    cached(tmp_path, 554)
    next(tmp_path.rglob("*.arff.gz")).unlink()
    network.error = urllib.error.URLError("no network")
    with pytest.raises(OSError, match=r"arff.gz is not there"):
        fetch_mnist(data_home=tmp_path, n_retries=2, delay=7.0)
    assert len(network.asked) == 3
    assert pauses == [7.0, 7.0]


@pytest.mark.skipif(
    util.find_spec("sklearn.callback") is None,
    reason="only from scikit-learn 1.9 on, a file that ends too early is fetched again",
)
@pytest.mark.filterwarnings("ignore:Invalid cache, redownloading file:RuntimeWarning")
def test_broken_file(name, tmp_path, network):
    fetch, number = SETS[name]
    path = next(cached(tmp_path, number).rglob("*.arff.gz"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    network.answers = answers(number)
    assert len(fetch(data_home=tmp_path).data) == 60  # fetched again
    path.write_bytes(whole[: len(whole) // 2])
    network.answers = answers(number, seed=1)  # no longer what the description says
    with pytest.raises(OSError, match=r"cannot be read from .*checksum.*Delete"):
        fetch(data_home=tmp_path)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"subset": "validation"}, "subset must be one of .*'validation'"),
        ({"n_retries": 0}, "n_retries must be a positive int, received n_retries=0"),
        ({"n_retries": 1.5}, "n_retries must be a positive int, received n_retries=1.5"),
        ({"delay": -1}, "delay must be a positive number, received delay=-1"),
    ],
)
def test_parameters_are_checked(name, parameters, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        SETS[name][0](data_home=tmp_path, **parameters)
