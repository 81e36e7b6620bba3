"""The store of compiled programs after somebody has removed its folders."""

import os
import shutil

import pytest

from skdl._common import xla_cache

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="the cache is off on Windows")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SKDL_XLA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setattr(xla_cache, "tensorflow_was_used", lambda: False)
    return tmp_path / "cache"


def test_folders_that_were_made_anew_are_closed_to_others_and_used(root):
    xla_cache.open_cache().close()
    for folder in (root, root / "views"):  # as TensorFlow makes them
        folder.chmod(0o755)
    cache = xla_cache.open_cache()
    assert cache is not None
    assert (root / "views").stat().st_mode & 0o777 == 0o700
    cache.close()


def test_a_view_without_its_folder_is_set_aside(root):
    cache = xla_cache.open_cache()
    shutil.rmtree(root)
    assert cache.set_aside(OSError(f"{root}/views; No space left on device"))
    assert cache.view.resolve().is_dir()
    cache.close()
    assert not cache.view.is_symlink()


def test_where_no_view_can_be_put_the_error_stays(root):
    cache = xla_cache.open_cache()
    shutil.rmtree(root)
    root.write_text("a file")
    assert not cache.set_aside(OSError(f"{root}/views is not a directory"))
    cache.close()
