"""Which fit of a search `verbose` names: rounds of halving, nested searches, fits in threads."""

import io
import re

import joblib
import pytest
from rich.console import Console
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier
from skdl._engine.progress import Course
from skdl._engine.progress_bars import TerminalLine

pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

X, Y = load_iris(return_X_y=True)
NET = DenseClassifier((4,), epochs=1, batch_size=75, random_state=0, verbose=1)


def named(capsys):
    """Return what stands between the class and the number of rows in each printed line."""
    printed = capsys.readouterr().out
    return re.findall(r"^DenseClassifier(?:, (.+?)(?: · .+?)?)?: \d+ rows", printed, re.MULTILINE)


def test_rounds_of_halving_are_told_apart(capsys):
    pipeline = make_pipeline(StandardScaler(), NET)
    grid = {"denseclassifier__l2": [0, 0.1]}
    epochs = {"resource": "denseclassifier__epochs", "max_resources": 2, "factor": 2}
    HalvingGridSearchCV(pipeline, grid, cv=2, **epochs).fit(X, Y)
    expected = [
        f"iteration {i} of 2, fit {fit} of {n_fits}"
        for i, n_fits in ((1, 4), (2, 2))
        for fit in range(1, n_fits + 1)
    ]
    assert named(capsys) == [*expected, "refit"]


def test_a_nested_search_names_the_outer_one_first(capsys):
    inner = GridSearchCV(NET, {"l2": [0, 0.1]}, cv=2)
    GridSearchCV(inner, {"estimator__l1": [0]}, cv=2).fit(X, Y)
    inside = ["fit 1 of 4", "fit 2 of 4", "fit 3 of 4", "fit 4 of 4", "refit"]
    expected = [
        f"{outside}, {each}" for outside in ("fit 1 of 2", "fit 2 of 2", "refit") for each in inside
    ]
    assert named(capsys) == expected


def test_threads_name_each_fit_once(capsys):
    with joblib.parallel_backend("threading"):
        GridSearchCV(NET, {"l2": [0, 0.1]}, cv=2, n_jobs=2).fit(X, Y)
    *fits, last = named(capsys)
    assert sorted(fits) == [f"fit {i} of 4" for i in (1, 2, 3, 4)]
    assert last == "refit"


def test_what_no_search_has_told_is_not_named(capsys):
    cross_val_score(NET, X, Y, cv=2)
    assert named(capsys) == ["", ""]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            100,
            "DenseClassifier, iteration 2 of 3, fit 1 of 4 ━━━━━━━━━━ 40/40 0:00:00 loss 3.021, …",
        ),
        (80, "iteration 2 of 3, fit 1 of 4 ━━━━━━━━━━ 40/40 0:00:00 loss 3.021, …"),
        (64, "iteration 2 of 3, fit 1 of 4 ━━━━━━━━━━ 40/40 0:00:00 loss 3.021"),
    ],
)
def test_a_narrow_line_names_the_place_rather_than_the_class(columns, expected):
    course = Course("DenseClassifier", 40, place="iteration 2 of 3, fit 1 of 4")
    course.reach(0)
    course.reach(40)
    course.end()
    course.said = "loss 3.021, val_loss 3.10912345, f1_score [0.25, 0.5, 0.75]"
    console = Console(file=io.StringIO(), width=columns, force_terminal=False)
    console.print(TerminalLine(course))
    assert console.file.getvalue().rstrip() == expected
