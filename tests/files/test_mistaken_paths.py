"""What `save`, `load` and `load_image_folder` are given in place of paths."""

import re

import pytest

import skdl

NET = skdl.DenseClassifier()


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match=re.escape(f"path={str(tmp_path)!r} is a folder")):
        skdl.save(NET, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_class_is_no_estimator(tmp_path):
    with pytest.raises(TypeError, match=r"the class DenseClassifier\. Call it: DenseClassifier\("):
        skdl.save(skdl.DenseClassifier, tmp_path / "net.skdl")


def test_what_is_no_path():
    with pytest.raises(TypeError, match=r"received 3\. The call is skdl\.save\(estimator, path\)"):
        skdl.save(NET, 3)
    with pytest.raises(TypeError, match=r"received DenseClassifier\(\)\. .*skdl\.load\(path\)"):
        skdl.load(NET)
    with pytest.raises(TypeError, match=r"^path must be .*received 3\."):
        skdl.datasets.load_image_folder(3)
