"""Runs on OpenML tasks: computed, and compared."""

import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
import tensorflow as tf
from sklearn.linear_model import LogisticRegression, Ridge

import skdl
from skdl import DenseClassifier, DenseRegressor
from skdl.openml import check_model, compare, publish_run, run_on_task

pytest.importorskip("openml")
import openml
from openml_models import SMALL, pipeline, plain
from openml_runs import accuracies

# openml leaves the file of the splits to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*datasplits.arff:ResourceWarning")


def accuracies_of_file(run):
    """Return the accuracies by repeat and fold from the predictions."""
    rows = run.predictions
    right = rows["prediction"] == rows["correct"]
    return right.groupby([rows["repeat"], rows["fold"]]).mean().to_dict()


def test_run_on_task(server, capsys):
    model = pipeline(DenseClassifier(epochs=30))
    before = plain(model)
    run = run_on_task(model, 1, tags=["course", "keras_3"], random_state=5)
    assert run.run_id is None
    assert {method for method, *_ in server.requests} == {"GET", "HEAD"}
    assert plain(model) == before
    assert not hasattr(model[-1], "classes_")
    assert isinstance(run.model[-1].random_state, int)
    versions = {f"keras_{keras.__version__}", f"tensorflow_{tf.__version__}"}
    assert versions | {f"skdl_{skdl.__version__}", "course", "keras_3"} < set(run.tags)
    assert set(run.tags) - versions >= {"openml-python"}
    of_file = run.predictions.assign(
        right=run.predictions["prediction"] == run.predictions["correct"]
    )
    of_file = of_file.groupby(["repeat", "fold"])["right"].mean()
    assert accuracies(run) == pytest.approx(of_file.to_dict())
    assert of_file.mean() > 0.8
    assert capsys.readouterr() == ("", "")
    again = run_on_task(model, openml.tasks.get_task(1), random_state=5)
    assert again.data_content == run.data_content
    other = run_on_task(model, 1)
    assert other.model[-1].random_state != run.model[-1].random_state


