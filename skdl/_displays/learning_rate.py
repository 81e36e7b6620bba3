"""The loss by the learning rate, from one short training: `find_learning_rate`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from skdl._common.images import is_size
from skdl._common.mistaken import check_is_object
from skdl._displays.plotting import COLOURS, check_axes, import_pyplot
from skdl.exceptions import NonFiniteLossError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Training ends where the smoothed loss is so many times the best, and not before so many steps.
_DIVERGED, _FIRST_STEPS = 4.0, 10
_SMOOTHING = 0.9
# What every trial sets: a training that is watched by nobody, on all rows.
_SETTINGS = {
    "early_stopping": False,
    "validation_split": 0.0,
    "warm_start": False,
    "checkpoint": None,
    "verbose": 0,
}


class LearningRateDisplay:
    """The training loss while the learning rate grows from step to step.

    It is made by `find_learning_rate`; `plot` draws it.

    Parameters
    ----------
    rates : ndarray of shape (n_steps,)
        Learning rate of each step.
    losses : ndarray of shape (n_steps,)
        Loss of each step's batch.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the curve.
    figure_ : matplotlib Figure
        The figure of the axes.
    line_ : matplotlib Line2D
        The smoothed loss.
    points_ : matplotlib Line2D
        The loss of each step.
    suggestion_line_ : matplotlib Line2D
        Upright line at the suggestion.

    See Also
    --------
    find_learning_rate : Measures the losses.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import LearningRateDisplay
    >>> losses = np.array([2.3, 2.2, 1.5, 0.8, 1.9])
    >>> display = LearningRateDisplay(np.geomspace(1e-4, 1, 5), losses)
    >>> bool(1e-4 < display.suggestion < 1)
    True
    """

    def __init__(self, rates: NDArray, losses: NDArray):
        self.rates = rates
        self.losses = losses

    @property
    def smoothed(self) -> NDArray:
        """The loss as an exponential moving average over the steps."""
        average, found = 0.0, []
        for i, loss in enumerate(self.losses):
            average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
            found.append(average / (1 - _SMOOTHING ** (i + 1)))
        return np.array(found)

    @property
    def suggestion(self) -> float:
        """A tenth of the learning rate at which the smoothed loss is lowest."""
        return float(self.rates[np.argmin(self.smoothed)] / 10)

    def plot(self, ax: Axes | None = None) -> LearningRateDisplay:
        """Draw the loss by the learning rate, on a logarithmic axis.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LearningRateDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        check_axes(ax)
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        smoothed, colour = self.smoothed, COLOURS[0]
        self.points_ = ax.plot(
            self.rates, self.losses, ".", color=colour, markersize=3, alpha=0.35, label="batch"
        )[0]
        self.line_ = ax.plot(self.rates, smoothed, color=colour, label="smoothed")[0]
        self.suggestion_line_ = ax.axvline(
            self.suggestion, color=COLOURS[1], label=f"suggestion: {self.suggestion:.2g}"
        )
        ax.set_xscale("log")
        # What diverges would press the rest together.
        low, start = smoothed.min(), smoothed[0]
        margin = max(start - low, 0.1 * abs(start), 1e-12)
        ax.set_ylim(low - 0.2 * margin, start + 0.5 * margin)
        ax.set_xlabel("learning rate")
        ax.set_ylabel("training loss")
        ax.legend()
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        return self


LearningRateDisplay.__module__ = "skdl"


