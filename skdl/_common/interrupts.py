"""Ctrl-C in the middle of TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_as_raised() -> Iterator[None]:
    """Raise the KeyboardInterrupt that TensorFlow has turned into another error.

    Its C++ code makes a SystemError of one that reaches it while a network is traced, and an
    UnknownError, with its name in the text, of one in a function that reads batches.
    """
    try:
        yield
    except Exception as error:
        made_of = isinstance(error.__cause__ or error.__context__, KeyboardInterrupt)
        if made_of or "KeyboardInterrupt: \n" in str(error):
            raise KeyboardInterrupt from None
        raise
