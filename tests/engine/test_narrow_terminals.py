"""What a bar of `verbose=1` shows in terminals of several widths: whole metrics, in order."""

import io

import pytest
from rich.console import Console

from skdl._engine.progress import Course
from skdl._engine.progress_bars import TerminalLine


def line(columns, said, name="DenseClassifier"):
    course = Course(name, 100)
    course.reach(0)
    course.reach(100)  # of which a Console without colours draws the whole bar
    course.end()
    course.said = said
    console = Console(file=io.StringIO(), width=columns, force_terminal=False)
    console.print(TerminalLine(course))
    return console.file.getvalue().rstrip("\n")


SAID = "loss 0.005261, val_loss 0.08123, accuracy 0.9123, val_accuracy 0.9021"


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (120, "loss 0.005261, val_loss 0.08123, accuracy 0.9123, …"),
        (80, "loss 0.005261, val_loss 0.08123, …"),
        (64, "loss 0.005261, …"),
    ],
)
def test_metrics_are_whole(columns, shown):
    found = line(columns, SAID)
    assert found.rstrip().endswith("0:00:00 " + shown)
    assert found.startswith("DenseClassifier ")
    assert len(found) <= columns


def test_the_bar_is_narrow_only_where_room_is_wanted():
    widths = [line(columns, SAID).count("━") for columns in (64, 80, 120)]
    assert widths == [10, 13, 20]
    assert line(80, "loss 0.5").count("━") == widths[2]
    assert len(line(30, SAID)) <= 30


def test_a_list_is_one_metric():
    assert line(80, "loss 0.5, f1_score [0.25, 0.5, 0.75]").rstrip().endswith("0.75]")
    assert line(68, "loss 0.5, f1_score [0.25, 0.5, 0.75]").rstrip().endswith("loss 0.5, …")
