"""The scores of a search over two parameters as a heat map: `SearchDisplay`."""

from __future__ import annotations

import reprlib
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdl._displays.plotting import COLOURS, clear, import_pyplot, unwrapped
from skdl._displays.search_results import best_by_cell, metric_of, parameters_of, values_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCORES = {"test": ("test",), "train": ("train",), "both": ("test", "train")}
# Inches of a cell and of what stands around the cells; type sizes in points.
_CELL, _AROUND, _LARGEST, _SMALLEST = (0.75, 0.45), (2.2, 1.1), 10.0, 4.5


class SearchDisplay:
    """Mean scores of a search by the values of two parameters, as an annotated heat map.

    The combination in `best_params_` has a frame. Combinations that the search has not tried are
    left blank, and those whose fit or score failed show nan.

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
        Name of the parameter on the vertical axis; None for a single row.
    y_values : list, default=(None,)
        Its values, in the order of the rows.
    best : tuple of int, default=None
        Row and column of the best combination.
    title : str, default=""
        Text about other parameters.
    score_name : str, default="score"
        Label of the colour bar.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_maps,)
        The axes of each heat map, test before train.
    images_ : ndarray of matplotlib AxesImage of shape (n_maps,)
        The heat maps, which share one scale.
    texts_ : ndarray of matplotlib Text or None of shape (n_maps, n_y, n_x)
        The annotations; None in blank cells, and if cells are too small for text.
    colorbar_ : matplotlib Colorbar
        The scale of the colours.
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
        best: tuple[int, int] | None = None,
        title: str = "",
        score_name: str = "score",
    ):
        self.scores = scores
        self.tried = tried
        self.x = x
        self.x_values = x_values
        self.y = y
        self.y_values = y_values
        self.best = best
        self.title = title
        self.score_name = score_name

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
            one or two parameters that the search varies; with a single parameter there is one row.
        score : str, default="test"
            "test": scores on the left-out folds. "train": scores on the training folds. "both":
            side by side.
        metric : str, default=None
            Name of the score, for a search with several scores; None takes the one in `refit`.
        ax : matplotlib Axes or sequence of two, default=None
            Where to draw, two axes for `score="both"`; they are cleared first. None makes a new
            figure.

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
        x, y, others = parameters_of(search, x, y)
        x_values, columns = values_of(search, x)
        y_values, rows = values_of(search, y) if y else ([None], [0] * len(columns))
        chosen = best_by_cell(results, metric, zip(rows, columns, strict=True))
        shape = len(y_values), len(x_values)
        scores = {which: np.full(shape, np.nan) for which in _SCORES[score]}
        tried = np.zeros(shape, dtype=bool)
        for cell, i in chosen.items():
            tried[cell] = True
            for which, values in scores.items():
                values[cell] = results[f"mean_{which}_{metric}"][i]
        best = getattr(search, "best_index_", None)
        return cls(
            scores,
            tried,
            x=x,
            x_values=x_values,
            y=y,
            y_values=y_values,
            best=None if best is None else (rows[best], columns[best]),
            title=f"best over {', '.join(_short_names(others))}" if others else "",
            score_name="mean score" if metric == "score" else f"mean {metric}",
        ).plot(ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> SearchDisplay:
        """Draw the heat maps.

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
        n, (n_rows, n_columns) = len(self.scores), self.tried.shape
        if ax is None:
            size = np.array([n * n_columns, n_rows]) * _CELL + _AROUND
            if self._n_letters() * 0.6 * _LARGEST > _CELL[0] * 72:
                size[1] += 0.06 * self._n_letters()  # they will stand upright
            size = np.clip(size, (3.6, 2.0), (16, 12))
            _, ax = plt.subplots(1, n, figsize=size, layout="constrained", sharey=True)
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) != n:
            raise ValueError(f"ax must be {n} axes, one for each of {[*self.scores]!r}.")
        clear(*axes)
        known = [values[np.isfinite(values)] for values in self.scores.values()]
        finite = np.concatenate(known) if any(map(len, known)) else np.zeros(1)
        limits = {"vmin": finite.min(), "vmax": finite.max(), "cmap": "cividis", "aspect": "auto"}
        self.axes_, self.figure_ = axes, axes[0].figure
        images = [
            axis.imshow(values, **limits)
            for axis, values in zip(axes, self.scores.values(), strict=True)
        ]
        self.images_ = np.array(images, dtype=object)
        beside = axes[0] if n == 1 else list(axes)  # of one alone, tight_layout can move it
        self.colorbar_ = self.figure_.colorbar(images[0], ax=beside, label=self.score_name)
        for i, (axis, which) in enumerate(zip(axes, self.scores, strict=True)):
            self._label(axis, which if n > 1 else "", first=i == 0)
        self._settle()
        drawn = zip(axes, images, self.scores.values(), strict=True)
        self.texts_ = np.array([self._annotate(*one) for one in drawn], dtype=object)
        return self

    def _settle(self):
        """Have the layout decide how large the cells are."""
        self.figure_.figure.draw_without_rendering()  # a SubFigure cannot, its root can

    def _label(self, ax, which, first):
        ax.set_facecolor("0.93")
        ax.set_xticks(range(len(self.x_values)), _tick_labels(self.x_values))
        names = _short_names([self.x, self.y] if self.y else [self.x])
        ax.set_xlabel(names[0])
        ax.set_yticks(range(len(self.y_values)) if self.y else [])
        if self.y:
            ax.set_yticklabels(_tick_labels(self.y_values))
            ax.set_ylabel(names[1] if first else "")
        self._settle()
        width, _ = self._cell(ax)
        if self._n_letters() * 0.6 * _LARGEST > width:
            ax.tick_params("x", rotation=45)
            for label in ax.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        n_letters = max(int(width * len(self.x_values) / (0.6 * _LARGEST)), 12)
        title = textwrap.wrap(self.title, n_letters)
        ax.set_title("\n".join([which, *title] if which else title), fontsize=_LARGEST)

    def _n_letters(self):
        return max(map(len, _tick_labels(self.x_values)))

    def _cell(self, ax):
        """Return width and height of a cell, in points."""
        box, (n_rows, n_columns) = ax.get_window_extent(), self.tried.shape
        points = 72 / self.figure_.dpi
        return box.width * points / n_columns, box.height * points / n_rows

    def _annotate(self, ax, image, values):
        """Write the values into the cells, and return the texts."""
        from matplotlib.patches import Rectangle

        texts = np.full(values.shape, None, dtype=object)
        written = {cell: _number(values[cell]) for cell in zip(*self.tried.nonzero(), strict=True)}
        (width, height), n_letters = self._cell(ax), max(map(len, written.values()))
        size = min(_LARGEST, 0.9 * width / (0.6 * n_letters), 0.7 * height)
        for (row, column), text in written.items() if size >= _SMALLEST else ():
            *rgb, _ = image.cmap(image.norm(values[row, column]))
            light = np.isnan(values[row, column]) or np.dot(rgb, (0.299, 0.587, 0.114)) > 0.5
            texts[row, column] = ax.text(
                column, row, text, ha="center", va="center", size=size, color="wk"[int(light)]
            )
        if self.best is not None:
            corner = self.best[1] - 0.47, self.best[0] - 0.47
            look = {"fill": False, "edgecolor": COLOURS[1], "linewidth": 2.5}
            ax.add_patch(Rectangle(corner, 0.94, 0.94, **look))
        return texts


SearchDisplay.__module__ = "skdl"


def _short_names(names):
    """Return the last parts of names of parameters, the whole names where two end alike."""
    short = [name.split("__")[-1] for name in names]
    return short if len({*short}) == len(short) else list(names)


def _tick_labels(values):
    """Return the values of a parameter as text, as short as tells them apart."""
    for digits in (*range(3, 18), None):
        labels = [_shown(value, digits) for value in values]
        if len({*labels}) == len(labels):
            break
    return labels


def _shown(value, digits):
    """Return a value with floats to some digits, None: in full."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        return value
    if isinstance(value, float) and digits:
        return f"{value:.{digits}g}"
    write = reprlib.repr if digits else repr
    return " ".join(getattr(value, "__name__", write(value)).split())


def _number(value):
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
