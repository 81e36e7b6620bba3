"""Which parameters the progress of a fit in a search names, and how they are cut."""

import functools
import io
import re
import sys
import types

import keras
import numpy as np
import pytest
from rich.console import Console
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, KerasClassifier, SearchProgress
from skdl._common.short_values import short_value
from skdl._engine.progress import Course
from skdl._engine.progress_bars import NotebookBar, TerminalLine

X, Y = load_iris(return_X_y=True)
SAID = "loss 0.3021, val_loss 0.4123, accuracy 0.9"
PARAMETERS = ["dropout=0.2", "hidden_layer_sizes=(64,)"]


def course(place="fit 6 of 20", parameters=PARAMETERS, said=SAID):
    made = Course("DenseClassifier", 40, place=place, parameters=parameters)
    made.reach(0)
    made.reach(40)  # of which a Console without colours draws the whole bar
    made.end()
    made.said = said
    return made


def line(columns, **given):
    console = Console(file=io.StringIO(), width=columns, force_terminal=False)
    console.print(TerminalLine(course(**given)))
    return console.file.getvalue().rstrip()


def build(input_shape, n_outputs, output_activation, hidden=4):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(n_outputs, activation=output_activation),
        ]
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            150,
            "DenseClassifier, fit 6 of 20 · dropout=0.2, hidden_layer_sizes=(64,) "
            "━━━━━━━━━━━━━━━━━━━━ 40/40 0:00:00 loss 0.3021, val_loss 0.4123, accuracy 0.9",
        ),
        (
            110,
            "fit 6 of 20 · dropout=0.2, hidden_layer_sizes=(64,) ━━━━━━━━━━━━ 40/40 0:00:00 "
            "loss 0.3021, val_loss 0.4123, …",
        ),
        (
            100,
            "fit 6 of 20 · dropout=0.2, … ━━━━━━━━━━━━━━━━━━━━ 40/40 0:00:00 "
            "loss 0.3021, val_loss 0.4123, …",
        ),
        (80, "fit 6 of 20 · dropout=0.2, … ━━━━━━━━━━ 40/40 0:00:00 loss 0.3021, …"),
        (60, "fit 6 of 20 ━━━━━━━━━━ 40/40 0:00:00 loss 0.3021, …"),
        (30, "fit … ━━━━━━━━━━ 40/40 0:00:00"),
    ],
)
def test_parameters_are_cut_and_never_bar_count_and_time(columns, expected):
    assert line(columns) == expected


def test_every_width_keeps_bar_count_and_time():
    for columns in range(25, 200):
        found = line(columns, place="iteration 2 of 3, fit 6 of 20")
        assert re.search(r"━{10,20} 40/40 0:00:00( |$)", found), columns
        assert len(found) <= columns


@pytest.mark.parametrize("columns", [60, 100, 150])
def test_an_encoding_without_these_letters_is_no_error(columns):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=columns, force_terminal=False)
    console.print(TerminalLine(course(parameters=["activation='ß'", "dropout=0.2"])))
    file.seek(0)
    found = file.read()
    assert "40/40 0:00:00 loss 0.3021" in found
    assert (" - activation='?'" in found) == (columns > 60)
    assert ("~" in found) == (columns < 150)


def test_a_notebook_shows_all_of_them_and_cuts_them_itself(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture, raw):
            shown.append(picture)

    def display(picture, **_):
        shown.append(picture)
        return Handle()

    for name in ("IPython", "IPython.display"):  # which need not be installed
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(display=display))
    NotebookBar(course(parameters=["model=<b>"])).close()
    NotebookBar(course()).close()
    assert shown[-1]["text/plain"].startswith("DenseClassifier, fit 6 of 20 · dropout=0.2, hidden_")
    cells = r'<span style="flex: (.+?); overflow[^>]+ title="([^"]*)"'
    shrinks = dict(re.findall(cells, shown[-1]["text/html"]))
    assert shrinks == {
        "0 1 auto": "DenseClassifier, fit 6 of 20 · dropout=0.2, hidden_layer_sizes=(64,)",
        "none": "40/40 0:00:00",
        "0 1 auto; min-width: 12ch": SAID,
    }
    assert "model=&lt;b&gt;" in shown[0]["text/html"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("tanh", "'tanh'"),
        (np.float64(0.00123456), "0.001235"),
        ((64, 32), "(64, 32)"),
        ((8,), "(8,)"),
        ([1] * 20, "[1, 1, 1, 1, 1, 1, ...]"),
        (build, "build"),
        (functools.partial(build), "partial"),
        (keras.optimizers.Adam, "Adam"),
        ([keras.callbacks.TerminateOnNaN(), "History"], "[TerminateOnNaN, 'History']"),
        ({"hidden": 8.0}, "{'hidden': 8}"),
        (np.zeros((30, 20)), "ndarray(30, 20)"),
        (np.array([1, 2]), "array([1, 2])"),
        (object(), "object"),
    ],
)
def test_values_are_short(value, expected):
    assert short_value(value) == expected


def named(capsys):
    """Return the parameters that each printed line names, None for none."""
    printed = capsys.readouterr().out
    return [
        found and found[1]
        for each in printed.splitlines()
        for found in [re.match(r"\w+Classifier, [\w ]+ · (.+?): \d+ rows", each)]
    ]


def test_a_lone_fit_names_none(capsys):
    net = DenseClassifier((4,), epochs=1, random_state=0, verbose=1)
    make_pipeline(StandardScaler(), net).fit(X, Y)
    assert named(capsys) == [None]


def test_a_search_names_what_is_no_default_of_the_network(capsys):
    pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    net = DenseClassifier((4,), epochs=1, batch_size=75, random_state=0, verbose=2)
    pipeline = make_pipeline(StandardScaler(), net)
    grid = {"denseclassifier__dropout": [0.0, 0.2], "standardscaler__with_mean": [False]}
    GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    fixed = "batch_size=75, hidden_layer_sizes=(4,)"
    dropped = "batch_size=75, dropout=0.2, hidden_layer_sizes=(4,)"
    found = named(capsys)
    assert found[:8:2] == [fixed, fixed, dropped, dropped]
    assert found[1::2] == [None] * 5  # the lines of the epochs
    assert found[8] in (fixed, dropped)  # the refit


def test_networks_of_users_name_their_function_and_its_parameters(capsys):
    pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")
    net = KerasClassifier(build, epochs=1, random_state=0, verbose=1)
    RandomizedSearchCV(net, {"model__hidden": [3]}, n_iter=1, cv=2, refit=False).fit(X, Y)
    assert named(capsys) == ["model=build, model_params={'hidden': 3}"] * 2


def test_before_scikit_learn_1_9_the_callback_says_what_it_needs(monkeypatch):
    monkeypatch.setattr("skdl._estimators.search_progress.HAS_CALLBACKS", False)
    with pytest.raises(ImportError, match=r"needs scikit-learn 1\.9 or newer, .+ verbose=3"):
        SearchProgress()
