"""Losses and metrics by epoch as curves: `LossCurveDisplay`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skdl._displays.plotting import COLOURS, colours, import_pyplot, unwrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("average", "individual", "both")
_TRAINING, _VALIDATION = "--", "-"
_BEST = {"linestyle": "", "marker": "o", "markeredgecolor": "white", "zorder": 3}


class LossCurveDisplay:
    """The loss, or a metric, after every epoch of training.

    Training curves are dashed, validation curves are solid, and a dot on the validation curve marks
    the best epoch. Curves with the same label, such as those of the folds of a cross-validation,
    are drawn as their mean with a band of one standard deviation on both sides, and the median of
    their best epochs is marked.

    Create it with `from_estimator` or `from_estimators`, which draw immediately.

    Parameters
    ----------
    train : list of array-like of shape (n_epochs,)
        Values on the training data, one array per network; the lengths may differ.
    validation : list of array-like of shape (n_epochs,) or None, default=None
        Values on the validation data; None for a network without validation.
    labels : list of str, default=None
        Name of each network. Networks with the same name are drawn as one mean. None gives all
        networks the same name.
    best_epochs : list of int or None, default=None
        Best epoch of each network, counted from 1; None marks none.
    metric : str, default="loss"
        Name of the values, which is the label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the curves.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : list of matplotlib Line2D
        Curves of single networks, ordered by label, with those of training first.
    mean_lines_ : list of matplotlib Line2D
        Means over networks of the same label, in the same order.
    bands_ : list of matplotlib FillBetweenPolyCollection
        The band of each mean.
    best_points_ : list of matplotlib Line2D
        Dots at the best epochs, one object per label.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Notes
    -----
    Folds that stop early have different numbers of epochs. The mean at an epoch is taken over the
    networks that were trained up to it, and it ends where fewer than half of them, or fewer than
    two, are left: beyond that epoch it would show which networks remain rather than how they learn.
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
    >>> display = LossCurveDisplay.from_estimator(net)
    >>> len(display.lines_)
    2
    >>> folds = cross_validate(net, X, y, cv=3, return_estimator=True)["estimator"]
    >>> display = LossCurveDisplay.from_estimators(folds)
    >>> display.mean_lines_[0].get_xdata()
    array([1, 2, 3, 4, 5])
    """

    def __init__(
        self,
        train: Sequence[ArrayLike],
        validation: Sequence[ArrayLike | None] | None = None,
        *,
        labels: Sequence[str] | None = None,
        best_epochs: Sequence[int | None] | None = None,
        metric: str = "loss",
    ):
        self.train = train
        self.validation = validation
        self.labels = labels
        self.best_epochs = best_epochs
        self.metric = metric

    @classmethod
    def from_estimator(
        cls, net: Any, *, metric: str = "loss", ax: Axes | None = None
    ) -> LossCurveDisplay:
        """Draw the curves of one fitted network.

        Parameters
        ----------
        net : estimator
            Fitted network, or a Pipeline, search or `TransformedTargetRegressor` that contains one.
        metric : str, default="loss"
            Name of a value in `history_`, such as "loss" or a metric, without `val_`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure. `from_estimators` draws several networks
            in one, in colours that differ.

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
            If `history_` has no such value; the message names the existing ones.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(net)
        return cls._of([unwrapped(net, "history_", "record")], None, metric).plot(ax)

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[Any],
        *,
        labels: Sequence[str] | None = None,
        metric: str = "loss",
        kind: str = "average",
        ax: Axes | None = None,
    ) -> LossCurveDisplay:
        """Draw the curves of several fitted networks in one picture.

        Parameters
        ----------
        estimators : list of estimators
            Fitted networks, each as in `from_estimator`, for example `cross_validate(...,
            return_estimator=True)["estimator"]`.
        labels : list of str, default=None
            Name of each network, which gets a colour of its own. Networks with the same name are
            drawn as one mean. None gives all networks the same name, which suits the folds of a
            cross-validation.
        metric : str, default="loss"
            Name of a value in `history_`, such as "loss" or a metric, without `val_`.
        kind : str, default="average"
            How networks with the same label are drawn: "average" as mean and band,
            "individual" as one curve each, "both" as mean and band over thin curves.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

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
            value, in which case the message names the existing ones; or if `kind` is unknown.
        """
        import_pyplot(f"{cls.__name__}.from_estimators")
        if hasattr(estimators, "fit") or isinstance(estimators, dict | str):
            raise TypeError(
                "estimators must be a list of fitted estimators, such as the entry 'estimator' of "
                f"what cross_validate returns, received a {type(estimators).__name__}."
            )
        nets = [unwrapped(net, "history_", "record", "estimators: ") for net in estimators]
        return cls._of(nets, labels, metric).plot(ax, kind=kind)

    @classmethod
    def _of(cls, nets, labels, metric):
        curves = [_curves(net.history_, metric) for net in nets]
        train, validation = ([pair[i] for pair in curves] for i in (0, 1))
        best = [getattr(net, "best_epoch_", None) for net in nets]
        return cls(train, validation, labels=labels, best_epochs=best, metric=metric)

    def plot(self, ax: Axes | None = None, *, kind: str = "average") -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        kind : str, default="average"
            How networks with the same label are drawn: "average" as mean and band,
            "individual" as one curve each, "both" as mean and band over thin curves.

        Returns
        -------
        display : LossCurveDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `kind` is unknown, there are no curves, or lists differ in length.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {_KINDS!r}, received kind={kind!r}.")
        groups = self._groups()
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_: list[Any] = []
        self.mean_lines_: list[Any] = []
        self.bands_: list[Any] = []
        self.best_points_: list[Any] = []
        for (label, curves), colour in zip(groups.items(), colours(len(groups)), strict=True):
            self._draw_group(curves, kind, label, colour, alone=len(groups) == 1)
        self._add_legend(groups)
        ax.set_xlabel("epoch")
        ax.set_ylabel(self.metric)
        locator = ax.xaxis.get_major_locator()
        if isinstance(locator, MaxNLocator):
            locator.set_params(integer=True, min_n_ticks=1)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        return self

    def _groups(self):
        """Return training curves, validation curves and best points of each label."""
        n = len(self.train)
        columns = {
            "validation": [None] * n if self.validation is None else self.validation,
            "labels": [None] * n if self.labels is None else self.labels,
            "best_epochs": [None] * n if self.best_epochs is None else self.best_epochs,
        }
        for name, values in columns.items():
            if len(values) != n:
                raise ValueError(f"{name} has {len(values)} entries for {n} networks.")
        if n == 0:
            raise ValueError("There are no networks to draw: received an empty list.")
        groups = {}
        for train, validation, label, best in zip(self.train, *columns.values(), strict=True):
            group = groups.setdefault(label, ([], [], []))
            group[0].append(np.asarray(train, float))
            if validation is not None:
                group[1].append(np.asarray(validation, float))
                if best is not None and best <= len(validation):
                    group[2].append((best, group[1][-1][best - 1]))
        return groups

    def _draw_group(self, curves, kind, label, colour, alone):
        train, validation, best = curves
        for values, style in ((train, _TRAINING), (validation, _VALIDATION)):
            shade = COLOURS[1] if alone and style == _VALIDATION else colour
            name = ("training", "validation")[style == _VALIDATION] if alone else label
            self._draw_curves(values, kind, color=shade, linestyle=style, label=name)
        if best:
            (epochs, values), name = zip(*best, strict=True), "best epoch"
            if kind == "average" and len(best) > 1:
                on, mean = self.mean_lines_[-1].get_data()
                epochs = [min(round(np.median(epochs)), len(on))]
                values, name = mean[epochs[0] - 1], "median best epoch"
            name = f"{name}: {epochs[0]}" if alone and len(epochs) == 1 else name
            self.best_points_ += self.ax_.plot(epochs, values, color=shade, label=name, **_BEST)

    def _draw_curves(self, curves, kind, **look):
        several = len(curves) > 1
        if not several or kind != "average":
            thin = {"linewidth": 0.8, "alpha": 0.5} if several and kind == "both" else {}
            for curve in curves:
                epochs = np.arange(1, len(curve) + 1)
                dot = {"marker": "."} if len(curve) == 1 else {}
                self.lines_ += self.ax_.plot(epochs, curve, **look, **thin, **dot)
        if several and kind != "individual":
            epochs, mean, deviation = _mean_and_deviation(curves)
            dot = {"marker": "."} if len(epochs) == 1 else {}
            self.mean_lines_ += self.ax_.plot(epochs, mean, **look, **dot)
            self.bands_.append(
                self.ax_.fill_between(
                    epochs,
                    mean - deviation,
                    mean + deviation,
                    color=look["color"],
                    alpha=0.2,
                    linewidth=0,
                )
            )

    def _add_legend(self, groups):
        """Explain colours, where there are several, and styles."""
        by_name = {}
        for line in [*self.mean_lines_, *self.lines_, *self.best_points_]:
            by_name.setdefault(line.get_label(), line)
        entries = list(by_name.items())
        if len(groups) > 1:
            from matplotlib.lines import Line2D

            labels, (train, validation, best) = list(groups), zip(*groups.values(), strict=True)
            shades = zip(labels, colours(len(labels)), strict=True)
            entries = [(label, Line2D([], [], color=shade)) for label, shade in shades]
            styles = {
                "training": (any(train), {"linestyle": _TRAINING}),
                "validation": (any(validation), {"linestyle": _VALIDATION}),
                "best epoch": (any(best), _BEST),
            }
            for name, (used, look) in styles.items():
                if used:
                    entries.append((name, Line2D([], [], color="0.4", **look)))
        names, handles = zip(*entries, strict=True)
        self.ax_.legend(handles, names)


