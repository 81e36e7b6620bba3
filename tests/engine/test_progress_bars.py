"""The bars of `verbose=1`: in terminals of all widths, in notebooks, and within an epoch."""

import io
import re
import sys
import time

import keras
import pytest
from notebooks import outputs_of
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier
from skdl._engine.progress import Progress

X, Y = load_iris(return_X_y=True)
METRICS = ["accuracy", "f1_score"]


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def frames(self):
        """Return what the line showed, one picture after the other."""
        pictures = self.getvalue().split("\x1b[2K")
        return [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", each).strip("\r\n") for each in pictures]


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes a terminal of so many columns standard output."""

    def begin(columns=80):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "stdout", Terminal())
        return sys.stdout

    return begin


def net(**parameters):
    return DenseClassifier((4,), **{"epochs": 3, "random_state": 0, "verbose": 1} | parameters)


@pytest.mark.parametrize("columns", [40, 80, 100, 200])
def test_the_metrics_are_cut_and_never_bar_count_and_time(terminal, columns):
    shown = terminal(columns)
    net(metrics=METRICS, validation_split=0.2).fit(X, Y)
    last = shown.frames()[-1]
    assert re.search(r"━{10,20} 3/3 \d:\d\d:\d\d( |$)", last)
    assert len(last) <= columns
    assert "\n" not in last
    if columns >= 80:
        assert last.startswith("DenseClassifier ")
        assert "val_loss " in last
        assert last.rstrip().endswith("…") == (columns < 200)


def test_before_the_first_steps_it_compiles(terminal):
    shown = terminal()
    net().fit(X, Y)
    assert shown.frames()[0].rstrip().endswith("0/3 -:--:-- compiling")


def test_it_moves_within_an_epoch_of_model_fit(terminal):
    shown = terminal()

    def moved():
        """Whether the last picture shows a part of the first epoch."""
        return re.search(r"━[╸╺]━* 0/1 \S+ epoch 1 *$", shown.frames()[-1])

    class Waits(keras.callbacks.Callback):
        """Goes on after the third of ten batches when the bar has been drawn again."""

        def on_train_batch_end(self, batch, logs=None):
            end = time.monotonic() + 60
            while batch == 2 and not moved() and time.monotonic() < end:
                time.sleep(0.02)
            self.moved = bool(moved())

    waits = Waits()
    net(epochs=1, batch_size=15, callbacks=[waits]).fit(X, Y)
    assert waits.moved


@pytest.mark.parametrize("program", ["graph", "xla", "keras"])
def test_every_program_reports_its_steps(terminal, monkeypatch, program):
    shown, shares, within = terminal(), [], Progress.within
    monkeypatch.setattr(Progress, "within", lambda *a: shares.append(a[1]) or within(*a))
    given = {"callbacks": "TerminateOnNaN"} if program == "keras" else {}
    epochs = 3 if program == "xla" else 1
    fitted = net(epochs=epochs, batch_size=1, **given).fit(X, Y)
    assert fitted.training_program_ == program
    assert shares[-1] == 1
    assert 0 < shares[0] < 1
    first = shares[: shares.index(1) + 1]
    assert first == sorted(first)
    assert f"{epochs}/{epochs}" in shown.frames()[-1]


@pytest.mark.parametrize("steps", [[], [StandardScaler()]], ids=["alone", "pipeline"])
def test_a_search_says_which_fit_it_is(terminal, steps):
    pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    shown = terminal()
    estimator, name = net(epochs=1), "l2"
    if steps:
        estimator, name = make_pipeline(*steps, estimator), "denseclassifier__l2"
    GridSearchCV(estimator, {name: [0.0, 1.0]}, cv=2, refit=not steps).fit(X, Y)
    names = re.findall(r"(fit \d of 4|refit) · .*━", "\n".join(shown.frames()))
    fits = [f"fit {i} of 4" for i in (1, 2, 3, 4)]
    assert list(dict.fromkeys(names)) == fits + ["refit"] * (not steps)


NOTEBOOK = """
import importlib.util
from sklearn.datasets import load_iris
from skdl import DenseClassifier
assert importlib.util.find_spec("ipywidgets") is None
net = DenseClassifier((4,), epochs=3, random_state=0, verbose=1)
net.fit(*load_iris(return_X_y=True))
net.set_params(verbose=2).fit(*load_iris(return_X_y=True)) and None
"""


@pytest.mark.slow
@pytest.mark.processes
def test_a_notebook_without_widgets_shows_a_bar_and_no_warning(monkeypatch):
    bar, *others = outputs_of(NOTEBOOK, monkeypatch)
    html, plain = bar["data"]["text/html"], bar["data"]["text/plain"]
    assert re.search(r'<progress max="1" value="1\.0000"', html)
    assert re.fullmatch(r"DenseClassifier █{20} 3/3 \d:\d\d:\d\d loss [\d.]+", plain)
    lines = "".join(other.get("text", "") for other in others if other.get("name") == "stdout")
    assert [line.partition(" loss")[0] for line in lines.splitlines()[1:]] == [
        f"DenseClassifier: epoch {i}:" for i in (1, 2, 3)
    ]
    assert not [other for other in others if "ipywidgets" in str(other)]
