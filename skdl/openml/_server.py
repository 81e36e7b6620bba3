"""Asking the OpenML server: with a limit of time, and without showing the API key."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from openml.runs import OpenMLRun

_KEY_CODES = (102, 103)  # the server's, for no key and a wrong one
_HTTP_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")
_SET_KEY = "Set openml.config.apikey, or run 'openml configure apikey' in a shell."


class OpenMLError(RuntimeError):
    """The OpenML server refused a request or did not answer.

    Attributes
    ----------
    run : openml.runs.OpenMLRun or None
        The run that could not be published.
    folder : pathlib.Path or None
        Folder where it is kept; pass it to `publish_run`.

    See Also
    --------
    publish_run : Publishes a run.

    Examples
    --------
    >>> from skdl.openml import OpenMLError
    >>> OpenMLError("no answer").folder is None
    True
    """

    run: OpenMLRun | None = None
    folder: Path | None = None


def import_openml(caller: str) -> ModuleType:
    """Return the package openml, or say how to install it."""
    try:
        import openml
    except ImportError as error:
        raise ImportError(
            f"skdl.openml.{caller} needs openml, which cannot be imported: "
            "pip install 'skdl[openml]'"
        ) from error
    return openml


def check_key() -> None:
    """Raise an error if openml has no API key."""
    import openml

    if not openml.config.apikey:
        raise OpenMLError(f"Publishing on OpenML needs an API key. {_SET_KEY}")


def ask(call: Callable, *args: Any, timeout: float, **kwargs: Any) -> Any:
    """Call a function of openml that asks the server, for at most `timeout` seconds.

    openml waits for ever, so that the call gets a thread of its own, which is left behind
    where no answer comes. It puts the key into the addresses it asks, which errors and logs
    show: both are rid of it, and an error that could hold it is not chained to the one raised.
    """
    import openml

    server = openml.config.server
    answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def work():
        try:
            with fewer_remarks(), _filtered(_hide_key, *_HTTP_LOGGERS):
                answers.put((call(*args, **kwargs), None))
        except BaseException as error:
            answers.put((None, _failure(error, server)))

    threading.Thread(target=work, daemon=True, name="skdl.openml").start()
    try:
        result, failure = answers.get(timeout=timeout)
    except queue.Empty:
        raise OpenMLError(
            f"{server} did not answer within timeout={timeout:g} seconds, though what was sent "
            "may have arrived."
        ) from None
    if failure is not None:
        raise failure
    return result


def _failure(error: BaseException, server: str) -> BaseException:
    """Return what to raise for an error of openml."""
    from openml.exceptions import OpenMLNotAuthorizedError, OpenMLRunsExistError, PyOpenMLError

    if isinstance(error, OpenMLRunsExistError):
        return error
    if isinstance(error, OpenMLNotAuthorizedError) or getattr(error, "code", None) in _KEY_CODES:
        return OpenMLError(f"{server} refused the API key. {_SET_KEY}")
    text = " ".join(_without_key(str(error)).split())
    if len(text) > 800:  # a page of HTML, or all that was sent and then the reason
        text = f"{text[:400]} ... {text[-400:]}"
    failure = OpenMLError(f"Asking {server} failed: {type(error).__name__}: {text}")
    if not isinstance(error, PyOpenMLError | OSError) and "***" not in text:
        failure.__cause__ = error  # not of the network: its traceback tells where
    return failure


def fewer_remarks() -> Any:
    """Hold back, in a `with` block, what openml logs for every fold or about docstrings."""
    return _filtered(
        lambda record: record.levelno != logging.WARNING,
        "openml.config",  # says what is a Python warning, too
        "openml.extensions.sklearn.extension",
    )


def _without_key(text: str) -> str:
    import openml

    key = openml.config.apikey
    for shown in {key, quote(key, safe="")} if key else ():
        text = text.replace(shown, "***")
    return text


def _hide_key(record: logging.LogRecord) -> bool:
    record.msg, record.args = _without_key(record.getMessage()), None
    return True


@contextmanager
def _filtered(keep: Callable, *names: str) -> Iterator[None]:
    """Filter what some loggers log."""
    own = partial(keep)  # threads that filter alike each have a filter to remove
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(own)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(own)
