"""Running estimators on OpenML's tasks, publishing the runs and comparing them.

openml-python does the work. Added here are checks before it, a progress bar, tags, time limits,
and care that nothing computed is lost and that the API key is seen nowhere.
"""

from __future__ import annotations

import copy
import itertools
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.base import BaseEstimator, clone

from skdl import __version__
from skdl.openml._server import OpenMLError, ask, check_key, fewer_remarks, import_openml
from skdl.openml._values import check_model

if TYPE_CHECKING:
    from openml.runs import OpenMLRun
    from openml.tasks import OpenMLTask

__all__ = ["OpenMLError", "check_model", "compare", "publish_run", "run_on_task"]

_TAG = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def run_on_task(
    model: BaseEstimator,
    task: OpenMLTask | int,
    *,
    publish: bool = False,
    tags: list[str] | None = None,
    random_state: int | None = None,
    timeout: float = 600.0,
    verbose: int = 1,
) -> OpenMLRun:
    """Fit and test a model on the folds of an OpenML task.

    The same as `openml.runs.run_model_on_task`, with the model's values checked first, a
    progress bar over repeats and folds, and the versions of Keras, TensorFlow and skdl, which
    openml records nowhere, as tags of the run.

    Parameters
    ----------
    model : estimator
        Any scikit-learn estimator: one of skdl, a pipeline or a search. It is left as it is.
    task : openml.tasks.OpenMLTask or int
        A supervised task, or its id on the server that openml is configured for.
    publish : bool, default=False
        Whether to publish the run, with the API key of openml's configuration. What would
        fail is found before the first fit: a missing or wrong key, and runs of the same model
        with the same parameters and seeds.
    tags : list of str, default=None
        More tags for the run: letters, digits and "_", "-", ".", at most 128 characters.
    random_state : int, default=None
        Decides the seeds of all parts of the model that have none; they are stored with the
        run. None draws from fresh entropy.
    timeout : float, default=600.0
        Seconds, above 0, to wait for the server: once for the task and its data, once for
        the check for equal runs, once for publishing.
    verbose : int, default=1
        0: silent. 1: a progress bar, where stderr is a terminal or a notebook.

    Returns
    -------
    run : openml.runs.OpenMLRun
        The run, with predictions, measures by repeat and fold, and the trace of a search.

    Raises
    ------
    ImportError
        If openml is not installed.
    ValueError
        If a tag, or a parameter of the model, cannot be stored by OpenML.
    openml.exceptions.OpenMLRunsExistError
        If `publish` and the task has such runs already.
    OpenMLError
        If the server refuses or does not answer. A run that is not published is kept on
        disk; the message and the error's attributes tell where.

    See Also
    --------
    publish_run : Publishes the run later.
    compare : Sets the run beside the best of the task.

    Notes
    -----
    A pipeline must name each kind of step once in all its parts. `OneHotEncoder` takes
    missing values as a category, so that only the numeric columns need an imputer.

    Examples
    --------
    >>> from openml.extensions.sklearn import cat, cont  # doctest: +SKIP
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from skdl import DenseClassifier
    >>> from skdl.openml import run_on_task
    >>> table = make_column_transformer(
    ...     (StandardScaler(), cont), (OneHotEncoder(handle_unknown="ignore"), cat)
    ... )  # doctest: +SKIP
    >>> net = make_pipeline(table, DenseClassifier(epochs=20))  # doctest: +SKIP
    >>> run = run_on_task(net, 1882, random_state=0)  # doctest: +SKIP
    """
    openml = import_openml("run_on_task")
    tags = _checked_tags([] if tags is None else tags)
    model = clone(model)
    check_model(model)
    with fewer_remarks():
        extension = openml.extensions.get_extension_by_model(model, raise_if_no_extension=True)
        flow = extension.model_to_flow(model)
    flow.model = extension.seed_model(model, random_state)
    if publish:
        check_key()
    task = _described(task, timeout)
    if not isinstance(task, openml.tasks.OpenMLSupervisedTask):
        raise ValueError(f"task must be a supervised one, received task {task.task_id}.")
    ask(_load, task, timeout=timeout)
    if publish:
        ask(_check_new, flow, flow.model, task.task_id, timeout=timeout)
    with _progress(task, verbose) as watched, fewer_remarks():
        run = openml.runs.run_flow_on_task(flow, watched, avoid_duplicate_runs=False, n_jobs=1)
    run.tags += tags
    return publish_run(run, timeout=timeout) if publish else run


