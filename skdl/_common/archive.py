"""The container of saved estimators: a zip file with JSON members and one of arrays.

Writing is atomic. Reading trusts nothing: members are stored, never compressed, in a fixed
order, and every byte outside their contents must be the one that `write_archive` would have
put there. So there is no directory to mislead the reader, nothing to unpack, no name that
could be a path, and no room for anything else; a file that was cut off or changed anywhere is
refused, and no more memory is asked for than the file has bytes.

Why this is not left to a library: with `zipfile`, even where names, sizes and checksums are held
against its directory, an eighth of all flipped bits went unseen (dates, versions, attributes), and
so did a program put before the archive; and it reads a directory of a million members before it
tells of one. Comparing a file with what `zipfile` writes anew would close that, but bind files to
the Python that wrote them. safetensors keeps no checksums, no texts or dates, and no order by
columns.
"""

from __future__ import annotations

import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from skdl.exceptions import InvalidFileError

# Everything is written with 64-bit sizes (ZIP64), so that there is one layout only.
_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_SIZES = struct.Struct("<2H2Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_CENTRAL_SIZES = struct.Struct("<2H3Q")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")
_VERSION, _STORED, _DATE, _ELSEWHERE = 45, 0, 33, 0xFFFFFFFF  # 33 is 1980-01-01
_UNIX, _MODE = 3 << 8, 0o100644 << 16


def write_atomically(path: str | os.PathLike, write: Callable[[BinaryIO], None]) -> None:
    """Write a file whole or not at all; a kill on the way leaves the old file as it was.

    Parameters
    ----------
    path : str or path-like
        Where the file shall be; its folder must exist. A link stays a link, "~" is the user's home.
    write : callable
        Called with a binary file in the same folder, which then takes the place of `path`.
    """
    path = Path(path).expanduser().resolve()
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}.unfinished")
    try:
        with open(unfinished, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name, too, shall outlive a power failure
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_archive(file: BinaryIO, members: Sequence[tuple[str, Iterable]]) -> None:
    """Write members, each a name and a re-iterable of buffers, as a zip file."""
    entries, offset = [], 0
    for name, chunks in members:
        crc = size = 0
        for chunk in chunks:
            crc, size = zlib.crc32(chunk, crc), size + memoryview(chunk).nbytes
        header = _local_header(name, crc, size)
        file.write(header)
        for chunk in chunks:
            file.write(chunk)
        entries.append((name, crc, size, offset))
        offset += len(header) + size
    file.write(_directory(entries, offset))


class ArchiveReader:
    """Reads the members of an archive in their order, checking as it goes.

    Parameters
    ----------
    file : binary file
        Open for reading, at its start.
    """

    def __init__(self, file: BufferedReader):
        self._file = file
        self._n_bytes = os.fstat(file.fileno()).st_size
        self._entries: list[tuple] = []
        self._offset = self._left = self._crc = 0

    def open(self, name: str, max_size: int | None = None) -> int:
        """Go to the next member, which must have this name; return its size in bytes."""
        n_header = len(_local_header(name, 0, 0))
        header = self._file.read(n_header)
        if len(header) < n_header or header[:4] != b"PK\3\4":
            raise InvalidFileError(f"it is cut off, or no archive, where {name} should begin")
        crc, size = _LOCAL.unpack_from(header)[6], _LOCAL_SIZES.unpack_from(header[-20:])[2]
        if header != _local_header(name, crc, size):
            raise InvalidFileError(f"the header of {name} is not as skdl.save writes it")
        if size > self._n_bytes - self._file.tell():
            raise InvalidFileError(f"it is cut off: {name} should have {size} bytes")
        if max_size is not None and size > max_size:
            raise InvalidFileError(f"{name} has {size} bytes; more than {max_size} are not read")
        self._entries.append((name, crc, size, self._offset))
        self._offset += n_header + size
        self._left, self._crc = size, 0
        return size

    def read_into(self, buffer: memoryview) -> None:
        """Fill a buffer of bytes from the open member."""
        if buffer.nbytes > self._left or self._file.readinto(buffer) != buffer.nbytes:
            raise InvalidFileError(f"{self._entries[-1][0]} ends too soon")
        self._left -= buffer.nbytes
        self._crc = zlib.crc32(buffer, self._crc)

    def close(self) -> None:
        """Check that the open member was read to its end, and its sum."""
        name, crc, _, _ = self._entries[-1]
        if self._left or self._crc != crc:
            raise InvalidFileError(f"{name} is damaged: its checksum does not match")

    def read(self, name: str, max_size: int) -> bytes:
        """Return the next member."""
        data = bytearray(self.open(name, max_size))
        self.read_into(memoryview(data))
        self.close()
        return bytes(data)

    def finish(self) -> None:
        """Check that nothing but the directory of these members follows."""
        expected = _directory(self._entries, self._offset)
        if self._file.read(len(expected) + 1) != expected:
            raise InvalidFileError("it is cut off or damaged at its end, or holds more members")


def _local_header(name, crc, size):
    raw = name.encode("ascii")
    fixed = _LOCAL.pack(
        b"PK\3\4", _VERSION, 0, _STORED, 0, _DATE, crc, _ELSEWHERE, _ELSEWHERE, len(raw), 20
    )
    return fixed + raw + _LOCAL_SIZES.pack(1, 16, size, size)


def _directory(entries, offset):
    """Return the end of the file, from the end of the last member on."""
    parts = []
    for name, crc, size, start in entries:
        raw = name.encode("ascii")
        parts += [
            _CENTRAL.pack(
                *(b"PK\1\2", _UNIX | _VERSION, _VERSION, 0, _STORED, 0, _DATE, crc),
                *(_ELSEWHERE, _ELSEWHERE, len(raw), 28, 0, 0, 0, _MODE, _ELSEWHERE),
            ),
            raw,
            _CENTRAL_SIZES.pack(1, 24, size, size, start),
        ]
    n, n_bytes = len(entries), sum(map(len, parts))
    parts += [
        _END_64.pack(b"PK\6\6", 44, _VERSION, _VERSION, 0, 0, n, n, n_bytes, offset),
        _LOCATOR.pack(b"PK\6\7", 0, offset + n_bytes, 1),
        _END.pack(b"PK\5\6", 0, 0, n, n, n_bytes, _ELSEWHERE, 0),
    ]
    return b"".join(parts)
