"""Features of images kept in a file, shared by folds, searches and processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Memory
from numpy.typing import NDArray

# Seconds to wait for another process that computes features.
_PATIENCE = 24 * 3600


def cache_folder(memory: Any) -> Path | None:
    """Return the folder in which features are kept, None where they are not.

    It lies where joblib's own results do, so that `memory.clear()` empties it too.
    """
    if memory is None:
        return None
    if isinstance(memory, str | os.PathLike):
        memory = Memory(os.path.expanduser(memory), verbose=0)
    if not isinstance(memory, Memory):
        raise TypeError(f"memory must be a folder, a joblib.Memory or None, received {memory!r}.")
    if memory.store_backend is None:
        return None
    return Path(memory.store_backend.location, "skdl", "features")


class FeatureStore:
    """Rows of numbers by key, in a file of SQLite.

    joblib caches whole calls. But the images of two folds are different calls that share most
    of their images, so that rows are kept one by one. And while one process computes rows, others
    that need rows of the same file wait, so that none is computed twice.

    Parameters
    ----------
    path : Path
        The file, made if it is not there.
    n_values : int
        Length of a row.
    dtype : dtype
        Of the rows.
    """

    def __init__(self, path: Path, n_values: int, dtype: np.dtype):
        self.path, self.n_values, self.dtype = path, n_values, dtype

    def get(
        self, keys: list[str], compute: Callable[[list[int]], NDArray], batch_size: int
    ) -> NDArray:
        """Return the rows of keys, those not in the file by `compute(positions)`, in batches."""
        rows = np.empty((len(keys), self.n_values), self.dtype)
        try:
            with closing(self._connection()) as file:
                missing = self._read(file, range(len(keys)), keys, rows)
                first: dict[str, int] = {}
                for position in missing:
                    first.setdefault(keys[position], position)
                wanted = list(first.values())
                for start in range(0, len(wanted), batch_size):
                    self._add(file, wanted[start : start + batch_size], keys, rows, compute)
                for position in missing:
                    rows[position] = rows[first[keys[position]]]
        except sqlite3.Error as error:
            raise OSError(
                f"The features kept in {self.path} cannot be used: {error}. Delete the file "
                "(they are then computed again), or make room if the disk is full."
            ) from error
        return rows

    def _connection(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        file.execute("PRAGMA page_size = 32768")  # a row takes few pages
        file.execute("PRAGMA synchronous = NORMAL")
        file.execute("CREATE TABLE IF NOT EXISTS features (image TEXT PRIMARY KEY, row BLOB)")
        return file

    def _read(self, file, positions, keys, rows) -> list[int]:
        """Fill in the rows that are in the file and return the positions of the others."""
        missing = []
        for position in positions:
            query = "SELECT row FROM features WHERE image = ?"
            found = file.execute(query, (keys[position],)).fetchone()
            if found is None:
                missing.append(position)
            else:
                rows[position] = np.frombuffer(found[0], self.dtype)
        return missing

    def _add(self, file, positions, keys, rows, compute) -> None:
        """Compute the rows that no other process has added, while others wait, and add them."""
        file.execute("BEGIN IMMEDIATE")
        try:
            positions = self._read(file, positions, keys, rows)
            if positions:
                rows[positions] = compute(positions)
                new = ((keys[p], rows[p].tobytes()) for p in positions)
                file.executemany("INSERT INTO features VALUES (?, ?)", new)
            file.execute("COMMIT")
        except BaseException:
            if file.in_transaction:  # a full disk ends it on its own
                file.execute("ROLLBACK")
            raise
