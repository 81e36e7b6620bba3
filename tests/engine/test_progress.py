"""What a fit prints: a bar in a terminal, clean lines elsewhere, nothing unasked."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skdl import DenseClassifier

pytestmark = pytest.mark.filterwarnings("error")
X, Y = load_iris(return_X_y=True)
LINE = re.compile(
    r"DenseClassifier(, (fit \d of 4|refit))?: \d+ rows, 3 epochs, program 'graph': [\d.]+ s, "
    r"epoch 3: loss [\d.]+"
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


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_a_terminal_gets_one_bar_and_worker_processes_a_line_a_fit(tmp_path):
    import pty

    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from sklearn.datasets import load_iris
            from sklearn.model_selection import GridSearchCV
            from skdl import DenseClassifier

            if __name__ == "__main__":
                X, y = load_iris(return_X_y=True)
                net = DenseClassifier((4,), epochs=3, random_state=0, verbose=1)
                net.fit(X, y)
                print("search")
                GridSearchCV(net, {"l2": [0, 1]}, cv=2, n_jobs=2, refit=False).fit(X, y)
            """
        )
    )
    inside, outside = pty.openpty()
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=outside,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"COLUMNS": "120", "TERM": "xterm", "PYTHONPATH": root},
    )
    os.close(outside)
    chunks = []
    try:
        while chunk := os.read(inside, 4096):
            chunks.append(chunk)
    except OSError:  # how Linux tells that the other side is closed
        pass
    assert process.wait() == 0
    bar, _, lines = b"".join(chunks).decode().partition("search")
    assert "3/3" in bar
    assert "loss" in bar
    assert bar.count("\n") == 1
    lines = lines.split()
    assert lines.count("DenseClassifier,") == lines.count("4:") == 4  # "fit 1 of 4:"
    assert "\x1b" not in " ".join(lines)
