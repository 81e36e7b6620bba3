"""Fetching Keras's data sets, from small files of their formats and without a network."""

import io
import json
import os
import urllib.error
from pathlib import Path

import keras
import keras.src.datasets.imdb
import keras.src.datasets.reuters  # noqa: F401 - both are patched below
import keras.src.utils.file_utils as keras_files
import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import Bunch

from skdl import OneHotTextVectorizer, datasets
from skdl.datasets import fetch_imdb, fetch_reuters

FETCHERS = {"imdb": fetch_imdb, "reuters": fetch_reuters}
WORD_INDEX = {"the": 1, "film": 2, "good": 3, "bad": 4, "plot": 5, "uncanny": 6}


def ragged(documents):
    vector = np.empty(len(documents), dtype=object)
    vector[:] = documents
    return vector


def content(name, n=40, seed=0):
    """Arrays of a small file of the data set."""
    rng = np.random.default_rng(seed)
    words = [rng.integers(1, 7, size=rng.integers(1, 9)).tolist() for _ in range(n)]
    if name == "reuters":
        return {"x": ragged(words), "y": rng.integers(0, 46, n)}
    y, half = rng.integers(0, 2, n), n // 2
    return {
        **{"x_train": ragged(words[:half]), "y_train": y[:half]},
        **{"x_test": ragged(words[half:]), "y_test": y[half:]},
    }


def write(folder, name, **arrays):
    """Put both files of a data set into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", **(arrays or content(name)))
    (folder / f"{name}_word_index.json").write_text(json.dumps(WORD_INDEX))
    return folder


def by_keras(monkeypatch, folder, name, **arguments):
    """What Keras's own loader returns for the files in a folder."""
    module = getattr(keras.src.datasets, name)
    with monkeypatch.context() as patch:
        patch.setattr(module, "get_file", lambda fname, **kwargs: str(folder / fname))
        return module.load_data(**arguments)


@pytest.fixture(params=FETCHERS)
def name(request):
    return request.param


@pytest.mark.parametrize("num_words", [None, 7])
def test_same_as_keras(name, num_words, tmp_path, monkeypatch):
    write(tmp_path, name)
    expected = by_keras(monkeypatch, tmp_path, name, num_words=num_words)
    for subset, (X, y) in zip(("train", "test"), expected, strict=True):
        data = FETCHERS[name](subset=subset, data_home=tmp_path, num_words=num_words)
        assert data.data.tolist() == X.tolist()
        np.testing.assert_array_equal(data.target, y)


def test_what_is_returned(name, tmp_path):
    write(tmp_path, name)
    parts = [FETCHERS[name](subset=subset, data_home=tmp_path) for subset in ("train", "test")]
    data = FETCHERS[name](subset="all", data_home=str(tmp_path))
    assert isinstance(data, Bunch)
    assert set(data) == {"data", "target", "target_names", "word_index", "DESCR"}
    assert data.data.dtype == object
    assert data.data.shape == data.target.shape == (40,)
    assert data.target.dtype == np.int64
    assert data.data.tolist() == [*parts[0].data, *parts[1].data]
    assert len(parts[0].data) == (20 if name == "imdb" else 32)
    assert all(isinstance(document, list) and document[0] == 1 for document in data.data)
    assert data.word_index == WORD_INDEX
    assert len(data.target_names) == {"imdb": 2, "reuters": 46}[name]
    assert "Source" in data.DESCR


def test_topics_are_named(tmp_path):
    names = fetch_reuters(data_home=write(tmp_path, "reuters")).target_names
    assert names[3] == "earn"
    assert len(set(names)) == 46


def test_return_x_y_needs_no_word_index(name, tmp_path):
    write(tmp_path, name)
    (tmp_path / f"{name}_word_index.json").unlink()
    X, y = FETCHERS[name](data_home=tmp_path, return_X_y=True, download_if_missing=False)
    assert len(X) == len(y) > 0
    with pytest.raises(OSError, match=f"{name}_word_index.json is missing"):
        FETCHERS[name](data_home=tmp_path, download_if_missing=False)


def test_word_index_ends_with_the_words_kept(name, tmp_path):
    data = FETCHERS[name](data_home=write(tmp_path, name), num_words=6)
    assert data.word_index == {"the": 1, "film": 2}
    assert {index for document in data.data for index in document} == {1, 2, 4, 5}


def test_documents_of_one_length_stay_lists(tmp_path):
    x = ragged([[1, 2], [3, 4]])
    y = np.array([0, 1])
    data = fetch_imdb(data_home=write(tmp_path, "imdb", x_train=x, y_train=y, x_test=x, y_test=y))
    assert data.data.shape == (2,)
    assert sorted(data.data.tolist()) == [[1, 4, 5], [1, 6, 2]]  # Keras drops the last index


def test_documents_go_into_the_vectorizer(name, tmp_path):
    data = FETCHERS[name](data_home=write(tmp_path, name), num_words=8)
    vectorizer = OneHotTextVectorizer(max_words=8, word_index=data.word_index)
    X = vectorizer.fit_transform(data.data)
    assert X.shape == (len(data.data), 8)
    words = {rank + 3: word for word, rank in WORD_INDEX.items()}
    for document in data.data:
        expected = " ".join(words[i] if i > 2 else "?" for i in document[1:])
        assert vectorizer.decode(document) == expected
    texts = [vectorizer.decode(document) for document in data.data]
    counted = CountVectorizer(binary=True, vocabulary=["the", "film", "good", "bad"])
    np.testing.assert_array_equal(X[:, 4:8].toarray(), counted.transform(texts).toarray())


