"""Which fit of a search a network is trained in, and with which parameters."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, NamedTuple

from skdl._common.short_values import short_value
from skdl._engine.progress import Progress
from skdl._sklearn import propagated_callbacks

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# The task of one fit of a search; the tasks of all its candidates and folds have one parent.
EVALUATION = "candidate-split-evaluation"
# Where `SearchProgress` notes what it knows of a search: an attribute of its tasks, since these go
# into worker processes with the fits.
KNOWN = "skdl_search"
# Parameters that tell little of a network, or that its progress shows anyway.
_UNSAID = ("epochs", "metrics", "random_state", "verbose")


class SearchKnown(NamedTuple):
    """What is known of a search: its number of folds, and which parameters it varies."""

    n_splits: int | None
    varied: tuple[str, ...]


def progress_of(estimator: BaseEstimator, task: Any = None, part: str = "") -> Progress:
    """Return what reports the training of a network.

    Parameters
    ----------
    estimator : estimator
        Whose name, parameters and `verbose` count.
    task : CallbackContext, default=None
        The task of its fit; None for `partial_fit`.
    part : str, default=""
        Which of several networks of the estimator is trained.
    """
    name, verbose = type(estimator).__name__, int(estimator.verbose)
    known = [getattr(each, KNOWN) for each in [task, *_tasks_above(task)] if hasattr(each, KNOWN)]
    if verbose < 2 and task is not None:
        verbose = 0 if _has_progress_bar(estimator) else max(verbose, int(bool(known)))
    place = place_of(task) if verbose else ""
    varied = [parameter for search in known for parameter in search.varied]
    parameters = parameters_of(estimator, varied) if place else ()
    return Progress(verbose, name, ", ".join(filter(None, [place, part])), parameters)


def _has_progress_bar(estimator):
    """Tell whether scikit-learn draws the progress of a fit or of what it is part of."""
    found = propagated_callbacks(estimator)
    return any(type(callback).__name__ == "ProgressBar" for callback in found)


def place_of(task: Any) -> str:
    """Return which fit of a search a task is, such as "fit 3 of 12" or "refit", "" for none.

    scikit-learn numbers candidates and folds together, and tells nobody below the search how many
    folds there are; where `SearchProgress` has noted it, candidate and fold are told apart. Rounds
    of successive halving are numbered anew; of nested searches the outer one is named first.
    """
    places: list[str] = []
    for search in _tasks_above(task):
        # The task of a search is also that of the estimator that it fits, whose name it then has.
        name = task.source_task_name or task.task_name
        if name == EVALUATION:
            places.append(_evaluation(task.task_id, search))
        elif name == "refit-with-best-params":
            places.append("refit")
        elif name == "halving-iteration":
            places.append(_ordinal("iteration", task.task_id, search.max_subtasks))
        task = search
    return ", ".join(reversed(places))


def _tasks_above(task):
    """Yield the parent of a task, the parent's parent and so on."""
    while (task := getattr(task, "parent", None)) is not None:
        yield task


def _evaluation(i, search):
    """Return in words which candidate is evaluated on which fold, or the number of the fit."""
    known, n_fits = getattr(search, KNOWN, None), search.max_subtasks
    n_splits = known and known.n_splits
    if not n_splits:
        return _ordinal("fit", i, n_fits)
    candidate, fold = divmod(i, n_splits)  # the folds of a candidate follow one another
    n_candidates = n_fits and n_fits // n_splits
    return f"{_ordinal('candidate', candidate, n_candidates)}, {_ordinal('fold', fold, n_splits)}"


def _ordinal(what, i, n):
    """Return in words which of n things one is, counted from 0; None: n is unknown."""
    return f"{what} {i + 1}" + (f" of {n}" if n else "")


def parameters_of(estimator: BaseEstimator, varied: Iterable[str] = ()) -> list[str]:
    """Return the parameters of an estimator that tell it from others, such as "dropout=0.2".

    Parameters
    ----------
    estimator : estimator
        The network.
    varied : iterable of str, default=()
        Parameters that searches vary, by their names there, such as "net__dropout". They come
        first; what differs from the defaults of the class follows.
    """
    own, defaults = estimator.get_params(deep=False), signature(type(estimator).__init__).parameters
    every = estimator.get_params(deep=True)
    names = [name for each in varied if (name := _own_name(each, every))]
    for name, value in own.items():
        default = defaults[name].default if name in defaults else Parameter.empty
        if name not in _UNSAID and value is not default and repr(value) != repr(default):
            names.append(name)
    return [f"{name}={short_value(every[name])}" for name in dict.fromkeys(names)]


def _own_name(name, own):
    """Return what a parameter of a search is called in the estimator, "" if it is of another.

    Of two networks in a search, each takes the other's parameters of the same name for its own.
    """
    while name and name not in own:
        _, _, name = name.partition("__")
    return name
