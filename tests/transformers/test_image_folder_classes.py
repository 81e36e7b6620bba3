"""Folders of images without folders of classes, and classes without images."""

import matplotlib.image
import numpy as np
import pytest

from skdl.datasets import load_image_folder


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    matplotlib.image.imsave(path, np.zeros((4, 4)))


def test_images_beside_the_folders_of_classes_are_told(tmp_path):
    write(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"1 lie in .* itself, such as a\.png\. Images must lie"):
        load_image_folder(tmp_path)


def test_a_class_without_images_is_warned_of(tmp_path):
    write(tmp_path / "cats" / "a.png")
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "a.heic").write_bytes(b"photo")
    with pytest.warns(UserWarning, match=r"The folders \['dogs'\] of .* have no readable image"):
        files = load_image_folder(tmp_path)
    assert files.target_names == ["cats", "dogs"]
    assert load_image_folder(tmp_path, categories=["cats"]).target_names == ["cats"]