def test_default_folder_is_that_of_keras(name, tmp_path, monkeypatch):
    write(tmp_path / "datasets", name)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert len(FETCHERS[name]().data) > 0
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = Path("~/.keras/datasets", f"{name}.npz").expanduser()
    with pytest.raises(OSError, match=str(expected)):
        FETCHERS[name](download_if_missing=False)


def test_missing_files_are_not_fetched_if_not_allowed(name, tmp_path):
    with pytest.raises(OSError, match="is missing") as caught:
        FETCHERS[name](data_home=tmp_path, download_if_missing=False)
    for part in (f"{tmp_path / name}.npz", f"https://.*/{name}.npz", "data_home"):
        assert caught.match(part)
    assert os.listdir(tmp_path) == []


def server(monkeypatch, content, error=None, valid=True):
    """Stand in for the network: what a download writes, and whether it ends well."""

    def urlretrieve(url, path, reporthook):
        reporthook(0, 1, len(content))
        Path(path).write_bytes(content)
        if error is not None:
            raise error
        reporthook(len(content), 1, len(content))

    monkeypatch.setattr(keras_files, "urlretrieve", urlretrieve)
    if valid:
        monkeypatch.setattr(keras_files, "validate_file", lambda *args, **kwargs: True)


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("Name or service not known"),
        urllib.error.HTTPError("https://x", 404, "Not Found", {}, io.BytesIO()),
        ConnectionResetError("reset by peer"),
        None,  # all arrived, but the hash is wrong
    ],
)
@pytest.mark.parametrize("folder", ["", "new/folder"])
def test_failed_download(name, folder, error, tmp_path, monkeypatch, capfd):
    server(monkeypatch, b"half of it", error, valid=False)
    target = tmp_path / folder / f"{name}.npz"
    with pytest.raises(OSError, match=f"{name}.npz could not be fetched") as caught:
        FETCHERS[name](data_home=tmp_path / folder)
    for part in (str(target), f"https://.*/{name}.npz", "data_home"):
        assert caught.match(part)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert os.listdir(target.parent) == []
    assert capfd.readouterr().out == ""
    assert keras.config.is_interactive_logging_enabled()


def test_interrupted_download_leaves_nothing(name, tmp_path, monkeypatch):
    server(monkeypatch, b"half of it", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        FETCHERS[name](data_home=tmp_path)
    assert os.listdir(tmp_path) == []
    assert keras.config.is_interactive_logging_enabled()


def test_download(name, tmp_path, monkeypatch, capfd):
    there = write(tmp_path / "there", name)
    server(monkeypatch, (there / f"{name}.npz").read_bytes())
    here = tmp_path / "here"
    X, y = FETCHERS[name](data_home=here, return_X_y=True)
    expected = FETCHERS[name](data_home=there)
    assert X.tolist() == expected.data.tolist()
    np.testing.assert_array_equal(y, expected.target)
    assert os.listdir(here) == [f"{name}.npz"]
    assert capfd.readouterr().out == ""
    server(monkeypatch, b"", RuntimeError("fetched again"))
    FETCHERS[name](data_home=here, return_X_y=True)


def test_folder_that_cannot_be_made(name, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="could not be fetched"):
        FETCHERS[name](data_home=tmp_path / "file" / "folder")


@pytest.mark.parametrize("broken", [b"", b"no archive", "half"])
def test_broken_file_is_named_and_kept(name, broken, tmp_path):
    path = write(tmp_path, name) / f"{name}.npz"
    if broken == "half":
        broken = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(broken)
    with pytest.raises(OSError, match="cannot be read") as caught:
        FETCHERS[name](data_home=tmp_path)
    assert caught.match(str(path))
    assert caught.match("Delete it")
    assert path.read_bytes() == broken


class Intruder:
    def __reduce__(self):
        return os.mkdir, ("intruded",)


def test_file_cannot_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("reuters.npz", x=ragged([Intruder()]), y=np.zeros(1))
    with pytest.raises(OSError, match="cannot be read"):
        fetch_reuters(data_home=".")
    assert not Path("intruded").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"subset": "validation"}, "subset must be one of .*'validation'"),
        ({"num_words": 0}, "num_words must be a positive int or None, received 0"),
        ({"num_words": 2.5}, "num_words must be .* received 2.5"),
    ],
)
def test_parameters_are_checked(name, parameters, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        FETCHERS[name](data_home=tmp_path, **parameters)


def test_keras_is_left_as_it_is(name, tmp_path):
    FETCHERS[name](data_home=write(tmp_path, name))
    assert getattr(keras.src.datasets, name).get_file is keras_files.get_file
    assert keras.config.is_interactive_logging_enabled()


@pytest.mark.parametrize("name", datasets.__all__)
def test_public_place(name):
    assert getattr(datasets, name).__module__ == "skdl.datasets"
