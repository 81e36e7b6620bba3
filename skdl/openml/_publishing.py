"""Publishing runs, which are kept on disk until the server has confirmed them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from skdl.openml._limits import check_description, check_size, checked_tags, parts
from skdl.openml._server import OpenMLError, ask, check_key, fewer_remarks, import_openml

if TYPE_CHECKING:
    from openml.flows import OpenMLFlow
    from openml.runs import OpenMLRun
    from sklearn.base import BaseEstimator


def publish_run(run: OpenMLRun | str | os.PathLike, *, timeout: float = 600.0) -> OpenMLRun:
    """Publish a run that was computed earlier.

    This does the same as `run.publish()`, with a timeout and additional checks: for equal runs, and
    for errors that the server would report only after it has stored a part of the run. Before the
    first request, the run is written to a folder in openml's cache, which is removed when the
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
    ValueError
        If the run was not computed locally, or OpenML cannot store a tag, a name of a step, or more
        than 60 parameters.
    openml.exceptions.OpenMLRunsExistError
        If the task already has runs of this model with the same parameters and seeds.
    OpenMLError
        If the server refuses the request or does not answer. The run is kept on disk.

    See Also
    --------
    run_on_task : Computes a run.

    Notes
    -----
    Tags that repeat another one, ignoring case, are left out. The server scores the run, and shows
    the trace of a search, only when its evaluation engine has processed the run.

    Examples
    --------
    >>> from skdl.openml import publish_run
    >>> publish_run("a_folder").run_id  # doctest: +SKIP
    17
    """
    openml = import_openml("publish_run")
    if isinstance(run, str | os.PathLike):
        folder = Path(run).expanduser()
        kept = openml.runs.OpenMLRun.from_filesystem(folder)
        _checked(kept)
        _publish(kept, folder, timeout)
        return kept
    if run.model is None or run.data_content is None:
        raise ValueError(
            f"run must have been computed here, with its model and predictions; run {run.run_id} "
            "comes from the server."
        )
    folder = _folder(run, _checked(run))
    ask(_write, run, folder, timeout=timeout)
    try:
        _publish(run, folder, timeout)
    except openml.exceptions.OpenMLRunsExistError:
        rmtree(folder)
        raise
    rmtree(folder)
    return run


def _checked(run: Any) -> OpenMLFlow:
    """Check what the server would refuse of a run; return the description of its model."""
    import openml

    with fewer_remarks():
        extension: Any = openml.extensions.get_extension_by_model(run.model, True)
        flow = extension.model_to_flow(run.model)
    check_description(flow)
    check_size(flow)
    run.tags = checked_tags(run.tags or [])
    return flow


def _publish(run: OpenMLRun, folder: Path, timeout: float) -> None:
    """Publish a run that is kept in a folder, or say how to publish it from there."""
    try:
        check_key()
        ask(_upload, run, timeout=timeout)
    except (OpenMLError, KeyboardInterrupt) as error:
        again = f"skdl.openml.publish_run({str(folder)!r})"
        error.args = (f"{error} The run is kept in {folder}; publish it with {again}.",)
        vars(error).update(run=run, folder=folder)
        raise


def _folder(run: OpenMLRun, flow: OpenMLFlow) -> Path:
    """Return where a run is kept, which is the same for the same run."""
    import openml

    settings = [(part.name, part.parameters) for part in parts(flow)]
    content = json.dumps([settings, run.data_content], default=str).encode()
    name = f"task_{run.task_id}_{hashlib.sha256(content).hexdigest()[:16]}"
    return Path(openml.config.get_cache_directory(), "unpublished_runs", name)


def _write(run: OpenMLRun, folder: Path) -> None:
    """Write a run to a folder, which has all of it or is as it was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        run.to_filesystem(new)
        if folder.is_dir():
            rmtree(folder)
        new.rename(folder)
    except BaseException:
        rmtree(new)
        raise


def _upload(run: Any) -> None:
    import openml

    check_new(run.flow or openml.flows.get_flow(run.flow_id), run.model, run.task_id)
    run.publish()


def check_new(flow: OpenMLFlow, model: BaseEstimator, task_id: int) -> None:
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
