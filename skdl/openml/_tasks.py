"""Running a model on the folds of an OpenML task."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator, clone

from skdl import __version__
from skdl.openml._limits import check_size, checked_tags
from skdl.openml._publishing import check_new, publish_run
from skdl.openml._server import ask, check_key, fewer_remarks, import_openml
from skdl.openml._values import checked_flow

if TYPE_CHECKING:
    from openml.runs import OpenMLRun
    from openml.tasks import OpenMLTask


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

    This does the same as `openml.runs.run_model_on_task`, but checks the model's values first,
    shows a progress bar over repeats and folds, and adds the versions of Keras, TensorFlow and
    skdl, which openml does not record anywhere, as tags of the run.

    Parameters
    ----------
    model : estimator
        Any scikit-learn estimator: one of skdl, a pipeline or a search. It is left unchanged.
    task : openml.tasks.OpenMLTask or int
        A supervised task, or its id on the server for which openml is configured.
    publish : bool, default=False
        Whether to publish the run, with the API key of openml's configuration. Foreseeable failures
        are reported before the first fit: a missing or wrong key, a model of more than 60
        parameters, and runs of the same model with the same parameters and seeds.
    tags : list of str, default=None
        Additional tags for the run: ASCII letters, digits and "_", "-", ".", at most 64 characters.
        A tag that repeats another one, ignoring case, is left out.
    random_state : int, default=None
        Determines the seeds of all parts of the model that have none; they are stored with the run.
        None draws a new seed.
    timeout : float, default=600.0
        Seconds, above 0, to wait for the server: once for the task and its data, once for the check
        for equal runs, and once for publishing.
    verbose : int, default=1
        0: silent. 1: a progress bar, if stderr is a terminal or a notebook.

    Returns
    -------
    run : openml.runs.OpenMLRun
        The run, with predictions, measures by repeat and fold, and the trace of a search.

    Raises
    ------
    ImportError
        If openml is not installed.
    ValueError
        If OpenML cannot store a tag, a parameter, the name of a step or, with `publish`, the number
        of parameters.
    openml.exceptions.OpenMLRunsExistError
        If `publish` is set and the task already has such runs.
    OpenMLError
        If the server refuses the request or does not answer. A run that could not be published is
        kept on disk; the message and the error's attributes say where.

    See Also
    --------
    publish_run : Publishes the run later.
    compare : Sets the run beside the best of the task.

    Notes
    -----
    A pipeline may contain each kind of step only once in all its parts. `OneHotEncoder` treats
    missing values as a category, so that only the numeric columns need an imputer.

    The run contains the measures that were computed locally. The server computes its own, and shows
    the trace of a search, only when its evaluation engine has processed the run, hours or days
    after it was published.

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
    if isinstance(tags, str):
        raise ValueError(f"tags must be a list of str, received {tags!r}.")
    tags = checked_tags([*_versions(), *(tags or ())])
    model = clone(model)
    flow = checked_flow(model)
    flow.model = flow.extension.seed_model(model, random_state)
    if publish:
        check_size(flow)
        check_key()
    found = described(task, timeout)
    if not isinstance(found, openml.tasks.OpenMLSupervisedTask):
        raise ValueError(f"task must be a supervised one, received task {found.task_id}.")
    loaded = ask(_loaded, found, timeout=timeout)
    if publish:
        ask(check_new, flow, flow.model, loaded.task_id, timeout=timeout)
    with _progress(loaded, verbose) as watched, fewer_remarks():
        run = openml.runs.run_flow_on_task(flow, watched, avoid_duplicate_runs=False, n_jobs=1)
    run.tags = checked_tags([*run.tags, *tags])
    return publish_run(run, timeout=timeout) if publish else run


def described(task: OpenMLTask | int, timeout: float) -> OpenMLTask:
    """Return a task, asking the server where only its id is given."""
    import openml

    if isinstance(task, openml.tasks.OpenMLTask):
        return task
    return ask(openml.tasks.get_task, int(task), timeout=timeout)


def _loaded(task: Any) -> Any:
    """Return a copy of a task that holds its folds and data.

    openml would ask for the data in every fold, and the server again for what it did not have.
    """
    task.get_split_dimensions()
    dataset = task.get_dataset()
    loaded = copy.copy(task)
    loaded.get_dataset = lambda **kwargs: dataset
    X, y = loaded.get_X_and_y(dataset_format="dataframe")
    loaded.get_X_and_y = lambda dataset_format: (X, y)
    return loaded


def _versions() -> list[str]:
    """Return tags that name the versions which openml records nowhere."""
    found = {name: version(name) for name in ("keras", "tensorflow")} | {"skdl": __version__}
    return [re.sub(r"[^A-Za-z0-9_.-]", "-", f"{name}_{v}")[:64] for name, v in found.items()]


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
