"""Names candidate and fold in the progress of networks: `SearchProgress`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sklearn

from skdl._estimators.fit.place import EVALUATION, KNOWN, SearchKnown
from skdl._sklearn import HAS_CALLBACKS


class SearchProgress:
    """Callback that shows which candidate and fold a search trains a network on.

    Set on a search with `set_callbacks`, it has each network of skdl in it report its progress as
    with `verbose=1`, and name the candidate and the fold: a bar such as "candidate 2 of 6, fold 1
    of 5" in a terminal or a notebook, or a line per fit in a log file, in threads and in worker
    processes. The parameters that the search varies follow, before others that differ from their
    defaults. A network with `verbose=2` prints its lines per epoch, with the same name.

    See Also
    --------
    sklearn.callback.ProgressBar : Shows the progress of any search, without metrics.
    SearchDisplay : Draws the scores of a fitted search.

    Notes
    -----
    It needs scikit-learn 1.9. Without it, `verbose=1` numbers the fits of all candidates and folds
    together, such as "fit 6 of 30", since a search tells its callbacks alone how many folds there
    are. One object serves any number of searches, one within another too if it is set on each.
    It shows nothing beside `sklearn.callback.ProgressBar`, which draws its own bars.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdl import DenseClassifier, SearchProgress
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(8, epochs=2, random_state=0)
    >>> search = GridSearchCV(net, {"dropout": [0.1, 0.2]}, cv=2)
    >>> search.set_callbacks(SearchProgress()).fit(X, y)  # doctest: +ELLIPSIS
    DenseClassifier, candidate 1 of 2, fold 1 of 2 ... loss ...
    DenseClassifier, candidate 1 of 2, fold 2 of 2 ... loss ...
    DenseClassifier, candidate 2 of 2, fold 1 of 2 ... loss ...
    DenseClassifier, candidate 2 of 2, fold 2 of 2 ... loss ...
    DenseClassifier, refit ... loss ...
    GridSearchCV(...)
    """

    def __init__(self):
        if not HAS_CALLBACKS:
            raise ImportError(
                f"SearchProgress needs scikit-learn 1.9 or newer, {sklearn.__version__} is "
                "installed. Without it, GridSearchCV(..., verbose=3) prints candidate and fold."
            )

    def setup(self, estimator: Any, context: Any) -> None:
        """Have the networks in a search show their progress, as its fit begins.

        Parameters
        ----------
        estimator : estimator
            The search.
        context : sklearn.callback.CallbackContext
            The task of its fit.

        Raises
        ------
        TypeError
            If `set_callbacks` was called on something else than a search.
        """
        if not hasattr(estimator, "_run_search"):
            raise TypeError(
                f"SearchProgress is a callback of searches, received {type(estimator).__name__}. "
                "Call set_callbacks(SearchProgress()) of the GridSearchCV or the like itself."
            )
        # On the task of the whole search, which the refit is a part of too.
        setattr(context, KNOWN, SearchKnown(None, _varied(estimator)))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Note how many folds a search has, for the network that it is about to fit.

        Parameters
        ----------
        estimator : estimator
            The search.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        if context.task_name == EVALUATION:
            setattr(context.parent, KNOWN, SearchKnown(estimator.n_splits_, ()))

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Do nothing as a task ends.

        Parameters
        ----------
        estimator : estimator
            The search.
        context : sklearn.callback.CallbackContext
            The task that has ended.
        """

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing as the fit of an estimator ends.

        Parameters
        ----------
        estimator : estimator
            The search.
        context : sklearn.callback.CallbackContext
            The task of its fit.
        """


def _varied(search):
    """Return the names of the parameters that a search varies."""
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", ()))
    grids = [grids] if isinstance(grids, Mapping) else grids
    names = dict.fromkeys(name for grid in grids for name in grid)
    return *names, *[each for each in [getattr(search, "resource", None)] if each is not None]


SearchProgress.__module__ = "skdl"  # the public place, which pickles name
