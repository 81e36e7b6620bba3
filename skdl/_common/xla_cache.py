"""Programs that XLA compiled, kept on disk from one process to the next.

TensorFlow writes each program to a folder and reads it there in a later process, but checks neither
that the file is undamaged nor that it was made for this processor. So it is given a folder of this
process alone, the view, with links to the programs in the store whose checksum is right. What
TensorFlow adds to the view is copied to the store, under a name that ends in its checksum.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from skdl._common.versions import version_of

VARIABLE = "SKDL_XLA_CACHE"
_OFF = {"", "0", "off", "false", "no"}
_MAX_BYTES = 64 * 2**20  # of the programs of one key; the oldest are dropped
_MAX_KEYS = 8  # versions, processors and settings whose programs are kept
_SPACE = 2**28  # bytes that must be free
_OLD = 7 * 86400.0  # seconds after which what an ended process has left is removed
_STORED = re.compile(r"(?P<name>.+\.(?P<kind>pb|traced))\.(?P<digest>[0-9a-f]{64})")
# How TensorFlow words that a program in the view cannot be read.
_UNREADABLE = re.compile("[Ss]erialized|binary proto|Read less bytes")
# What besides the program and the processor decides what XLA makes of a program.
_SETTINGS = (
    "XLA_FLAGS", "TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)  # fmt: skip


class XlaCache:
    """The store of one key and the view of this process."""

    def __init__(self, store: Path, view: Path):
        self.store, self.view = store, view
        self._lock, self._process = threading.Lock(), os.getpid()

    @property
    def flags(self) -> str:
        """What TensorFlow is told; programs for other devices than the CPU are not kept."""
        return (
            f"--tf_xla_persistent_cache_directory={self.view} "
            "--tf_xla_persistent_cache_device_types=CPU"
        )

    def show(self) -> None:
        """Link the stored programs whose checksum is right into the view; delete the others."""
        for path in _by_age(self.store):
            found = _STORED.fullmatch(path.name)
            if found is not None and found["kind"] == "traced":  # asked for by `read`
                continue
            if found is None or _digest(path) != found["digest"]:
                # What another process is writing at the moment has yet no name of this kind.
                if found is not None or path.stat().st_mtime < time.time() - _OLD:
                    path.unlink(missing_ok=True)
            else:
                self._link(path, found["name"])

    def read(self, name: str) -> bytes | None:
        """Return what was written under a name, None where there is nothing undamaged."""
        if self.view.is_symlink():  # what is read would have names that TensorFlow remembers
            return None
        with contextlib.suppress(OSError):
            for path in list(self.store.glob(f"{name}.traced.*")):
                content = path.read_bytes()
                if path.name.endswith(hashlib.sha256(content).hexdigest()):
                    return content
                path.unlink(missing_ok=True)
        return None

    def write(self, name: str, content: bytes) -> None:
        """Store a traced function under a name. Where that fails, it is not stored."""
        with self._lock, contextlib.suppress(OSError):
            if not self.view.is_symlink():
                self._put(f"{name}.traced", content)
                _drop_oldest(self.store)

    def collect(self) -> None:
        """Store what TensorFlow has added to the view. Where that fails, it is not stored."""
        with self._lock, contextlib.suppress(OSError):
            for path in self.view.glob("*.pb"):
                if not path.is_symlink():
                    self._store(path)
            _drop_oldest(self.store)

    def _store(self, path: Path) -> None:
        self._link(self._put(path.name, path.read_bytes()), path.name)

    def _put(self, name: str, content: bytes) -> Path:
        """Write a file whose name ends in its checksum, in one step."""
        stored = self.store / f"{name}.{hashlib.sha256(content).hexdigest()}"
        handle, partial = tempfile.mkstemp(dir=self.store)
        try:
            with open(handle, "wb") as file:
                file.write(content)
            os.replace(partial, stored)
        except OSError:
            os.unlink(partial)
            raise
        return stored

    def _link(self, stored: Path, name: str) -> None:
        """Let a name in the view lead to a stored program, in one step."""
        link = self.view / f"{name}.link"
        link.unlink(missing_ok=True)
        link.symlink_to(stored)
        os.replace(link, self.view / name)

    def set_aside(self, error: Exception) -> bool:
        """Go on with an empty view in the folder for temporary files, if an error is of this one.

        That is, a program could not be read or written, for example because the disk is full.
        TensorFlow remembers the error; the program has to be traced anew.
        """
        message = str(error)  # may name a folder on the way to the view
        if str(self.view.parent) not in message and not _UNREADABLE.search(message):
            return False
        with self._lock:
            if self.view.is_symlink():  # a program that was traced before has met the same error
                return True
            other = tempfile.mkdtemp(prefix="skdl-")
            shutil.rmtree(self.view, ignore_errors=True)
            try:
                self.view.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.view.unlink(missing_ok=True)
                self.view.symlink_to(other)
            except OSError:  # nothing can be put there, which is the error to be seen
                os.rmdir(other)
                return False
        return True

    def close(self) -> None:
        """Remove the view, unless this process is a fork of the one that it belongs to."""
        if os.getpid() == self._process:
            if self.view.is_symlink():
                shutil.rmtree(self.view.resolve(), ignore_errors=True)
                self.view.unlink(missing_ok=True)
            shutil.rmtree(self.view, ignore_errors=True)


def open_cache() -> XlaCache | None:
    """Return the cache of this process; None where it is off or cannot be used.

    To be called before TensorFlow reads its flags, which it does once, at its first use.
    """
    theirs = os.environ.get("TF_XLA_FLAGS", "")
    # Flags may also be the name of a file with flags. They are read, or have been, as they are.
    is_file = theirs.strip() and not theirs.lstrip().startswith("-")
    if "persistent_cache" in theirs or is_file or tensorflow_was_used():
        return None
    with contextlib.suppress(OSError, LookupError, RuntimeError, ImportError, ValueError):
        root = _root()
        if root is None or not _is_safe(root) or shutil.disk_usage(root).free < _SPACE:
            return None
        store, views = root / f"xla-{_key()}", root / "views"
        for folder in (store, views):
            folder.mkdir(mode=0o700, exist_ok=True)
            if not _is_safe(folder):
                return None
            folder.chmod(0o700)  # TensorFlow makes folders anew that were removed, open to readers
        os.utime(store)
        _remove_old(root, views)
        cache = XlaCache(store, Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=views)))
        atexit.register(cache.close)
        cache.show()
        return cache
    return None


def _root() -> Path | None:
    """Return the folder of the cache, made if it is missing; None where it is turned off."""
    if not hasattr(os, "getuid"):  # Windows, where modes do not tell who may write
        return None
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        if chosen.strip().lower() in _OFF:
            return None
        root = Path(chosen).expanduser().absolute()
    else:
        home = Path.home()
        if not home.is_dir():
            return None
        usual = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
        base = Path(os.environ.get("XDG_CACHE_HOME") or usual)
        root = (base if base.is_absolute() else usual) / "skdl"
    for folder in (*reversed(root.parents), root):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    return root


def _is_safe(folder: Path) -> bool:
    """Tell whether nobody but this user (and root) can write to a folder or replace it.

    The folder itself must be this user's and no link. On the way to it, links are followed one by
    one: each folder must be the user's or root's, and closed to others or one such as /tmp, in
    which they cannot replace what is not their own. TensorFlow takes flags without blanks.
    """
    own = folder.lstat()
    if not stat.S_ISDIR(own.st_mode) or own.st_uid != os.getuid() or own.st_mode & 0o022:
        return False
    if re.search(r"[\s\"']", str(folder)):
        return False
    here, to_go, n_links = Path("/"), list(folder.parent.parts[1:]), 0
    while True:
        found = here.lstat()
        others_write = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if found.st_uid not in {0, os.getuid()} or others_write:
            return False
        if not to_go:
            return True
        name = to_go.pop(0)
        if name == "..":
            here = here.parent
            continue
        link = here / name
        if not link.is_symlink():
            here = link
            continue
        n_links += 1
        if link.lstat().st_uid not in {0, os.getuid()} or n_links > 40:
            return False
        target = link.readlink()
        to_go = [*(target.parts[1:] if target.is_absolute() else target.parts), *to_go]
        here = Path("/") if target.is_absolute() else here


def _key() -> str:
    """Return a name for what the programs of a store were compiled by and for."""
    found = importlib.util.find_spec("tensorflow")
    if found is None or found.origin is None:
        raise LookupError("tensorflow")
    parts = [version_of("tensorflow"), found.origin, os.stat(found.origin).st_mtime_ns]
    parts += [platform.machine(), _processor(), _n_threads()]
    parts += [(name, os.environ.get(name)) for name in _SETTINGS]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Return the model of the processor and what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    told = ("model", "vendor", "flags", "Features", "CPU", "stepping")
    return "\n".join(line for line in lines if line.startswith(told))


def tensorflow_was_used() -> bool:
    """Tell whether TensorFlow has made its devices; it is looked up, not imported."""
    return bool(getattr(_context(), "_initialized", False))


def _context() -> Any:
    return getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)


def _n_threads() -> list:
    """Return what the number of threads depends on, for which XLA divides a program."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = (f"_{kind}_op_parallelism_threads" for kind in ("intra", "inter"))
    return [n_cores, *(getattr(_context(), name, None) for name in names)]


def _by_age(folder: Path) -> list[Path]:
    """Return the files of a folder, oldest first."""
    times = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                times[path] = found.st_mtime_ns
    return sorted(times, key=times.__getitem__)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def _drop_oldest(store: Path) -> None:
    """Delete the oldest programs, so that the others take no more than they may."""
    total = 0
    for path in reversed(_by_age(store)):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
            if total > _MAX_BYTES:
                path.unlink()


def _remove_old(root: Path, views: Path) -> None:
    """Remove stores of keys used longest ago, and views that processes have left behind."""
    stores = sorted(root.glob("xla-*"), key=lambda path: path.stat().st_mtime)
    old = [path for path in views.iterdir() if path.lstat().st_mtime < time.time() - _OLD]
    for path in (*stores[:-_MAX_KEYS], *old):
        if path.is_symlink():
            path.unlink()
        shutil.rmtree(path, ignore_errors=True)
