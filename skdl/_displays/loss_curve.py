"""Losses and metrics by epoch as curves: `LossCurveDisplay`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skdl._displays.curve_groups import (
    all_metrics,
    curves_of,
    labels_by_parameters,
    members_of,
)
from skdl._displays.curve_panels import KINDS, Panel
from skdl._displays.plotting import (
    check_axes,
    check_fitted,
    columns_and_rows,
    import_pyplot,
    unwrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LossCurveDisplay:
    """The loss, or other metrics, after every epoch of training.

    Training curves are dashed, validation curves are solid, and a dot on the validation curve marks
    the best epoch; without validation, the training curve is solid. Curves with the same label,
    such as those of the folds of a cross-validation, are drawn as their mean with a band of one
    standard deviation on both sides, and the median of their best epochs is marked.

    Create it with `from_estimator` or `from_estimators`, which draw immediately. Axes that already
    contain curves keep them and their legend; new curves get the next colours.

    Parameters
    ----------
    train : list of array-like of shape (n_epochs,)
        Values on the training data, one array per network; the lengths may differ. If `metric` is a
        list, one such list per metric.
    validation : list of array-like of shape (n_epochs,) or None, default=None
        Values on the validation data; None for a network without validation. If `metric` is a list,
        one such list per metric.
    labels : list of str, default=None
        Name of each network. Networks with the same name are drawn as one mean. None gives all
        networks the same name.
    best_epochs : list of int or None, default=None
        Best epoch of each network, counted from 1; None marks none.
    metric : str or list of str, default="loss"
        Name of the values, which is the label of the vertical axis; several metrics are drawn side
        by side.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the curves, or the first of several axes.
    axes_ : ndarray of matplotlib Axes of shape (n_metrics,)
        The axes of each metric.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : list of matplotlib Line2D
        Curves of single networks, ordered by metric and label, with those of training first.
    mean_lines_ : list of matplotlib Line2D
        Means over networks of the same label, in the same order.
    bands_ : list of matplotlib FillBetweenPolyCollection
        The band of each mean.
    best_points_ : list of matplotlib Line2D
        Dots at the best epochs, one object per metric and label.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Notes
    -----
    Networks that stop early, such as those of folds or members of an ensemble, have different
    numbers of epochs. The mean is always taken over all of them: one that has stopped learns no
    more and counts with its last value, since the mean over those that are left would jump at each
    stop. The mean ends where fewer than half of the networks, or fewer than two, still train.
    `kind="both"` shows each of them to its end.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_validate
    >>> from skdl import DenseClassifier, LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(epochs=5, validation_split=0.2, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(net, name="100 units")
    >>> smaller = DenseClassifier(8, epochs=5, validation_split=0.2, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(smaller, name="8 units", ax=display.ax_)
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()][:3]
    ['100 units', '8 units', 'training']
    >>> folds = cross_validate(net, X, y, cv=3, return_estimator=True)["estimator"]
    >>> display = LossCurveDisplay.from_estimators(folds)
    >>> display.mean_lines_[0].get_xdata()
    array([1, 2, 3, 4, 5])
    """

    def __init__(
        self,
        train: Sequence[Any],
        validation: Sequence[Any] | None = None,
        *,
        labels: Sequence[str] | None = None,
        best_epochs: Sequence[int | None] | None = None,
        metric: str | Sequence[str] = "loss",
    ):
        self.train = train
        self.validation = validation
        self.labels = labels
        self.best_epochs = best_epochs
        self.metric = metric

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        metric: str | Sequence[str] | None = "loss",
        name: str | None = None,
        kind: str = "average",
        ax: Axes | Sequence[Axes] | None = None,
        **line_kwargs: Any,
    ) -> LossCurveDisplay:
        """Draw the curves of one fitted network.

        Parameters
        ----------
        estimator : estimator
            Fitted network, or a Pipeline, search or `TransformedTargetRegressor` that contains one.
            Of an ensemble, such as `TabularClassifier`, the curves of its members are drawn.
        metric : str or list of str, default="loss"
            Name of a value in `history_`, such as "loss" or a metric, without `val_`. A list draws
            several side by side, and None draws all that have one number per epoch.
        name : str, default=None
            Name of the network in the legend. Its training and validation curves then have the same
            colour. None: no name or, on axes that already contain curves, the name of the class.
        kind : str, default="average"
            How the members of an ensemble are drawn: "average" as mean and band, "individual" as
            one curve each, "both" as mean and band over thin curves. Unused for a single network.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one per metric; None makes a new figure.
        **line_kwargs : dict
            Properties of the curves, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        display : LossCurveDisplay
            Holds the values and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no `history_`.
        ValueError
            If `history_` has no such value, in which case the message names the existing ones; if
            `kind` is unknown; or if the number of axes differs from that of the metrics.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        if isinstance(estimator, list | tuple):
            raise TypeError(
                f"estimator must be one network, received a {type(estimator).__name__} of "
                f"{len(estimator)}. Use {cls.__name__}.from_estimators for several."
            )
        check_fitted(estimator)
        net = unwrapped(estimator, "history_", "record", or_else="members_")
        nets = members_of(net)
        display = cls._of(nets, None if name is None else [name] * len(nets), metric)
        display._kind = type(net).__name__
        return display.plot(ax, kind=kind, **line_kwargs)

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[Any],
        *,
        labels: Sequence[str] | None = None,
        metric: str | Sequence[str] | None = "loss",
        kind: str = "average",
        ax: Axes | Sequence[Axes] | None = None,
        **line_kwargs: Any,
    ) -> LossCurveDisplay:
        """Draw the curves of several fitted networks in one picture.

        Parameters
        ----------
        estimators : list of estimators
            Fitted networks, each as in `from_estimator`, for example `cross_validate(...,
            return_estimator=True)["estimator"]`.
        labels : list of str, default=None
            Name of each network, which gets a colour of its own. Networks with the same name are
            drawn as one mean. None: networks whose parameters are equal, apart from `random_state`,
            have the same name, as the folds of a cross-validation do; others are named by the
            parameters in which they differ.
        metric : str or list of str, default="loss"
            Name of a value in `history_`, such as "loss" or a metric, without `val_`. A list draws
            several side by side, and None draws all that have one number per epoch.
        kind : str, default="average"
            How networks with the same label are drawn: "average" as mean and band,
            "individual" as one curve each, "both" as mean and band over thin curves.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one per metric; None makes a new figure.
        **line_kwargs : dict
            Properties of the curves, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        display : LossCurveDisplay
            Holds the values and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If an estimator is not fitted.
        TypeError
            If an estimator has no `history_`, or `estimators` is not a sequence.
        ValueError
            If there are no estimators, or not one label for each; if a `history_` has no such
            value, in which case the message names the existing ones; if `kind` is unknown; or if
            the number of axes differs from that of the metrics.
        """
        import_pyplot(f"{cls.__name__}.from_estimators")
        if hasattr(estimators, "fit") or isinstance(estimators, dict | str):
            raise TypeError(
                "estimators must be a list of fitted estimators, such as the entry 'estimator' of "
                f"what cross_validate returns, received a {type(estimators).__name__}."
            )
        nets = [
            unwrapped(net, "history_", "record", "estimators: ", or_else="members_")
            for net in estimators
        ]
        if labels is None and nets:
            labels = labels_by_parameters(estimators, nets)
        members = [members_of(net) for net in nets]
        if labels is not None and len(labels) == len(nets):
            pairs = zip(labels, members, strict=True)
            labels = [label for label, each in pairs for _ in each]
        display = cls._of([net for each in members for net in each], labels, metric)
        display._kind = type(nets[0]).__name__ if nets else None
        return display.plot(ax, kind=kind, **line_kwargs)

    @classmethod
    def _of(cls, nets, labels, metric):
        metric = all_metrics(nets) if metric is None and nets else metric
        metrics = [metric] if isinstance(metric, str) else list(metric)
        train: list[Any] = []
        validation: list[Any] = []
        for each in metrics:
            pairs = [curves_of(net.history_, each) for net in nets]
            train.append([pair[0] for pair in pairs])
            validation.append([pair[1] for pair in pairs])
        if isinstance(metric, str):
            train, validation = train[0], validation[0]
        best = [getattr(net, "best_epoch_", None) for net in nets]
        return cls(train, validation, labels=labels, best_epochs=best, metric=metric)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        kind: str = "average",
        **line_kwargs: Any,
    ) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one per metric; None makes a new figure.
        kind : str, default="average"
            How networks with the same label are drawn: "average" as mean and band,
            "individual" as one curve each, "both" as mean and band over thin curves.
        **line_kwargs : dict
            Properties of the curves, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        display : LossCurveDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If `train` is no list of curves, `ax` is no matplotlib Axes, or a property is unknown.
        ValueError
            If `kind` is unknown, there are no curves, lists differ in length, or the number of axes
            differs from that of the metrics.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS!r}, received kind={kind!r}.")
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        line_kwargs = normalize_kwargs(line_kwargs, Line2D)
        for unknown in line_kwargs:
            if not hasattr(Line2D, f"set_{unknown}"):
                close = difflib.get_close_matches(unknown, ["metric", "name", "labels", "kind"], 1)
                meant = f" Did you mean {close[0]}?" if close else ""
                raise TypeError(
                    f"{type(self).__name__} got an unexpected keyword argument {unknown!r}, which "
                    f"is no property of matplotlib's lines either.{meant}"
                )
        panels = self._panels()
        own, explained = ax is None, 0
        if own:
            n_columns, n_rows = columns_and_rows(len(panels))
            explained = n_columns - 1  # beside which there is room for a legend
            size = (6.4, 4.8) if len(panels) == 1 else (4.2 * n_columns + 2.0, 3.2 * n_rows)
            _, grid = plt.subplots(
                n_rows, n_columns, figsize=size, layout="constrained", squeeze=False
            )
            ax = list(grid.ravel())
            for empty in ax[len(panels) :]:
                empty.set_axis_off()
            ax = ax[: len(panels)]
        self.axes_ = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(self.axes_) != len(panels):
            raise ValueError(
                f"ax must be {len(panels)} axes, one for each of metric={self.metric!r}, received "
                f"{len(self.axes_)}."
            )
        for each in self.axes_:
            check_axes(each)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.lines_: list[Any] = []
        self.mean_lines_: list[Any] = []
        self.bands_: list[Any] = []
        self.best_points_: list[Any] = []
        for i, (panel, each) in enumerate(zip(panels, self.axes_, strict=True)):
            panel.draw(each, kind, line_kwargs, self._kind)
            self.lines_ += panel.lines
            self.mean_lines_ += panel.means
            self.bands_ += panel.bands
            self.best_points_ += panel.points
            if i == explained:
                panel.explain(outside=own, always=len(panels) > 1)
        return self

    _kind: str | None = None  # what the network is called on axes that hold others

    def _panels(self):
        """Return what is drawn on each axes."""
        if isinstance(self.train, dict | str) or hasattr(self.train, "fit"):
            raise TypeError(
                "train must be a list of curves, one per network, received a "
                f"{type(self.train).__name__}. {type(self).__name__}.from_estimator draws those of "
                "a fitted network; of a dict history_, give [history_['loss']]."
            )
        if isinstance(self.metric, str):
            metrics, train, validation = [self.metric], [self.train], [self.validation]
        else:
            metrics, train = list(self.metric), list(self.train)
            validation = [None] * len(train) if self.validation is None else list(self.validation)
            if not len(metrics) == len(train) == len(validation):
                raise ValueError(
                    f"metric={metrics!r} needs as many lists of curves, received {len(train)} of "
                    f"training and {len(validation)} of validation."
                )
            if not metrics:
                raise ValueError("There are no metrics to draw: received metric=[].")
        columns = zip(metrics, train, validation, strict=True)
        return [Panel(*each, self.labels, self.best_epochs) for each in columns]


LossCurveDisplay.__module__ = "skdl"