def publish_run(run: OpenMLRun | str | os.PathLike, *, timeout: float = 600.0) -> OpenMLRun:
    """Publish a run that was computed before.

    The same as `run.publish()`, with a limit of time and a check for equal runs. Before the
    first request the run is written to a folder in openml's cache, which is removed when the
    server has confirmed the run.

    Parameters
    ----------
    run : openml.runs.OpenMLRun, str or path-like
        A run with predictions, or the folder of one that could not be published.
    timeout : float, default=600.0
        Seconds, above 0, to wait for the server.

    Returns
    -------
    run : openml.runs.OpenMLRun
        The run, with its `run_id`.

    Raises
    ------
    ImportError
        If openml is not installed.
    openml.exceptions.OpenMLRunsExistError
        If the task has runs of this model with the same parameters and seeds already.
    OpenMLError
        If the server refuses or does not answer. The run is kept on disk.

    See Also
    --------
    run_on_task : Computes a run.

    Examples
    --------
    >>> from skdl.openml import publish_run
    >>> publish_run("a_folder").run_id  # doctest: +SKIP
    17
    """
    openml = import_openml("publish_run")
    given = isinstance(run, str | os.PathLike)
    if given:
        folder, run = Path(run), openml.runs.OpenMLRun.from_filesystem(run)
    else:
        parent = Path(openml.config.get_cache_directory(), "unpublished_runs")
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"task_{run.task_id}_", dir=parent))
        run.to_filesystem(folder)
    try:
        check_key()
        ask(_upload, run, timeout=timeout)
    except (OpenMLError, KeyboardInterrupt) as error:
        again = f"skdl.openml.publish_run({str(folder)!r})"
        error.args = (f"{error} The run is kept in {folder}; publish it with {again}.",)
        error.run, error.folder = run, folder
        raise
    except openml.exceptions.OpenMLRunsExistError:
        if not given:
            rmtree(folder)
        raise
    if not given:
        rmtree(folder)
    return run


def compare(
    run_or_task: OpenMLRun | OpenMLTask | int,
    *,
    n_runs: int = 5,
    measure: str | None = None,
    timeout: float = 600.0,
) -> pd.DataFrame:
    """Return a run's results by fold beside those of the best published runs.

    Parameters
    ----------
    run_or_task : openml.runs.OpenMLRun, openml.tasks.OpenMLTask or int
        A run, or a task or its id for its published runs alone.
    n_runs : int, default=5
        Number of published runs, at least 0; with 0 the server is not asked for any.
    measure : str, default=None
        OpenML's name of what is compared; with "error" in it, less is better. None:
        "predictive_accuracy" for classes, "mean_absolute_error" for values.
    timeout : float, default=600.0
        Seconds, above 0, to wait for the server, for each run.

    Returns
    -------
    results : DataFrame
        A row for each (repeat, fold), counted from 0, and a column for each (run, flow), the
        name of the model: first "this run", then published ones by their id, best first.

    Raises
    ------
    ImportError
        If openml is not installed.
    ValueError
        If the run does not have the measure.
    OpenMLError
        If the server refuses or does not answer.

    See Also
    --------
    run_on_task : Computes a run.

    Examples
    --------
    >>> from skdl.openml import compare
    >>> compare(1882).mean().sort_values()  # doctest: +SKIP
    """
    openml = import_openml("compare")
    run = run_or_task if isinstance(run_or_task, openml.runs.OpenMLRun) else None
    task = _described(run_or_task if run is None else run.task_id, timeout)
    if measure is None:
        values = isinstance(task, openml.tasks.OpenMLRegressionTask)
        measure = "mean_absolute_error" if values else "predictive_accuracy"
    columns = {}
    if run is not None:
        found = run.fold_evaluations or {}
        if measure not in found:
            raise ValueError(f"measure={measure!r} is not in the run, which has {sorted(found)}.")
        columns["this run", _short(run.flow_name)] = _folds(run, measure)
    if n_runs:
        best = ask(
            openml.evaluations.list_evaluations,
            measure,
            tasks=[task.task_id],
            size=n_runs,
            sort_order="asc" if "error" in measure else "desc",
            output_format="dataframe",
            timeout=timeout,
        )
        for row in best.itertuples():
            if run is None or row.run_id != run.run_id:
                published = ask(openml.runs.get_run, row.run_id, timeout=timeout)
                columns[row.run_id, _short(row.flow_name)] = _folds(published, measure)
    if not columns:
        return pd.DataFrame()
    return pd.concat(columns, axis=1, names=["run", "flow"]).sort_index()


