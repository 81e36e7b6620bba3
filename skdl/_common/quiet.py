"""Loading TensorFlow without its start-up log lines."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_NOISE = re.compile(rb"[IWE]\d{4,} |WARNING: All log messages|To enable the following")


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back TensorFlow's log lines; whatever else is written to stderr passes.

    The lines come from C++ before TensorFlow reads TF_CPP_MIN_LOG_LEVEL, so that the file
    descriptor itself is redirected while TensorFlow is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all, as under some servers
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not _NOISE.match(line):
                    sys.stderr.write(line.decode(errors="replace"))
