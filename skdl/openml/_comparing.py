"""Comparing a run with the best published ones."""

from __future__ import annotations

import difflib
import re
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from skdl.openml._server import ask, import_openml
from skdl.openml._tasks import described

if TYPE_CHECKING:
    from openml.runs import OpenMLRun
    from openml.tasks import OpenMLTask


_LESS_IS_BETTER = re.compile("error|time|ram_hours|unclassified")


def compare(
    run_or_task: OpenMLRun | OpenMLTask | int,
    *,
    n_runs: int = 5,
    measure: str | None = None,
    timeout: float = 600.0,
) -> pd.DataFrame:
    """Return the results of a run by fold, together with those of the best published runs.

    Parameters
    ----------
    run_or_task : openml.runs.OpenMLRun, openml.tasks.OpenMLTask or int
        A run; or a task or its id, to see only its published runs.
    n_runs : int, default=5
        Number of published runs, at least 0; with 0, none are requested from the server.
    measure : str, default=None
        OpenML's name of the measure to compare, as listed by
        `openml.evaluations.list_evaluation_measures`; for errors and times, smaller is better.
        None: "predictive_accuracy" for classes, "mean_absolute_error" for numeric values.
    timeout : float, default=600.0
        Seconds, above 0, to wait for the server, per run.

    Returns
    -------
    results : DataFrame
        One row per (repeat, fold), counted from 0, and one column per (run, flow), where the flow
        is the name of the model: first "this run", then the published runs with their ids, best
        first. Published runs without results by fold are left out, with a warning.

    Raises
    ------
    ImportError
        If openml is not installed.
    ValueError
        If OpenML does not know the measure, or the run does not have it (yet).
    OpenMLError
        If the server refuses the request or does not answer.

    See Also
    --------
    run_on_task : Computes a run.

    Notes
    -----
    The measures "predictive_accuracy" or "mean_absolute_error" and the times of a run are computed
    locally; all other measures are computed by the server, hours or days after the run was
    published. Until then, the run does not appear in other users' comparisons.

    Examples
    --------
    >>> from skdl.openml import compare
    >>> compare(1882).mean().sort_values()  # doctest: +SKIP
    """
    openml = import_openml("compare")
    subject: Any = run_or_task
    run = subject if isinstance(subject, openml.runs.OpenMLRun) else None
    task = described(subject if run is None else run.task_id, timeout)
    if measure is None:
        values = isinstance(task, openml.tasks.OpenMLRegressionTask)
        measure = "mean_absolute_error" if values else "predictive_accuracy"
    elif n_runs and measure not in _local_measures(run):
        known = ask(openml.evaluations.list_evaluation_measures, timeout=timeout)
        if measure not in known:
            near = difflib.get_close_matches(measure, known) or sorted(known)
            raise ValueError(f"measure={measure!r} is not one of OpenML's: {', '.join(near)}.")
    columns = {}
    if run is not None:
        columns["this run", _short(run.flow_name)] = _own(run, measure, n_runs, timeout)
    if n_runs:
        best = ask(
            openml.evaluations.list_evaluations,
            measure,
            tasks=[task.task_id],
            size=n_runs,
            sort_order="asc" if _LESS_IS_BETTER.search(measure) else "desc",
            output_format="dataframe",
            timeout=timeout,
        )
        unscored = []
        for row in best.itertuples():
            if run is None or row.run_id != run.run_id:
                scores = _published(row.run_id, measure, timeout)
                if scores.notna().any():
                    columns[row.run_id, _short(row.flow_name)] = scores
                else:
                    unscored.append(str(row.run_id))
        if unscored:
            warnings.warn(
                f"Left out, since OpenML has no {measure} of theirs by fold: "
                f"run {', '.join(unscored)}.",
                stacklevel=2,
            )
    if not columns:
        return pd.DataFrame()
    return pd.concat(columns, axis=1, names=["run", "flow"]).sort_index()


def _own(run: OpenMLRun, measure: str, n_runs: int, timeout: float) -> pd.Series:
    """Return a run's own results, of the server if they were not computed here."""
    scores = _folds(run, measure)
    if scores.empty and run.run_id is not None and n_runs:
        scores = _published(run.run_id, measure, timeout)
    if scores.empty:
        later = ", which the server scores hours or days after it was published"
        raise ValueError(
            f"measure={measure!r} is not in the run{'' if run.run_id is None else later}. It has "
            f"{_local_measures(run)}."
        )
    return scores


def _published(run_id: int, measure: str, timeout: float) -> pd.Series:
    """Return what the server has now, not what openml keeps since it first saw the run."""
    import openml

    return _folds(ask(openml.runs.get_run, run_id, ignore_cache=True, timeout=timeout), measure)


def _local_measures(run: OpenMLRun | None) -> list[str]:
    return sorted((run and run.fold_evaluations) or {})


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
