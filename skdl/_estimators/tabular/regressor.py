"""Values from tables as they come: `TabularRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from skdl._estimators.dense_regressor import DenseRegressor
from skdl._estimators.fit.targets import ValueTargets
from skdl._estimators.predictions import ValuePredictions
from skdl._estimators.tabular.base import TabularNetworks


class TabularRegressor(ValuePredictions, RegressorMixin, TabularNetworks):
    """Networks that predict one value or several from the columns of a table as they come.

    Takes a pandas or polars DataFrame, or an array, with columns of any type: numbers, booleans,
    categories, texts, dates and missing values of every kind; one value per row or several. It is
    an ensemble: five small networks, each trained on four fifths of the rows and stopped by its
    own fifth, so that neither the number of epochs nor a scale is to be chosen. Targets are
    standardised while training. The mean of the members' values is the prediction.

    Numbers are scaled, and piecewise-linear bins stand beside them [1]_
    (`PiecewiseLinearEncoder`); categories and texts become a column per value (`OneHotEncoder`),
    a missing value being one of its own; dates become days, year, month, day, weekday and hour.
    Constant columns are left out. A value that `fit` has not seen is none of the values.

    Parameters
    ----------
    n_members : int, default=5
        Number of networks. Five share the rows, so that each row stops one of them; more begin
        another round with other fifths, fewer are faster and less accurate.
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Number of units of each hidden layer of a member. An int means one layer, an empty tuple
        none: a linear model of the encoded columns.
    dropout : float, default=0.1
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1).
    n_bins : int or str, default="auto"
        Largest number of bins of a number, at least 2. "auto": one for each 50 rows, at most 16;
        below 100 rows no bins.
    categorical_features : str or array-like, default="from_dtype"
        Columns that are categories though their type does not say it, such as codes that are
        integers: as booleans, positions or names. "from_dtype": categories are texts, objects
        and what pandas or polars call a category.
    epochs : int, default=100
        Largest number of passes of a member over its rows.
    patience : int, default=10
        Number of epochs without improvement on its own fifth after which a member stops and
        returns to its best epoch.
    batch_size : int or str, default="auto"
        Number of rows of a training step. "auto": the power of two nearest to a fortieth of the
        rows, from 32 to 256.
    learning_rate : float, default=0.001
        Step size of the optimizer Adam, above 0.
    n_jobs : int, default=None
        Number of members that are trained at the same time, in threads of this process. None
        means 1, unless in a `joblib.parallel_config`; -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Decides which rows each member leaves out, initial weights, order of rows and dropout.
        With an int, two fits are equal to the last bit on the same machine. None draws from
        fresh entropy.
    verbose : int, default=0
        0: silent. 1: a progress bar per member. 2: a line per epoch.

    Attributes
    ----------
    members_ : list of DenseRegressor
        The trained networks, on encoded columns; `LossCurveDisplay.from_estimators(members_)`
        shows how they learned.
    encoder_ : transformer
        From the table to the numbers that the members take; it has `transform` and
        `get_feature_names_out`.
    oof_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Values of the rows given to fit, each by the members that it did not train: honest
        scores without another fit, and inputs for stacking. NaN where every member was trained
        on a row, as some are with fewer than five members.
    model_ : keras.Model
        The mean of the members as one network on encoded columns, a copy. Its outputs are
        standardised: `predict` returns them times `y_scale_` plus `y_mean_`.
    y_mean_ : ndarray of shape (`n_outputs_`,)
        Weighted mean of each output.
    y_scale_ : ndarray of shape (`n_outputs_`,)
        Weighted standard deviation of each output, 1 where it is constant.
    n_outputs_ : int
        Number of units of the output layer.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of columns seen in fit; only where all are strings.

    See Also
    --------
    DenseRegressor : One network, with all its parameters.
    PiecewiseLinearEncoder : What numbers go through.
    sklearn.ensemble.HistGradientBoostingRegressor : Boosted trees, for the same data.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On Embeddings for Numerical Features in
       Tabular Deep Learning", 2022. https://arxiv.org/abs/2203.05556

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> net = TabularRegressor(random_state=0).fit(X, y)
    >>> bool(net.score(X, y) > 0.5)
    True
    """

    y_mean_: NDArray
    y_scale_: NDArray

    _parameter_constraints: dict = TabularNetworks._parameter_constraints

    def __init__(
        self,
        *,
        n_members: int = 5,
        hidden_layer_sizes: int | Sequence[int] = (256,),
        dropout: float = 0.1,
        n_bins: int | str = "auto",
        categorical_features: Any = "from_dtype",
        epochs: int = 100,
        patience: int = 10,
        batch_size: int | str = "auto",
        learning_rate: float = 0.001,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.n_members = n_members
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _make_targets(self, y):
        return ValueTargets(y, standardized=True)

    def _own_attributes(self, targets):
        return {"y_mean_": targets.scale.mean.copy(), "y_scale_": targets.scale.deviation.copy()}

    def _new_member(self, hidden_layer_sizes, **parameters):
        return DenseRegressor(hidden_layer_sizes, **parameters)

    def _decode_held_out(self, outputs):
        return self._targets.decode(outputs)


# The public place, which pickles and OpenML flows name.
TabularRegressor.__module__ = "skdl"
