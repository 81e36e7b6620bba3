"""The store of programs that XLA compiled: what is shown to TensorFlow, where it may lie."""

import os
import subprocess
import sys
import time

import pytest

from skdl._common import quiet, xla_cache
from skdl._common.xla_cache import open_cache

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="the cache is off on Windows")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Where the cache is to lie; TensorFlow, which other tests use, counts as unused."""
    monkeypatch.setattr(xla_cache, "tensorflow_was_used", lambda: False)
    monkeypatch.setenv("SKDL_XLA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    return tmp_path / "cache"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_program_is_shown_to_the_next_process_until_it_is_damaged(root):
    first = open_cache()
    (first.view / "a.pb").write_bytes(b"program")
    (first.view / "b.pb").write_bytes(b"other program")
    first.collect()
    second = open_cache()
    assert first.view != second.view
    assert names(first.view) == names(second.view) == ["a.pb", "b.pb"]
    assert (second.view / "a.pb").read_bytes() == b"program"

    stored = (second.view / "a.pb").resolve()
    stored.write_bytes(b"prOgram")
    assert names(open_cache().view) == ["b.pb"]
    assert not stored.exists()
    for cache in (first, second):
        cache.close()
        assert not cache.view.exists()
    assert len(names(first.store)) == 1


def test_nobody_else_can_read_what_is_stored(root):
    cache = open_cache()
    assert [path.stat().st_mode & 0o777 for path in (root, cache.store, cache.view)] == [0o700] * 3


def test_the_oldest_programs_are_dropped_beyond_a_size(root, monkeypatch):
    monkeypatch.setattr(xla_cache, "_MAX_BYTES", 250)
    cache = open_cache()
    for i, name in enumerate(("old", "middle", "new")):
        (cache.view / f"{name}.pb").write_bytes(bytes([i]) * 100)
        cache.collect()
        stored = (cache.view / f"{name}.pb").resolve()
        if stored.exists():
            os.utime(stored, (time.time() - 10 + i,) * 2)
    assert names(open_cache().view) == ["middle.pb", "new.pb"]


def test_programs_of_other_settings_are_not_shown(root, monkeypatch):
    cache = open_cache()
    (cache.view / "a.pb").write_bytes(b"program")
    cache.collect()
    for name, value in {
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
        "TF_NUM_INTRAOP_THREADS": "7",
    }.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert names(open_cache().view) == []
    monkeypatch.setattr(xla_cache, "_processor", lambda: "another")
    assert names(open_cache().view) == []


@pytest.mark.parametrize("value", ["", "0", "off", "False"])
def test_a_variable_turns_it_off(root, monkeypatch, value):
    monkeypatch.setenv("SKDL_XLA_CACHE", value)
    assert open_cache() is None


@pytest.mark.parametrize(
    "flags", ["--tf_xla_persistent_cache_directory=/somewhere", "/a/file/with/flags"]
)
def test_flags_of_the_user_win(root, monkeypatch, flags):
    monkeypatch.setenv("TF_XLA_FLAGS", flags)
    assert open_cache() is None
    assert not root.exists()


def test_it_is_off_where_others_can_write(root, tmp_path, monkeypatch):
    root.mkdir()
    root.chmod(0o777)
    assert open_cache() is None
    root.chmod(0o700)
    tmp_path.chmod(0o777)  # they could put another folder in its place
    assert open_cache() is None
    tmp_path.chmod(0o1777)  # as /tmp: they could not
    assert open_cache() is not None

    for open_to_others in (True, False):  # a link in a folder of others on the way
        hop, link = tmp_path / f"hop{open_to_others}", tmp_path / f"link{open_to_others}"
        hop.mkdir()
        (hop / "on").symlink_to(tmp_path)
        link.symlink_to(hop / "on")
        hop.chmod(0o777 if open_to_others else 0o700)
        monkeypatch.setenv("SKDL_XLA_CACHE", str(link / "cache"))
        assert (open_cache() is None) == open_to_others

    (tmp_path / "itself").symlink_to(root)
    monkeypatch.setenv("SKDL_XLA_CACHE", str(tmp_path / "itself"))
    assert open_cache() is None


def test_it_is_off_without_a_home_or_space(root, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SKDL_XLA_CACHE", str(tmp_path / "file" / "cache"))
    assert open_cache() is None
    monkeypatch.setenv("SKDL_XLA_CACHE", str(tmp_path / "a b"))  # flags have no blanks
    assert open_cache() is None
    monkeypatch.delenv("SKDL_XLA_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    assert open_cache() is None
    assert not (tmp_path / "missing").exists()
    (tmp_path / "missing").mkdir()
    assert open_cache().store.is_relative_to(tmp_path / "missing")
    monkeypatch.setattr(xla_cache, "_SPACE", 2**80)
    assert open_cache() is None


def test_what_ended_processes_left_is_removed(root, monkeypatch):
    cache = open_cache()
    left, partial = cache.view, cache.store / "tmpabc"
    partial.write_bytes(b"half")
    for path in (left, partial):
        os.utime(path, (0, 0))
    for number in range(9):  # of other versions, all used before this one
        (root / f"xla-{number}").mkdir()
        os.utime(root / f"xla-{number}", (number, number))
    assert open_cache().store == cache.store
    assert not left.exists()
    assert not partial.exists()
    assert len(list(root.glob("xla-*"))) == 8


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ("Serialized HLO does not match.", True),
        ("{view}/a.pb; No space left", True),
        ("OOM", False),
    ],
)
def test_an_unusable_store_is_set_aside(root, message, ours):
    cache = open_cache()
    error = OSError(message.format(view=cache.view))
    assert cache.set_aside(error) == ours
    assert cache.view.is_symlink() == ours
    assert cache.set_aside(error) == ours  # met by a program that was traced before
    cache.close()
    assert not os.path.lexists(cache.view)


def test_log_lines_of_reading_are_held_back_and_others_pass():
    script = (
        "import os\nfrom skdl._common.quiet import quiet_reading\n"
        "with quiet_reading(), quiet_reading():\n"
        "    os.write(2, b'E0000 text_format.cc:378] Error parsing text-format "
        "tensorflow.XlaSerializedCacheEntry: 2:1\\n')\n"
        "    os.write(2, b'E0000 of something else\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == "E0000 of something else\n"
    assert quiet._held._n_holders == 0
