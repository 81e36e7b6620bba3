"""Running estimators on OpenML's tasks, publishing the runs and comparing them.

openml-python does the work. Added here are checks before it, a progress bar, tags, time limits,
and care that nothing computed is lost and that the API key is seen nowhere.
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import os
import queue
import re
import reprlib
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

if TYPE_CHECKING:
    from openml.runs import OpenMLRun
    from openml.tasks import OpenMLTask

__all__ = ["OpenMLError", "check_model", "compare", "publish_run", "run_on_task"]

_MAX_LENGTH = 2048  # characters of a parameter's value as JSON, by OpenML's schema
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_NO_KEY, _WRONG_KEY = 102, 103  # codes of the server
_HTTP_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")
# They repeat, for every fold, what openml also warns of, or remark on docstrings.
_CHATTY_LOGGERS = ("openml.config", "openml.extensions.sklearn.extension")


class OpenMLError(RuntimeError):
    """The OpenML server refused a request or did not answer.

    Attributes
    ----------
    run : openml.runs.OpenMLRun or None
        The run that could not be published.
    folder : pathlib.Path or None
        Where it is kept; `publish_run` takes it from there.

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
    openml = _import_openml("run_on_task")
    tags = _checked_tags([] if tags is None else tags)
    model = clone(model)
    with _filtered(_CHATTY_LOGGERS, _not_a_warning):
        check_model(model)
        extension = openml.extensions.get_extension_by_model(model, raise_if_no_extension=True)
        flow = extension.model_to_flow(model)
    flow.model = extension.seed_model(model, random_state)
    if publish:
        _check_key(openml)
    if not isinstance(task, openml.tasks.OpenMLTask):
        task = _ask(openml.tasks.get_task, int(task), timeout=timeout)
    if not isinstance(task, openml.tasks.OpenMLSupervisedTask):
        raise ValueError(f"task must be a supervised one, received task {task.task_id}.")
    _ask(_load, task, timeout=timeout)
    if publish:
        _ask(_check_new, flow, flow.model, task.task_id, timeout=timeout)
    with _progress(task, verbose) as watched, _filtered(_CHATTY_LOGGERS, _not_a_warning):
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
    openml = _import_openml("publish_run")
    given = isinstance(run, str | os.PathLike)
    if given:
        folder, run = Path(run), openml.runs.OpenMLRun.from_filesystem(run)
    else:
        parent = Path(openml.config.get_cache_directory(), "unpublished_runs")
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"task_{run.task_id}_", dir=parent))
        run.to_filesystem(folder)
    try:
        _check_key(openml)
        _ask(_upload, run, timeout=timeout)
    except (OpenMLError, openml.exceptions.OpenMLRunsExistError) as error:
        again = f"skdl.openml.publish_run({str(folder)!r})"
        error.args = (f"{error} The run is kept in {folder}; publish it with {again}.",)
        error.run, error.folder = run, folder
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
    openml = _import_openml("compare")
    task, columns, index = run_or_task, {}, ["repeat", "fold"]
    if isinstance(run_or_task, openml.runs.OpenMLRun):
        task = run_or_task.task_id
    if not isinstance(task, openml.tasks.OpenMLTask):
        task = _ask(openml.tasks.get_task, int(task), timeout=timeout)
    if measure is None:
        values = isinstance(task, openml.tasks.OpenMLRegressionTask)
        measure = "mean_absolute_error" if values else "predictive_accuracy"
    if isinstance(run_or_task, openml.runs.OpenMLRun):
        found = run_or_task.fold_evaluations or {}
        if measure not in found:
            raise ValueError(f"measure={measure!r} is not in the run, which has {sorted(found)}.")
        columns["this run", run_or_task.flow_name] = _folds(run_or_task, measure, index)
    if n_runs:
        best = _ask(
            openml.evaluations.list_evaluations,
            measure,
            tasks=[task.task_id],
            size=n_runs,
            sort_order="asc" if "error" in measure else "desc",
            output_format="dataframe",
            timeout=timeout,
        )
        for row in best.itertuples():
            published = _ask(openml.runs.get_run, row.run_id, timeout=timeout)
            columns[row.run_id, row.flow_name] = _folds(published, measure, index)
    if not columns:
        return pd.DataFrame()
    return pd.concat(columns, axis=1, names=["run", "flow"]).sort_index()