LossCurveDisplay.__module__ = "skdl"


def _curves(history: dict[str, list], metric: str) -> tuple[NDArray, NDArray | None]:
    """Return the training and the validation values of a metric."""
    names = [name for name in history if not name.startswith("val_")]
    if metric not in names:
        base = metric.removeprefix("val_") if isinstance(metric, str) else metric
        if base in names:
            raise ValueError(
                f"metric={metric!r} must be a name in history_ without 'val_'. Use "
                f"metric={base!r}: validation values, if any, are drawn beside those of training."
            )
        raise ValueError(f"metric={metric!r} is not in history_, which has {names!r}.")
    pair = history[metric], history.get(f"val_{metric}")
    if any(np.ndim(values) != 1 for values in pair if values is not None):
        raise ValueError(f"metric={metric!r} is more than one number an epoch.")
    train, validation = pair
    return np.array(train, float), None if validation is None else np.array(validation, float)


def _mean_and_deviation(curves: list[NDArray]) -> tuple[NDArray, NDArray, NDArray]:
    """Return epochs, mean and standard deviation over the curves that reach them."""
    lengths = sorted(map(len, curves), reverse=True)
    values = np.full((len(curves), lengths[max(-(-len(curves) // 2), 2) - 1]), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[: len(curve)] = curve[: len(row)]
    known = np.ma.masked_invalid(values)
    epochs = np.arange(1, values.shape[1] + 1)
    return epochs, known.mean(axis=0).filled(np.nan), known.std(axis=0).filled(np.nan)
