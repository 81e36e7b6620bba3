"""Numbers that a network can bend at thresholds: `PiecewiseLinearEncoder`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from skdl._common.arguments import ExplainedArguments
from skdl._common.documentation import DocumentationLink
from skdl._common.restoring import as_before_if_it_fails
from skdl._common.settings import numpy_defaults
from skdl._common.versions import PickledWithVersions
from skdl._sklearn import Interval, Options, StrOptions, feature_names_of, fit_context
from skdl._transformers.knots import chosen_knots, own_knots
from skdl._transformers.number_columns import table_of_numbers

_ROWS_A_BIN, _MOST_BINS = 50, 16  # of n_bins="auto"
_DTYPES = ["float64", "float32"]
_AT_ONCE = 2**18  # numbers that are computed before they are written into the result
SOFT_END = 3.0  # that clipped values tend to
FAR = 1e100  # standard deviations, where the clipped value is SOFT_END to the last bit


class Layout(NamedTuple):
    """Which columns of X the result is made of, in its order, and what is done to them."""

    kept: NDArray[np.intp]  # columns beside their bins
    binned: NDArray[np.intp]  # the column of each bin
    starts: NDArray[np.float64]  # of bins
    widths: NDArray[np.float64]
    divisors: NDArray[np.float64]  # by which bins are scaled


class PiecewiseLinearEncoder(
    TransformerMixin, ExplainedArguments, DocumentationLink, PickledWithVersions, BaseEstimator
):
    """Numbers for a network that bends at thresholds: scaled values, and bins beside them.

    Each column is standardized and softly clipped. Beside it stand its piecewise-linear bins
    [1]_: a bin from knot a to knot b is 0 below a, 1 above b, and rises linearly between them. A
    linear layer on bins is any piecewise-linear function with bends at the knots, which a network
    learns from one scaled column only with much training.

    Parameters
    ----------
    n_bins : int or str, default="auto"
        Largest number of bins of a column, at least 2. "auto": one for each 50 rows of fit, at
        most 16; below 100 rows no bins.
    knots : str or dict, default="quantile"
        Where bins begin and end: "quantile", at quantiles of the values that are not missing;
        "uniform", at equal distances from the smallest to the largest. A column with at most
        `n_bins` + 1 distinct values has its knots at these. A dict gives the knots of some columns
        by name, or by position from 0, as increasing finite numbers in the unit of the column; the
        others have quantiles.
    keep : str, default="clipped"
        What of a column is kept beside its bins: "clipped", z / sqrt(1 + (z / 3)^2), which is
        close to z near 0 and stays within -3 and 3; "standardized", z; None, nothing. z is the
        column minus its mean, divided by its standard deviation.
    add_indicator : bool, default=True
        Whether each column that had missing values in fit, and others, gets a column that is 1
        where the value is missing, else 0.
    scale_bins : bool, default=True
        Whether the bins of a column are divided by the square root of their number, so that
        columns with many bins do not outweigh others.
    dtype : type or str, default=numpy.float32
        Type of the result, numpy.float32 or numpy.float64, or its name. None: that of X, float64
        for integers. All is computed in float64.

    Attributes
    ----------
    knots_ : list of ndarray
        Knots of each column of X, float64, one more than it has bins; empty without bins.
    n_bins_ : ndarray of shape (`n_features_in_`,)
        Number of bins of each column.
    mean_ : ndarray of shape (`n_features_in_`,)
        Mean of the values that are not missing, NaN where all are.
    scale_ : ndarray of shape (`n_features_in_`,)
        Standard deviation, with missing values at the mean; 0 where all values are the same, NaN
        where all are missing.
    missing_features_ : ndarray of int
        Positions of the columns that have an indicator.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns seen in fit; defined only if all of them are strings.
    n_features_out_ : int
        Number of columns of the result.

    See Also
    --------
    sklearn.preprocessing.SplineTransformer : Smooth bends; for few columns.
    sklearn.preprocessing.KBinsDiscretizer : Steps instead of slopes.
    DenseClassifier : A network to put behind it.

    Notes
    -----
    The result has the kept columns first, then all bins, then the indicators, each in the order
    of the columns in X.

    Missing values are put at the mean of fit, also in columns that had none in fit, which have no
    indicator. Columns that are constant or missing throughout fit give no columns; one that is
    constant where it is not missing gives its indicator alone. A column with two values has no
    bins, unless nothing is kept of it or it has knots of its own: they would be one line, as the
    kept value is. With `keep=None` all others have at least one bin.

    There is no sparse result: on average half of the values of bins are 1, so that it would take
    as much memory as a dense one.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On Embeddings for Numerical Features in
       Tabular Deep Learning", 2022. https://arxiv.org/abs/2203.05556

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import PiecewiseLinearEncoder
    >>> X = np.array([[0.0], [1.0], [2.0], [4.0], [np.nan]])
    >>> encoder = PiecewiseLinearEncoder(n_bins=2, scale_bins=False).fit(X)
    >>> encoder.knots_
    [array([0. , 1.5, 4. ])]
    >>> encoder.transform(X).round(2)
    array([[-1.21,  0.  ,  0.  ,  0.  ],
           [-0.56,  0.67,  0.  ,  0.  ],
           [ 0.19,  1.  ,  0.2 ,  0.  ],
           [ 1.48,  1.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  0.1 ,  1.  ]], dtype=float32)
    >>> list(encoder.get_feature_names_out(["age"]))
    ['age', 'age_bin1', 'age_bin2', 'age_missing']
    """

    _parameter_constraints: dict = {
        "n_bins": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "knots": [StrOptions({"quantile", "uniform"}), dict],
        "keep": [StrOptions({"clipped", "standardized"}), None],
        "add_indicator": ["boolean"],
        "scale_bins": ["boolean"],
        "dtype": [Options(type, {np.float32, np.float64}), StrOptions(set(_DTYPES)), None],
    }

    def __init__(
        self,
        *,
        n_bins: int | str = "auto",
        knots: str | Mapping[Any, ArrayLike] = "quantile",
        keep: str | None = "clipped",
        add_indicator: bool = True,
        scale_bins: bool = True,
        dtype: Any = np.float32,
    ):
        self.n_bins = n_bins
        self.knots = knots
        self.keep = keep
        self.add_indicator = add_indicator
        self.scale_bins = scale_bins
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn means, standard deviations and knots.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Numbers and booleans; NaN, None and pandas.NA are missing values.
        y : None
            Not used.

        Returns
        -------
        self : object
            The transformer.

        Raises
        ------
        ValueError
            If columns are not numeric, values are infinite, a column spans more than float64 can
            represent, or `knots` names no column or does not increase; the message says what to do.
        """
        with as_before_if_it_fails(self), numpy_defaults():
            X = self._validated(X, reset=True)
            n_samples, n_features = X.shape
            names = getattr(self, "feature_names_in_", None)
            own = own_knots(self.knots, n_features, names)
            fewest = 0 if self.keep else 1
            n_bins = min(_MOST_BINS, n_samples // _ROWS_A_BIN)
            if not isinstance(self.n_bins, str):
                n_bins = self.n_bins
            elif n_bins < 2:
                n_bins = fewest
            spacing = self.knots if isinstance(self.knots, str) else "quantile"
            mean, scale, n_missing, knots = np.empty(n_features), np.empty(n_features), [], []
            for j in range(n_features):
                values = np.sort(X[:, j].astype(np.float64))  # NaN last
                values = values[: len(values) - np.isnan(values).sum()]
                n_missing.append(n_samples - len(values))
                mean[j], scale[j] = _moments(values, n_samples, self._name(j))
                if not scale[j] > 0:
                    knots.append(np.empty(0))
                elif j in own:
                    knots.append(own[j])
                else:
                    knots.append(chosen_knots(values, n_bins, spacing, 3 - fewest))
            has_gaps = (np.array(n_missing) > 0) & (np.array(n_missing) < n_samples)
            self.missing_features_ = np.flatnonzero(has_gaps & self.add_indicator)
            self.mean_, self.scale_, self.knots_ = mean, scale, knots
            self.n_bins_ = np.array([max(len(k) - 1, 0) for k in knots])
        return self

    def transform(self, X: Any) -> NDArray:
        """Return scaled values, bins and indicators.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Numbers and booleans, with the columns of fit.

        Returns
        -------
        encoded : ndarray of shape (n_samples, `n_features_out_`)
            A new array of the type that `dtype` says.

        Raises
        ------
        ValueError
            As for `fit`, or if `keep="standardized"` and a value is too large for the type.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        layout = self._layout()
        n_columns = len(layout.kept) + len(layout.binned) + len(self.missing_features_)
        encoded = np.empty((len(X), n_columns), self._result_dtype(X.dtype))
        size = max(1, _AT_ONCE // (n_columns + X.shape[1]))
        with numpy_defaults(), np.errstate(over="ignore"):  # of huge values, clipped or refused
            for rows in gen_batches(len(X), size):
                self._encode(X[rows], layout, encoded[rows])
        return encoded

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Return the names of the columns of the result.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; None: those of fit, else x0, x1 and so on.

        Returns
        -------
        names : ndarray of str objects
            For a column "age": "age", "age_bin1", "age_bin2" and so on, "age_missing".

        Raises
        ------
        ValueError
            If names are others than in fit, or two columns of the result would have one name.
        """
        check_is_fitted(self)
        given = feature_names_of(self, input_features)
        names = list(given[self._layout().kept])
        for name, n_bins in zip(given, self.n_bins_, strict=True):
            names += [f"{name}_bin{i + 1}" for i in range(n_bins)]
        names += [f"{name}_missing" for name in given[self.missing_features_]]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"Two columns of the result would be named {twice!r}. Rename the column of X that "
                "ends as names of bins and indicators do."
            )
        return np.array(names, dtype=object)

    @property
    def n_features_out_(self) -> int:
        """Number of columns of the result."""
        return len(self._layout().kept) + int(self.n_bins_.sum()) + len(self.missing_features_)

    def _layout(self):
        """Return which columns the result is made of, and how."""
        n_bins = self.n_bins_
        binned = np.repeat(np.arange(len(n_bins)), n_bins)
        # All knots one after the other: those of a column are one more than its bins.
        knots = np.concatenate([np.empty(0), *self.knots_])
        starts = np.arange(len(binned)) + np.cumsum(n_bins > 0)[binned] - 1
        return Layout(
            kept=np.flatnonzero(self.scale_ > 0) if self.keep else np.empty(0, np.intp),
            binned=binned,
            starts=knots[starts],
            widths=knots[starts + 1] - knots[starts],
            divisors=np.sqrt(n_bins[binned]),
        )

    def _encode(self, X, layout, encoded):
        """Write what becomes of a few rows."""
        x, missing = X.astype(np.float64), np.isnan(X)
        np.copyto(x, self.mean_, where=missing)
        kept, first = layout.kept, len(layout.kept)
        last = first + len(layout.binned)
        z = (x[:, kept] - self.mean_[kept]) / self.scale_[kept]
        if self.keep == "clipped":
            np.clip(z, -FAR, FAR, out=z)
            z /= np.sqrt(1 + (z / SOFT_END) ** 2)
        encoded[:, :first] = z
        bins = x.take(layout.binned, axis=1)
        bins -= layout.starts
        bins /= layout.widths
        if self.keep == "standardized":
            self._check_held(encoded[:, :first], kept)
        np.clip(bins, 0, 1, out=bins)
        if self.scale_bins:
            bins /= layout.divisors
        encoded[:, first:last] = bins
        encoded[:, last:] = missing[:, self.missing_features_]

    def _check_held(self, z, kept):
        held = np.isfinite(z).all(axis=0)
        if not held.all():
            raise ValueError(
                f"Column {self._name(kept[np.argmin(held)])} of X has values too far from those "
                f"of fit for {z.dtype} once standardized. Use keep='clipped', or look for what "
                "went wrong with them."
            )

    def _validated(self, X, reset):
        try:
            with np.errstate(over="ignore"):  # becomes infinite, which is refused below
                X = table_of_numbers(X, type(self).__name__)
                X = validate_data(self, X, reset=reset, dtype=FLOAT_DTYPES, ensure_all_finite=False)
        except OverflowError as error:
            raise ValueError(f"X holds integers beyond all floats: {error}.") from error
        infinite = np.isinf(X).any(axis=0)
        if infinite.any():
            raise ValueError(
                f"Column {self._name(np.argmax(infinite))} of X contains infinity or a value "
                f"too large for {X.dtype}. Put a number in its place, or NaN, which is taken as "
                "missing."
            )
        return X

    def _name(self, position):
        return str(getattr(self, "feature_names_in_", range(self.n_features_in_))[position])

    def _result_dtype(self, given):
        if self.dtype is not None:
            return np.dtype(self.dtype)
        return given if given in _DTYPES else np.dtype(np.float64)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        kept = [name for name in _DTYPES if self.dtype in (None, name, getattr(np, name))]
        tags.transformer_tags.preserves_dtype = kept
        return tags


def _moments(values: NDArray, n_samples: int, name: str) -> tuple[float, float]:
    """Return the mean of sorted values, and the deviation with all others of a column at it."""
    if not len(values):
        return np.nan, np.nan
    low, high = values[0], values[-1]
    with np.errstate(over="ignore"):
        span = high - low
    if not np.isfinite(span):
        raise ValueError(
            f"Column {name} of X spans from {low} to {high}, more than float64 holds. Divide it "
            "by a number, or take logarithms."
        )
    if span == 0:
        return low, 0.0
    # Between 0 and 1 neither sums nor squares overflow, and values close together are told apart.
    within = (values - low) / span
    mean = within.mean()
    deviation = np.sqrt(np.square(within - mean).sum() / n_samples)
    return low + span * mean, span * deviation


# The public place, which pickles and OpenML flows name.
PiecewiseLinearEncoder.__module__ = "skdl"
