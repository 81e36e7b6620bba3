"""What a fit prints: a bar in a terminal, clean lines elsewhere, nothing unasked."""

import contextlib
import os
import re
import sys
import threading

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdl import DenseClassifier

pytestmark = pytest.mark.filterwarnings("error")
X, Y = load_iris(return_X_y=True)
LINE = re.compile(
    r"DenseClassifier(, (fit \d of 4|refit) · [^:]+)?: \d+ rows, 3 epochs, program 'graph': "
    r"[\d.]+ s, epoch 3: loss [\d.]+"
)


def net(**parameters):
    return DenseClassifier((4,), epochs=3, random_state=0, **parameters)


def test_silence_is_the_default(capfd):
    net().fit(X, Y)
    assert capfd.readouterr().out == ""


def test_a_log_file_gets_one_line_a_fit_without_control_characters(capsys):
    net(verbose=1, validation_split=0.2).fit(X, Y)
    out = capsys.readouterr().out
    assert LINE.match(out)
    assert "val_loss" in out
    assert out.count("\n") == 1
    assert out.isprintable() or not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out)


def test_verbose_2_is_a_line_an_epoch(capsys):
    net(verbose=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "DenseClassifier: 150 rows, 3 epochs, program 'graph'"
    assert [line.split(":")[1] for line in lines[1:]] == [" epoch 1", " epoch 2", " epoch 3"]


def test_threads_of_a_search_print_whole_lines(capsys):
    from joblib import parallel_config

    with parallel_config("threading", n_jobs=2):
        GridSearchCV(net(verbose=1), {"learning_rate": [0.1, 0.01]}, cv=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(LINE.match(line) for line in lines)


def test_a_fit_that_raises_leaves_no_bar_behind(capsys):
    with pytest.raises(ValueError, match="NaN"):
        net(verbose=1).fit(np.where(X[0] == X, np.nan, X), Y)
    assert capsys.readouterr().out == ""


class ToTerminal(BaseEstimator, TransformerMixin):
    """Send what the fits of later steps print to a terminal, given by its path."""

    def __init__(self, terminal):
        self.terminal = terminal

    def fit(self, X, y=None):
        sys.stdout = open(self.terminal, "w")  # noqa: SIM115 - closed by `to_terminal_no_more`
        return self

    def transform(self, X):
        return X


def to_terminal_no_more(*args):
    """Score nothing: a fit of a search has ended."""
    if sys.stdout is not sys.__stdout__:
        sys.stdout.close()
        sys.stdout = sys.__stdout__
    return 0.0


@contextlib.contextmanager
def pseudo_terminal(monkeypatch):
    """A terminal's path, and what it was told in a list of bytes, complete once it is closed."""
    import pty

    for name, value in {"COLUMNS": "120", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    inside, outside = pty.openpty()
    chunks = []

    def read():
        with contextlib.suppress(OSError):  # how Linux tells that the other side is closed
            while chunk := os.read(inside, 4096):
                chunks.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield os.ttyname(outside), chunks
    finally:
        os.close(outside)
        reader.join()
        os.close(inside)


@pytest.mark.processes(workers=True)
@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_a_terminal_gets_one_bar_and_worker_processes_a_line_a_fit(monkeypatch):
    with (
        pseudo_terminal(monkeypatch) as (terminal, chunks),
        open(terminal, "w") as file,
        contextlib.redirect_stdout(file),
    ):
        net(verbose=1).fit(X, Y)
    bar = b"".join(chunks).decode()
    assert "3/3" in bar
    assert "loss" in bar
    assert bar.count("\n") == 1
    with pseudo_terminal(monkeypatch) as (terminal, chunks):
        pipeline = make_pipeline(ToTerminal(terminal), net(verbose=1))
        grid = {"denseclassifier__l2": [0, 1]}
        GridSearchCV(pipeline, grid, cv=2, n_jobs=2, refit=False, scoring=to_terminal_no_more).fit(
            X, Y
        )
    lines = b"".join(chunks).decode()
    assert lines.count("\n") == 4
    assert sorted(found[1] for found in LINE.findall(lines)) == [
        f"fit {i} of 4" for i in (1, 2, 3, 4)
    ]
    assert "\x1b" not in lines
