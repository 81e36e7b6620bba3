"""Arguments in the wrong order, folders that do not exist and files of other kinds."""

import pickle
import re

import keras
import numpy as np
import pytest

import skdl

NET = skdl.DenseClassifier()


def test_a_path_is_no_estimator(tmp_path):
    with pytest.raises(TypeError, match=r"the path 'a\.skdl'.*skdl\.save\(estimator, path"):
        skdl.save("a.skdl", NET)
    assert not list(tmp_path.iterdir())


def test_the_folder_of_a_file_must_exist(tmp_path):
    path = tmp_path / "none" / "a.skdl"
    with pytest.raises(FileNotFoundError, match=re.escape(f"no folder {str(path.parent)!r}")):
        skdl.save(NET, path)
    assert not path.parent.exists()


@pytest.mark.parametrize("kind", ["pickle", "keras"])
def test_files_of_other_kinds_name_what_reads_them(tmp_path, kind):
    path = tmp_path / "net.keras"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(np.zeros(3)))
    else:
        keras.Sequential([keras.Input((1,)), keras.layers.ReLU()]).save(path)
    reader = {"pickle": r"joblib\.load or pickle\.load", "keras": r"keras\.saving\.load_model"}[
        kind
    ]
    with pytest.raises(skdl.exceptions.InvalidFileError, match=reader):
        skdl.load(path)
    path.write_bytes(b"else")
    with pytest.raises(skdl.exceptions.InvalidFileError, match="Save the estimator again"):
        skdl.load(path)
