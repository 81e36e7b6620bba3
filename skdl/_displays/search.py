"""The scores of a search by the values of its parameters: `SearchDisplay`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._displays.plotting import check_axes, clear, import_pyplot, unwrapped
from skdl._displays.search_labels import short_names
from skdl._displays.search_lines import draw_line, draw_points
from skdl._displays.search_maps import (
    AROUND,
    CELL,
    LARGEST,
    annotate,
    fit_labels,
    label_cells,
    name_axes,
    settle,
    widest_label,
    write_title,
)
from skdl._displays.search_results import (
    are_drawn,
    best_by_cell,
    metric_of,
    parameters_of,
    values_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCORES = {"test": ("test",), "train": ("train",), "both": ("test", "train")}


class SearchDisplay:
    """Mean scores of a search by the values of its parameters.

    A single parameter is drawn as a line with a band of one standard deviation over the folds on
    both sides, two parameters as an annotated heat map, and three as one heat map per pair. Numbers
    that were drawn at random, as by `RandomizedSearchCV`, are drawn as points instead, on a
    logarithmic axis if their range is large. The combination in `best_params_` has a frame or a
    ring. Combinations that the search has not tried are left blank, and those whose fit or score
    failed show nan or a cross.

    Create it with `from_search`, which draws immediately.

    Parameters
    ----------
    scores : dict of ndarray of shape (n_y, n_x)
        Mean scores by "test", "train" or both; NaN where there is no score.
    tried : ndarray of shape (n_y, n_x)
        Which combinations the search has tried.
    x : str
        Name of the parameter on the horizontal axis.
    x_values : list
        Its values, in the order of the columns.
    y : str, default=None
        Name of the parameter on the vertical axis; None for a single parameter, drawn as a line.
    y_values : list, default=(None,)
        Its values, in the order of the rows.
    deviations : dict of ndarray of shape (n_y, n_x), default=None
        Standard deviations of `scores` over the folds, for a line.
    best : tuple of int, default=None
        Row and column of the best combination.
    points : bool, default=False
        Whether values were drawn at random, so that points are more suitable than cells or a line.
    title : str, default=""
        Text about other parameters.
    score_name : str, default="score"
        Label of the scores.
    others : sequence of SearchDisplay, default=()
        Other pairs of parameters, which are drawn next to this one on the same scale.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_maps,)
        The axes of each heat map, test before train.
    images_ : ndarray of matplotlib artists of shape (n_maps,)
        The heat maps or points, which share one scale; none for a line.
    texts_ : ndarray of matplotlib Text or None of shape (n_maps, n_y, n_x)
        The annotations; None in blank cells, and if cells are too small for text. A list of arrays
        if there are several pairs.
    lines_ : list of matplotlib Line2D
        The scores over one parameter, test before train.
    bands_ : list of matplotlib artists
        Their bands of one standard deviation; error bars if there is no line.
    colorbar_ : matplotlib Colorbar or None
        The scale of the colours; None for a line.
    figure_ : matplotlib Figure
        The figure that holds all of these.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Scores by the values of one parameter.
    LossCurveDisplay : Draws how one network was trained.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdl import DenseClassifier, SearchDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"epochs": [1, 5, 10], "hidden_layer_sizes": [16, (16, 16)]}
    >>> search = GridSearchCV(DenseClassifier(random_state=0), grid, cv=2).fit(X, y)
    >>> display = SearchDisplay.from_search(search, x="hidden_layer_sizes", y="epochs")
    >>> display.scores["test"].shape
    (3, 2)
    >>> display.x_values
    [16, (16, 16)]
    """

    def __init__(
        self,
        scores: Mapping[str, NDArray],
        tried: NDArray,
        *,
        x: str,
        x_values: Sequence[Any],
        y: str | None = None,
        y_values: Sequence[Any] = (None,),
        deviations: Mapping[str, NDArray] | None = None,
        best: tuple[int, int] | None = None,
        points: bool = False,
        title: str = "",
        score_name: str = "score",
        others: Sequence[SearchDisplay] = (),
    ):
        self.scores = scores
        self.tried = tried
        self.x = x
        self.x_values = x_values
        self.y = y
        self.y_values = y_values
        self.deviations = deviations
        self.best = best
        self.points = points
        self.title = title
        self.score_name = score_name
        self.others = others

    @classmethod
    def from_search(
        cls,
        search: Any,
        x: str | None = None,
        y: str | None = None,
        *,
        score: str = "test",
        metric: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> SearchDisplay:
        """Draw the mean scores of a fitted search.

        Parameters
        ----------
        search : estimator
            Fitted `GridSearchCV`, `RandomizedSearchCV`, `HalvingGridSearchCV` or the like, or
            a Pipeline that ends in one.
        x, y : str, default=None
            Names of the parameters on the horizontal and vertical axis, such as "net__epochs", or
            their last part if only one name ends in it: "epochs". None: the remaining one of the
            one or two parameters that the search varies; for three parameters, all pairs are drawn.
        score : str, default="test"
            "test": scores on the left-out folds. "train": scores on the training folds. "both":
            side by side.
        metric : str, default=None
            Name of the score, for a search with several scores; None takes the one in `refit`.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, two axes per heat map for `score="both"`; they are cleared first. None
            makes a new figure.

        Returns
        -------
        display : SearchDisplay
            Holds the scores and what was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        sklearn.exceptions.NotFittedError
            If the search is not fitted.
        TypeError
            If it is not a search.
        ValueError
            If a parameter or score is unknown, if parameters or a score must be chosen, if x and y
            are the same, or if training scores are requested that were not recorded (use
            `return_train_score=True`).

        Notes
        -----
        If the search varies more parameters than x and y, a cell shows the combination of the other
        parameters with the best test score, and the training score of the same combination; the
        title names these parameters. For a search by halving, each cell shows the last iteration
        that it reached.

        Numbers are in increasing order, other values in the order of the grid. For a list of grids,
        "default" comes first and stands for the combinations that do not set the parameter.
        """
        import_pyplot(f"{cls.__name__}.from_search")
        if score not in _SCORES:
            raise ValueError(f"score must be one of {[*_SCORES]!r}, received score={score!r}.")
        search = unwrapped(search, "cv_results_", "results", "search")
        results = search.cv_results_
        metric = metric_of(search, metric)
        for which in _SCORES[score]:
            if f"mean_{which}_{metric}" not in results:
                raise ValueError(
                    f"score={score!r} needs scores on the training folds. Fit the search with "
                    "return_train_score=True."
                )
        parts = [
            cls._part(search, *each, metric, _SCORES[score]) for each in parameters_of(search, x, y)
        ]
        parts[0].others = parts[1:]
        return parts[0].plot(ax)

    @classmethod
    def _part(cls, search, x, y, others, metric, which):
        """Return what is drawn of one pair of parameters, or of one."""
        results = search.cv_results_
        x_values, columns = values_of(search, x)
        y_values, rows = values_of(search, y) if y else ([None], [0] * len(columns))
        chosen = best_by_cell(results, metric, zip(rows, columns, strict=True))
        shape = len(y_values), len(x_values)
        scores, deviations = ({name: np.full(shape, np.nan) for name in which} for _ in "12")
        tried = np.zeros(shape, dtype=bool)
        for cell, i in chosen.items():
            tried[cell] = True
            for name in which:
                scores[name][cell] = results[f"mean_{name}_{metric}"][i]
                deviations[name][cell] = results[f"std_{name}_{metric}"][i]
        best = getattr(search, "best_index_", None)
        return cls(
            scores,
            tried,
            x=x,
            x_values=x_values,
            y=y,
            y_values=y_values,
            deviations=deviations,
            best=None if best is None else (rows[best], columns[best]),
            points=any(are_drawn(search, name) for name in (x, y) if name),
            title=f"best over {', '.join(short_names(others))}" if others else "",
            score_name="mean score" if metric == "score" else f"mean {metric}",
        )

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> SearchDisplay:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one for each of `scores`; they are cleared first. None makes a new
            figure.

        Returns
        -------
        display : SearchDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the number of axes differs from that of the heat maps.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        parts = [self, *self.others]
        n = len(self.scores) * len(parts) if self.y else 1
        if ax is None:
            _, ax = self._new_axes(plt, parts)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) != n:
            raise ValueError(f"ax must be {n} axes, one for each of {[*self.scores]!r}.")
        for each in axes:
            check_axes(each)
        clear(*axes)
        self.axes_, self.figure_ = axes, axes[0].figure
        self.images_, self.texts_ = np.array([], dtype=object), np.array([], dtype=object)
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        self.colorbar_ = None
        pictures = self._draw_maps(parts) if self.y else self._draw_line()
        settle(axes[0])
        for each, (part, which, _) in zip(axes, pictures, strict=True):
            fit_labels(each)
            write_title(part, each, which)
        if self.y:
            self._annotate(pictures)
        return self

    def _new_axes(self, plt, parts):
        """Return a new figure and its axes, with room for each cell."""
        if not self.y:
            return plt.subplots(figsize=(6.4, 4.0), layout="constrained")
        size = np.zeros(2)
        for part in parts:
            n_rows, n_columns = part.tried.shape
            each = np.array([n_columns, n_rows]) * CELL + (0.6, 0.9)
            if part.points:
                each = np.array([4.0, 3.2])
            elif widest_label(part) * 0.6 * LARGEST > CELL[0] * 72:
                each[1] += 0.06 * widest_label(part)  # they will stand upright
            size = np.maximum(size, each)
        n = len(self.scores)
        # One row for a pair of parameters; of several pairs, one row, or one each for two scores.
        n_rows, n_columns = (len(parts), n) if n > 1 else (1, len(parts))
        size = size * (n_columns, n_rows) + AROUND - np.array([0.6, 0.9])
        size = np.clip(size, (3.6, 3.0 if self.others else 2.0), (18, 14))
        look = {"figsize": size, "layout": "constrained", "sharey": "row" if n > 1 else False}
        return plt.subplots(n_rows, n_columns, **look)

    def _draw_line(self):
        """Draw a line, and return its part, which scores a title names, and the scores."""
        best = None if self.best is None else self.best[1]
        (ax,) = self.axes_
        artists = draw_line(ax, self.scores, self.deviations, self.x_values, best, not self.points)
        self.lines_, self.bands_ = artists["lines"], artists["bands"]
        ax.set_xlabel(short_names([self.x])[0])
        ax.set_ylabel(self.score_name)
        return [(self, "", self.scores)]

    def _draw_maps(self, parts):
        """Draw heat maps or points on one scale, and return what `_draw_line` does of each."""
        values = [scores for part in parts for scores in part.scores.values()]
        known = np.concatenate([each[np.isfinite(each)] for each in values])
        known = known if len(known) else np.zeros(1)
        limits = {"vmin": known.min(), "vmax": known.max(), "cmap": "cividis"}
        drawn = []
        for part in parts:
            for which, scores in part.scores.items():
                drawn.append((part, which if len(part.scores) > 1 else "", scores))
        images = []
        for axis, (part, _, scores) in zip(self.axes_, drawn, strict=True):
            if part.points:
                places = part.x_values, part.y_values
                images.append(draw_points(axis, scores, part.tried, places, part.best, **limits))
            else:
                images.append(axis.imshow(scores, aspect="auto", **limits))
                label_cells(part, axis)
            name_axes(part, axis, first=scores is next(iter(part.scores.values())))
        self.images_ = np.array(images, dtype=object)
        beside = list(self.axes_) if len(self.axes_) > 1 else self.axes_[0]  # for tight_layout
        self.colorbar_ = self.figure_.colorbar(images[0], ax=beside, label=self.score_name)
        return drawn

    def _annotate(self, drawn):
        """Write the scores into the cells of heat maps, once these have their size."""
        settle(self.axes_[0])
        texts = [
            annotate(part, axis, image, scores)
            for axis, image, (part, _, scores) in zip(self.axes_, self.images_, drawn, strict=True)
            if not part.points
        ]
        self.texts_ = np.array(texts, dtype=object) if not self.others else texts


SearchDisplay.__module__ = "skdl"