def find_learning_rate(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    min_rate: float = 1e-6,
    max_rate: float = 10.0,
    n_steps: int = 100,
) -> LearningRateDisplay:
    """Measure the loss while the learning rate grows, and suggest a learning rate.

    A clone of the estimator is trained for `n_steps` batches, each with a larger learning rate
    than the one before, in equal factors [1]_. The loss hardly falls where the rate is too small
    and rises where it is too large. Training ends early where the loss diverges. The estimator
    itself is left as it is.

    Parameters
    ----------
    estimator : estimator
        Network of skdl, or a Pipeline or `TransformedTargetRegressor` that ends in one; fitted or
        not.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training inputs, as `estimator.fit` takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    min_rate : float, default=1e-6
        Learning rate of the first step, above 0.
    max_rate : float, default=10.0
        Learning rate of the last step, above `min_rate`.
    n_steps : int, default=100
        Number of steps, 2 or more.

    Returns
    -------
    display : LearningRateDisplay
        `suggestion` is a learning rate, `rates` and `losses` hold what was measured, and `plot`
        draws it.

    Raises
    ------
    TypeError
        If the estimator is not, or does not end in, one network with the parameter `callbacks`.
        Ensembles, such as `TabularClassifier`, have several networks: their `learning_rate` is
        better chosen by the scores of a search.
    ValueError
        If a parameter is not as described, or the loss is not finite from the first step on.

    See Also
    --------
    LossCurveDisplay : Draws the loss of a whole fit.
    SearchDisplay : Draws the scores of a search, over learning rates for instance.

    References
    ----------
    .. [1] L. N. Smith (2017). Cyclical learning rates for training neural networks. IEEE Winter
       Conference on Applications of Computer Vision. arXiv:1506.01186.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import DenseClassifier, find_learning_rate
    >>> X, y = load_digits(return_X_y=True)
    >>> found = find_learning_rate(DenseClassifier(random_state=0), X / 16, y)
    >>> 1e-4 < found.suggestion < 1
    True
    """
    if not 0 < min_rate < max_rate < np.inf:
        raise ValueError(
            "min_rate must be above 0 and max_rate above min_rate, received "
            f"min_rate={min_rate!r}, max_rate={max_rate!r}."
        )
    if not is_size(n_steps) or n_steps < 2:
        raise ValueError(f"n_steps must be an integer of 2 or more, received {n_steps!r}.")
    prefix = _prefix(estimator)
    trial = clone(estimator)
    rates = np.geomspace(min_rate, max_rate, n_steps)
    climber = _climber(rates)
    own = trial.get_params(deep=True)
    settings = {
        **{name: value for name, value in _SETTINGS.items() if prefix + name in own},
        "callbacks": [climber],
        "learning_rate": float(min_rate),
        "epochs": n_steps,  # an epoch has one step or more
    }
    trial.set_params(**{prefix + name: value for name, value in settings.items()})
    with contextlib.suppress(NonFiniteLossError):  # in which the largest rates may end
        trial.fit(X, y)
    losses = np.array(climber.losses)
    finite = np.isfinite(losses)
    known = len(losses) if finite.all() else int(np.argmin(finite))
    if known < 2:
        raise ValueError(
            f"The loss is not finite from min_rate={min_rate!r} on. Scale X and y, for instance "
            "with StandardScaler, or give a smaller min_rate."
        )
    return LearningRateDisplay(np.array(climber.at)[:known], losses[:known])


find_learning_rate.__module__ = "skdl"


def _prefix(estimator):
    """Return what stands before the names of the network's parameters."""
    check_is_object(estimator)
    if hasattr(estimator, "get_params") and not hasattr(estimator, "_run_search"):
        names = [n for n in estimator.get_params(deep=True) if n.split("__")[-1] == "callbacks"]
        if len(names) == 1:
            return names[0].removesuffix("callbacks")
        if "n_members" in {n.split("__")[-1] for n in estimator.get_params(deep=True)}:
            raise TypeError(
                f"estimator={estimator!r} trains several networks, each on other rows and stopped "
                "early, so that one run has no single learning rate to suggest. Compare values of "
                "its learning_rate by their scores instead, for example with GridSearchCV."
            )
    raise TypeError(
        f"estimator={estimator!r} must be one network of skdl with the parameter callbacks, or a "
        "Pipeline that ends in one. Of a search, give the estimator that it searches."
    )


def _climber(rates):
    """Return a callback that raises the learning rate at each step and notes the losses."""
    from skdl._networks.keras import keras

    class Climber(keras.callbacks.Callback):
        """Keras reports the mean over the epoch so far, from which a batch's own loss follows."""

        def __init__(self):
            super().__init__()
            self.at, self.losses, self._n_done = [], [], 0
            self._smoothed, self._best = 0.0, np.inf

        def __deepcopy__(self, memo):
            return self  # what is cloned within a fit reports here, too

        def on_epoch_begin(self, epoch, logs=None):
            self._sum = 0.0

        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = rates[min(self._n_done, len(rates) - 1)]

        def on_train_batch_end(self, batch, logs=None):
            total = float(logs["loss"]) * (batch + 1)
            n_batches, i = self.params["steps"], self._n_done
            # The last batch of several may be smaller, so that its share is not known.
            if n_batches == 1 or batch + 1 < n_batches:
                self._note(rates[i], total - self._sum)
            self._sum, self._n_done = total, i + 1
            if self._n_done == len(rates) or self._has_diverged:
                self.model.stop_training = True

        def _note(self, rate, loss):
            self.at.append(rate)
            self.losses.append(loss)
            self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * loss
            smoothed = self._smoothed / (1 - _SMOOTHING ** len(self.losses))
            self._best = min(self._best, smoothed)
            far = abs(smoothed - self._best) > (_DIVERGED - 1) * max(abs(self._best), 1e-12)
            self._has_diverged = len(self.losses) > _FIRST_STEPS and (
                far or not np.isfinite(smoothed)
            )

        _has_diverged = False

    return Climber()
