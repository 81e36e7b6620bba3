"""What takes a path takes "~" and says how it is called where it is given something else."""

import pytest
from sklearn.linear_model import LogisticRegression

import skdl
from skdl import datasets

pytest.importorskip("skops")

CALLS = {
    "save(estimator, path)": lambda path: skdl.save(LogisticRegression(), path),
    "load(path)": skdl.load,
    "datasets.load_image_folder(path)": datasets.load_image_folder,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", [3, None, b"net.skdl", ["a" * 500]])
def test_no_path(call, given):
    with pytest.raises(TypeError, match=r"^path must be a str or path-like object, rec") as raised:
        CALLS[call](given)
    assert str(raised.value).endswith(f"The call is skdl.{call}.")
    assert len(str(raised.value)) < 150


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    skdl.save(LogisticRegression(C=3), "~/model.skdl")
    assert skdl.load("~/model.skdl").C == 3
    with pytest.raises(FileNotFoundError, match="'~/images' is no folder"):
        datasets.load_image_folder("~/images")
    (tmp_path / "images" / "one").mkdir(parents=True)
    with pytest.raises(ValueError, match="images"):
        datasets.load_image_folder("~/images")