def _folds(run, measure, index):
    """Return a measure by repeat and fold."""
    by_repeat = (run.fold_evaluations or {}).get(measure, {})
    rows = [(r, fold, value) for r, folds in by_repeat.items() for fold, value in folds.items()]
    return pd.DataFrame(rows, columns=[*index, "value"]).set_index(index)["value"].astype(float)


def check_model(model: BaseEstimator) -> None:
    """Raise an error if a value in the model is one that OpenML cannot store.

    `run_on_task` does so by itself; with `openml.runs.run_model_on_task` call it before.

    Parameters
    ----------
    model : estimator
        Any scikit-learn estimator.

    Raises
    ------
    ImportError
        If openml is not installed.
    ValueError
        If OpenML cannot store a parameter. The message names it and what to pass instead.

    See Also
    --------
    run_on_task : Runs a model on a task.

    Notes
    -----
    OpenML stores numbers, text, lists, dicts with str keys, functions of importable modules,
    splitters and estimators, each value as at most 2048 characters. Optimizers, losses,
    activations, initialisers and metrics are stored as their Keras name or configuration.

    Examples
    --------
    >>> from skdl import DenseClassifier
    >>> from skdl.openml import check_model
    >>> check_model(DenseClassifier(optimizer="sgd"))  # doctest: +SKIP
    """
    _import_openml("check_model")
    from openml.extensions.sklearn import SklearnExtension

    extension = SklearnExtension()
    for name, value in model.get_params(deep=True).items():
        if name in ("param_grid", "param_distributions"):
            _check_grid(name, value)
        if _is_composition(value):
            _check_columns(name, value)
        elif not hasattr(value, "get_params"):
            _check_value(extension, name, value)
    try:
        extension.model_to_flow(model)
    except Exception as error:  # openml raises many types
        raise ValueError(f"OpenML cannot describe this model: {error}") from error


def _is_composition(value):
    """Tell whether a parameter is a list of named steps, whose parameters have names too."""
    return isinstance(value, list | tuple) and any(
        isinstance(step, list | tuple)
        and len(step) > 1
        and (hasattr(step[1], "get_params") or step[1] in ("drop", "passthrough"))
        for step in value
        if not isinstance(step, str)
    )


def _check_columns(name, steps):
    for step in steps:
        columns = step[2] if len(step) > 2 else []
        if not isinstance(columns, list) and not hasattr(columns, "__code__"):
            raise ValueError(
                f"OpenML cannot store the columns of step {step[0]!r} in {name}={columns!r}. Pass "
                "a list of columns, or cat or cont from openml.extensions.sklearn."
            )


def _check_grid(name, grid):
    """Refuse what openml cannot write into the trace of a search, after the first fold."""
    for part in [grid] if isinstance(grid, Mapping) else grid:
        for parameter, candidates in part.items():
            for value in candidates if np.iterable(candidates) else ():
                plain = value.item() if isinstance(value, np.generic) else value
                numbers = isinstance(plain, list | tuple) and all(isinstance(i, int) for i in plain)
                if not (plain is None or numbers or isinstance(plain, bool | int | float | str)):
                    raise ValueError(
                        f"OpenML cannot store {name}[{parameter!r}] with the candidate "
                        f"{reprlib.repr(value)}. Pass numbers, text, None, or lists of int; "
                        "search over a learning rate by learning_rate."
                    )


def _check_value(extension, name, value):
    if _is_stored(extension, value):
        return
    length = len(json.dumps(value, default=str)) if isinstance(value, str | list | dict) else 0
    if length > _MAX_LENGTH:
        reason = f"it has {length} characters as JSON, {_MAX_LENGTH} are allowed"
    else:
        name, value = _culprit(extension, name, value)
        reason = f"pass {_instead(value)}"
    raise ValueError(f"OpenML cannot store {name}={reprlib.repr(value)}: {reason}.")


def _is_stored(extension, value):
    """Tell whether openml gives a value back as it was, but for tuples, which become lists."""
    try:
        stored = json.dumps(extension.model_to_flow(value))
        back = extension.flow_to_model(stored)
    except Exception:  # of many types, for what openml does not know
        return False
    return len(stored) <= _MAX_LENGTH and _same(back, value)


def _same(back, value):
    if isinstance(value, list | tuple):
        return len(back) == len(value) and all(map(_same, back, value))
    if isinstance(value, Mapping):
        return back.keys() == value.keys() and all(_same(back[key], value[key]) for key in value)
    if isinstance(value, str | float | int | np.generic):
        return type(back) is type(getattr(value, "item", lambda: value)()) and (
            back == value or value != value
        )
    # A function of a script or notebook cannot be imported elsewhere.
    return not callable(value) or (back is value and value.__module__ != "__main__")


