"""Loading TensorFlow without its start-up log lines."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

_NOISE = re.compile(rb"[IWE]\d{4,} |WARNING: All log messages|To enable the following")
# Where a stored program is read: TensorFlow first tries whether it is text, and takes two words of
# its own about code for features of the processor.
_NOISE_OF_READING = re.compile(
    rb"E\d{4,} .*(text_format\.cc.*XlaSerializedCacheEntry|cpu_aot_loader\.cc.*\+prefer-no-)"
)


class _Held:
    """What is written to stderr while anybody, in any thread, has it held."""

    def __init__(self) -> None:
        self._lock, self._n_holders = threading.Lock(), 0
        self._saved: int | None = None  # where stderr led
        self._file: IO[bytes] | None = None

    @contextlib.contextmanager
    def without(self, noise: re.Pattern[bytes]) -> Iterator[None]:
        """Hold back lines; those that are no noise are written when the last holder ends."""
        self._begin()
        try:
            yield
        finally:
            self._end(noise)

    def _begin(self) -> None:
        with self._lock:
            self._n_holders += 1
            if self._n_holders > 1:
                return
            if sys.stderr is not None:
                sys.stderr.flush()
            # There may be no stderr at all, as under some servers, nor a folder for files.
            with contextlib.suppress(OSError):
                self._saved = os.dup(2)
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `_end`
                os.dup2(self._file.fileno(), 2)

    def _end(self, noise: re.Pattern[bytes]) -> None:
        with self._lock:
            self._n_holders -= 1
            if self._n_holders:
                return
            saved, file, self._saved, self._file = self._saved, self._file, None, None
            if saved is not None:
                os.dup2(saved, 2)
                os.close(saved)
            if file is None:
                return
            with file:
                file.seek(0)
                for line in file:
                    if not noise.match(line) and sys.stderr is not None:
                        sys.stderr.write(line.decode(errors="replace"))


_held = _Held()


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back TensorFlow's log lines; whatever else is written to stderr passes.

    The lines come from C++ before TensorFlow reads TF_CPP_MIN_LOG_LEVEL, so that the file
    descriptor itself is redirected while TensorFlow is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _held.without(_NOISE):
        yield


def quiet_reading() -> contextlib.AbstractContextManager[None]:
    """Hold back what TensorFlow logs as errors wherever it reads a stored program."""
    return _held.without(_NOISE_OF_READING)
