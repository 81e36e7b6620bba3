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
    """Ensemble of networks that predicts values from a table with columns of any type.

    X is a pandas or polars DataFrame, or an array, with columns of any type: numbers, booleans,
    categories, texts, dates and missing values of every kind; y has one value per row or several.
    The estimator is an ensemble of five small networks, each of which is trained on four fifths of
    the rows and stopped early on the remaining fifth, so that neither the number of epochs nor a
    scale has to be chosen. Targets are standardized during training. The prediction is the mean of
    the members' values.

    Numbers are scaled, and piecewise-linear bins are added [1]_ (`PiecewiseLinearEncoder`);
    categories and texts get one column per value (`OneHotEncoder`), with missing values as a
    category of their own; dates are converted to days, year, month, day, weekday and hour. Constant
    columns are left out. A value that did not occur in `fit` is treated as none of the known
    values.

    Parameters
    ----------
    n_members : int, default=5
        Number of networks. Five networks divide the rows among them, so that each row is used to
        stop one of them; more networks start another round with other fifths, fewer are faster and
        less accurate.
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Number of units of each hidden layer of a member. An int means one layer, an empty tuple
        none: a linear model of the encoded columns.
    dropout : float, default=0.1
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1).
    n_bins : int or str, default="auto"
        Largest number of bins per numeric column, at least 2. "auto": one for each 50 rows, at most
        16; no bins below 100 rows.
    categorical_features : str or array-like, default="from_dtype"
        Columns to be treated as categories although their type does not show it, such as integer
        codes: as booleans, positions or names. "from_dtype": categories are texts, objects and the
        categorical types of pandas and polars.
    epochs : int, default=100
        Largest number of passes of a member over its rows.
    patience : int, default=10
        Number of epochs without improvement on its own fifth after which a member stops and
        restores the weights of its best epoch.
    batch_size : int or str, default="auto"
        Number of rows per training step. "auto": the power of two nearest to a fortieth of the
        rows, from 32 to 256.
    learning_rate : float, default=0.003
        Step size of the optimizer Adam, above 0.
    n_jobs : int, default=None
        Number of members that are trained at the same time, in threads of this process. None
        means 1, unless in a `joblib.parallel_config`; -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Determines which rows each member leaves out, initial weights, order of rows and dropout.
        With an int, two fits on the same machine give bitwise equal results. None draws a new seed.
    verbose : int, default=0
        0: silent. 1: a progress bar per member. 2: a line per epoch.

    Attributes
    ----------
    members_ : list of DenseRegressor
        The trained networks, on encoded columns; `LossCurveDisplay.from_estimators(members_)`
        shows how they learned.
    encoder_ : transformer
        Converts the table to the numbers that the members take; it has `transform` and
        `get_feature_names_out`.
    oof_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Values of the rows given to fit, each predicted by the members that were not trained on it:
        unbiased scores without another fit, and inputs for stacking. NaN if every member was
        trained on a row, which can happen with fewer than five members. Not kept where it would be
        larger than a quarter of the memory.
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
        Names of columns seen in fit; defined only if all of them are strings.

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
        learning_rate: float = 0.003,
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

    def _make_targets(self, y, classes=None):
        return ValueTargets(y, standardized=True)

    def _own_attributes(self, targets):
        return {"y_mean_": targets.scale.mean.copy(), "y_scale_": targets.scale.deviation.copy()}

    def _new_member(self, hidden_layer_sizes, **parameters):
        return DenseRegressor(hidden_layer_sizes, **parameters)

    def _decode_held_out(self, outputs):
        return self._targets.decode(outputs)


# The public place, which pickles and OpenML flows name.
TabularRegressor.__module__ = "skdl"