def _culprit(extension, name, value):
    """Return the innermost part of a value that cannot be stored, with its name."""
    parts = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    for key, part in parts:
        if not _is_stored(extension, part):
            return _culprit(extension, f"{name}[{key!r}]", part)
    return name, value


def _instead(value):
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return "an int or None instead"
    if hasattr(value, "on_epoch_end"):
        return (
            "the name of the callback, which makes one with its defaults, or early_stopping "
            "and patience in place of EarlyStopping"
        )
    if hasattr(value, "get_config") and not isinstance(value, type):
        return "its Keras name, or the dict that keras.saving.serialize_keras_object makes of it"
    if isinstance(value, Mapping):
        return "a dict whose keys and values are text that does not read as a number, or numbers"
    if callable(value):
        return "a function that can be imported from a module"
    return "numbers, text, None, or lists or dicts of them"


def _checked_tags(tags):
    """Return all tags of a run but those that openml sets."""
    for tag in tags:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise ValueError(
                f"tags must be of letters, digits, '_', '-' and '.', received {tag!r}."
            )
    import skdl

    versions = {name: version(name) for name in ("keras", "tensorflow")}
    versions["skdl"] = skdl.__version__
    own = [re.sub(r"[^A-Za-z0-9_.-]", "-", f"{name}_{is_}") for name, is_ in versions.items()]
    return own + [tag for tag in tags if tag not in own]


def _import_openml(caller: str) -> ModuleType:
    try:
        import openml
    except ImportError as error:
        raise ImportError(
            f"skdl.openml.{caller} needs openml, which is missing: pip install 'skdl[openml]'"
        ) from error
    return openml


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


def _check_key(openml):
    if not openml.config.apikey:
        raise OpenMLError(f"Publishing needs an API key. {_SET_KEY}")


_SET_KEY = "Set openml.config.apikey, or run 'openml configure apikey' in a shell."


def _ask(call: Callable, *args: Any, timeout: float, **kwargs: Any) -> Any:
    """Call a function of openml that asks the server, for at most `timeout` seconds.

    openml itself waits for ever, so the call has a thread of its own, which is left behind
    if there is no answer. openml sends the key in the address of requests, where errors and
    the log show it: the key is taken out of both, and the original error, which holds it, is
    not chained.
    """
    import openml

    answers: queue.SimpleQueue = queue.SimpleQueue()

    def work():
        try:
            with _filtered(_HTTP_LOGGERS, _hide_key):
                answers.put((call(*args, **kwargs), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=work, daemon=True, name="skdl.openml").start()
    try:
        result, error = answers.get(timeout=timeout)
    except queue.Empty:
        raise OpenMLError(
            f"{openml.config.server} did not answer within timeout={timeout:g} seconds. It may "
            "have got what was sent."
        ) from None
    if error is None:
        return result
    if isinstance(error, openml.exceptions.OpenMLRunsExistError):
        raise error
    no_key = isinstance(error, openml.exceptions.OpenMLNotAuthorizedError)
    if no_key or getattr(error, "code", None) in (_NO_KEY, _WRONG_KEY):
        raise OpenMLError(f"{openml.config.server} refused the API key. {_SET_KEY}")
    text = " ".join(_without_key(str(error)).split())
    if len(text) > 800:  # whole pages, or the description that was sent before the reason
        text = f"{text[:400]} ... {text[-400:]}"
    raise OpenMLError(f"{openml.config.server} failed: {type(error).__name__}: {text}.")


def _without_key(text: str) -> str:
    import openml

    key = openml.config.apikey
    for shown in {key, quote(key or "", safe="")} if key else ():
        text = text.replace(shown, "***")
    return text


def _hide_key(record: logging.LogRecord) -> bool:
    record.msg, record.args = _without_key(record.getMessage()), None
    return True


def _not_a_warning(record: logging.LogRecord) -> bool:
    return record.levelno != logging.WARNING


@contextmanager
def _filtered(names: tuple[str, ...], keep: Callable) -> Iterator[None]:
    """Filter what some loggers log."""
    # A filter of one's own each time: equal ones are added, and removed, only once.
    own = logging.Filter()
    own.filter = keep
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(own)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(own)