def _folds(run: OpenMLRun, measure: str) -> pd.Series:
    """Return a measure by repeat and fold."""
    by_repeat = (run.fold_evaluations or {}).get(measure, {})
    rows = [(r, fold, value) for r, folds in by_repeat.items() for fold, value in folds.items()]
    frame = pd.DataFrame(rows, columns=["repeat", "fold", "value"], dtype=float)
    return frame.astype({"repeat": int, "fold": int}).set_index(["repeat", "fold"])["value"]


def _short(flow_name: str) -> str:
    """Return a flow's name with its classes alone."""
    from openml.extensions.sklearn import SklearnExtension

    try:
        return SklearnExtension.trim_flow_name(re.sub(r"\(\d+\)$", "", flow_name))
    except ValueError:  # a name of a form that openml no longer gives
        return flow_name


def _described(task: OpenMLTask | int, timeout: float) -> OpenMLTask:
    """Return a task, asking the server where only its id is given."""
    import openml

    if isinstance(task, openml.tasks.OpenMLTask):
        return task
    return ask(openml.tasks.get_task, int(task), timeout=timeout)


def _checked_tags(tags):
    """Return all tags of a run but those that openml sets."""
    for tag in tags:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise ValueError(
                f"tags must be of letters, digits, '_', '-' and '.', received {tag!r}."
            )
    own = [f"{name}_{version(name)}" for name in ("keras", "tensorflow")]
    own = [re.sub(r"[^A-Za-z0-9_.-]", "-", tag) for tag in [*own, f"skdl_{__version__}"]]
    return own + [tag for tag in tags if tag not in own]


@contextmanager
def _progress(task: Any, verbose: int) -> Iterator[Any]:
    """Yield a copy of the task that shows which fold it is asked for."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    repeats, folds, samples = task.get_split_dimensions()
    n_fits, begun = repeats * folds * samples, itertools.count()
    console = Console(stderr=True)
    shown = verbose and (console.is_terminal or console.is_jupyter)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining()
    with Progress(*columns, console=console, disable=not shown) as bar:
        line = bar.add_task("", total=n_fits)
        watched = copy.copy(task)
        split = watched.get_train_test_split_indices

        def indices(fold=0, repeat=0, sample=0):
            where = f"task {task.task_id}: repeat {repeat + 1}/{repeats}, fold {fold + 1}/{folds}"
            bar.update(line, completed=next(begun), description=where)
            return split(fold=fold, repeat=repeat, sample=sample)

        watched.get_train_test_split_indices = indices
        yield watched
        bar.update(line, completed=n_fits)


def _load(task):
    """Fetch all that a run needs, so that it does not ask the server later."""
    task.get_split_dimensions()
    task.get_X_and_y(dataset_format="dataframe")


def _upload(run):
    import openml

    _check_new(run.flow or openml.flows.get_flow(run.flow_id), run.model, run.task_id)
    run.publish()


def _check_new(flow, model, task_id):
    """Raise if the task has runs of the same model, with the same parameters and seeds."""
    import openml

    flow_id = openml.flows.flow_exists(flow.name, flow.external_version)
    if not flow_id:
        return
    known = openml.flows.get_flow(flow_id)
    known.model = model
    ids = openml.runs.run_exists(task_id, openml.setups.setup_exists(known))
    if ids:
        numbers = ", ".join(str(i) for i in sorted(ids))
        raise openml.exceptions.OpenMLRunsExistError(
            ids, f"Task {task_id} has this run already: {numbers}."
        )
