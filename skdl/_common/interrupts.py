"""Ctrl-C in the middle of TensorFlow."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Answer Ctrl-C at the end of the block, which is to be short, as if it were pressed there.

    Only the main thread hears of signals. One that has no handler in Python, or is ignored, is
    left as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *arguments: heard.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if heard:
            handler(*heard[-1])