def test_a_bar_shows_the_repeats_and_folds(server, tables, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.add_task(9, *tables["values"], n_folds=2, n_repeats=2)
    model = DenseRegressor(**SMALL)
    run_on_task(model, 9, verbose=0)
    assert capsys.readouterr() == ("", "")
    run_on_task(model, 9)
    out, err = capsys.readouterr()
    assert out == ""
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", err)
    assert "task 9: repeat 2/2, fold 2/2" in shown
    assert "4/4" in shown


@pytest.mark.parametrize("tags", [["fine", t] for t in ("a b", "", "x" * 65, "ü", 3)] + ["course"])
def test_a_tag_that_openml_refuses_is_refused_at_once(tags, server):
    with pytest.raises(ValueError, match="tags must be"):
        run_on_task(DenseClassifier(), 3, tags=tags)
    assert server.requests == []


@pytest.mark.parametrize("publish", [True, False])
def test_tags_that_repeat_others_are_merged(publish, server):
    """The server would refuse them after it has stored the run."""
    ours = f"SKDL_{skdl.__version__}"
    tags = ["Course", "course", "OpenML-Python", f"sklearn_{sklearn.__version__}.", ours, "x" * 64]
    run = run_on_task(Ridge(), 4, publish=publish, tags=tags)
    assert len({tag.lower() for tag in run.tags}) == len(run.tags) == 7
    assert {"Course", "openml-python", "x" * 64} < set(run.tags)
    if not publish:
        run.tags += ["COURSE", "late"]
        publish_run(run)
    assert openml.runs.get_run(run.run_id).tags == run.tags
    run.tags.append("not a tag")
    with pytest.raises(ValueError, match="tags must be"):
        publish_run(run)


def test_a_task_without_targets_is_refused(server):
    task = openml.tasks.OpenMLClusteringTask(task_id=7, task_type_id=5, task_type="", data_set_id=1)
    with pytest.raises(ValueError, match="supervised"):
        run_on_task(DenseClassifier(), task)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openml", None)
    calls = [
        lambda: run_on_task(DenseClassifier(), 1),
        lambda: publish_run("folder"),
        lambda: compare(1),
        lambda: check_model(DenseClassifier()),
    ]
    for call in calls:
        with pytest.raises(ImportError, match=r"pip install 'skdl\[openml\]'"):
            call()


def test_the_module_loads_nothing_heavy():
    program = (
        "import sys, skdl.openml; "
        "print([m for m in ('openml', 'keras', 'tensorflow', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_compare(server):
    model = pipeline(LogisticRegression())
    runs = [
        run_on_task(model.set_params(logisticregression__C=c), 1, publish=True)
        for c in (1e-4, 1.0, 1e-2)
    ]
    assert compare(1).empty
    for run in runs:  # openml keeps what it sees now
        assert openml.runs.get_run(run.run_id).fold_evaluations is None
    server.evaluate()
    mine = run_on_task(pipeline(DenseClassifier(**SMALL)), 1)
    table = compare(mine)
    best = sorted(runs, key=lambda run: -np.mean([*accuracies(run).values()]))
    assert list(table.columns.get_level_values("run")) == ["this run", *(r.run_id for r in best)]
    assert table["this run"].iloc[:, 0].to_dict() == accuracies(mine)
    assert table[best[0].run_id].iloc[:, 0].to_dict() == pytest.approx(accuracies(best[0]))
    assert table.index.names == ["repeat", "fold"]
    flows = set(table.columns.get_level_values("flow"))
    assert "sklearn.Pipeline(ColumnTransformer,SimpleImputer,DenseClassifier)" in flows
    assert compare(runs[1]).shape == (2, 3)  # a published run is not set beside itself
    published = table.drop(columns="this run", level="run")
    pd.testing.assert_frame_equal(compare(1), published, check_column_type=False)
    assert compare(openml.tasks.get_task(1), n_runs=2).shape == (2, 2)


def test_compare_of_errors_puts_the_least_first(server):
    for alpha in (1e4, 1.0):
        run_on_task(Ridge(alpha=alpha), 4, publish=True)
    server.evaluate()
    means = compare(4).mean()
    assert means.is_monotonic_increasing
    assert means.iloc[0] < means.iloc[1]


def test_compare_without_published_runs(server):
    assert compare(2).empty
    run = run_on_task(Ridge(), 4)
    asked = len(server.requests)
    assert compare(run, n_runs=0).shape == (2, 1)
    assert len(server.requests) == asked
    for n_runs in (0, 5):
        with pytest.raises(ValueError, match=r"measure='kappa' is not in the run\. It .*mean_abs"):
            compare(run, measure="kappa", n_runs=n_runs)
    assert compare(run, n_runs=0, measure="wall_clock_time_millis").gt(0).all(axis=None)


def test_an_unknown_measure_is_an_error(server):
    for subject in (4, run_on_task(Ridge(), 4)):
        with pytest.raises(
            ValueError, match=r"'mean_absolute_eror' is not one.*: mean_absolute_error"
        ):
            compare(subject, measure="mean_absolute_eror")
    assert compare(4, measure="mean_absolute_error").empty


def test_runs_that_the_server_has_not_scored_by_fold(server):
    run, scored = (run_on_task(Ridge(alpha=a), 4, publish=True) for a in (1.0, 2.0))
    fetched = openml.runs.get_run(run.run_id)
    with pytest.raises(ValueError, match=r"which the server scores hours or days after"):
        compare(fetched)
    server.evaluate()
    table = compare(fetched)  # what openml kept has no scores
    expected = run.fold_evaluations["mean_absolute_error"][0]
    assert table["this run"].iloc[:, 0].droplevel("repeat").to_dict() == pytest.approx(expected)
    assert list(table.columns.get_level_values("run")) == ["this run", scored.run_id]
    server.runs[scored.run_id].by_fold = False
    with pytest.warns(UserWarning, match=f"no mean_absolute_error.*run {scored.run_id}"):
        assert list(compare(4).columns.get_level_values("run")) == [run.run_id]


@pytest.fixture
def anneal(shared, configuration):
    """The folder of the cached task, copied: openml writes into its cache."""
    configuration.server = "https://test.openml.org/api/v1/xml"
    root = configuration._root_cache_directory
    shutil.copytree(shared / "data" / "openml", root, copy_function=shutil.copyfile)
    for folder in [root, *root.rglob("*")]:
        folder.chmod(0o755)
    return root / "org" / "openml" / "test" / "tasks" / "1882"


def anneal_model():
    return pipeline(DenseClassifier(epochs=20))


def check_anneal(run, n_folds):
    folds = accuracies(run)
    assert len(folds) == n_folds
    assert accuracies_of_file(run) == pytest.approx(folds)
    assert set(run.predictions["correct"]) == {"1", "2", "3", "5", "U"}
    return np.mean([*folds.values()])


# One of the six classes is in no row.
@pytest.mark.filterwarnings("ignore:Estimator only predicted for 5/6 classes:UserWarning")
def test_some_folds_of_anneal(anneal, capsys):
    splits = anneal / "datasplits.arff"
    other = re.compile(r"T\w+,\d+,(?!0,[01]$)")
    lines = [line for line in splits.read_text().splitlines() if not other.match(line)]
    splits.write_text("\n".join(lines))
    accuracy = check_anneal(run_on_task(anneal_model(), 1882, random_state=0), 2)
    assert accuracy > 0.95
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimator only predicted for 5/6 classes:UserWarning")
def test_all_folds_of_anneal(anneal):
    run = run_on_task(anneal_model(), 1882, random_state=0)
    assert check_anneal(run, 100) > 0.97
