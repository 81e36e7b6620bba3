"""The learning-rate finder: what it measures, suggests, draws and leaves alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, DenseRegressor, LearningRateDisplay, find_learning_rate


def test_it_finds_a_rate_that_trains(digits):
    X, y = digits
    net = DenseClassifier(32, epochs=3, random_state=0)
    before = net.get_params()
    found = find_learning_rate(net, X, y)
    assert net.get_params() == before
    assert not hasattr(net, "history_")
    assert len(found.rates) == len(found.losses) <= 100
    assert_allclose(np.diff(np.log(found.rates[:20])), np.log(1e7) / 99)
    assert np.isfinite(found.losses).all()
    assert found.losses[:5].mean() > found.smoothed.min() * 2
    with_it = clone(net).set_params(learning_rate=found.suggestion).fit(X, y)
    too_small = clone(net).set_params(learning_rate=found.suggestion / 100).fit(X, y)
    assert with_it.score(X, y) > too_small.score(X, y)
    assert with_it.score(X, y) > 0.9


def test_each_loss_is_that_of_its_batch():
    """Without shuffling and with a rate of next to nothing, the losses are those of the rows."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(35, 3)), rng.normal(size=35)
    net = DenseRegressor((), batch_size=10, shuffle=False, standardize_y=False, random_state=0)
    found = find_learning_rate(net, X, y, min_rate=1e-12, max_rate=1e-11, n_steps=8)
    untrained = clone(net).set_params(learning_rate=1e-12, epochs=1).fit(X, y)
    squares = (untrained.predict(X) - y) ** 2
    batches = [squares[i : i + 10].mean() for i in (0, 10, 20)]
    assert_allclose(found.losses, batches * 2, rtol=1e-4)  # the last batch has 5 rows
    assert_allclose(found.rates, np.geomspace(1e-12, 1e-11, 8)[[0, 1, 2, 4, 5, 6]])


def test_networks_inside_other_estimators(diabetes):
    X, y = diabetes
    net = TransformedTargetRegressor(
        DenseRegressor(8, random_state=0, early_stopping=True), transformer=StandardScaler()
    )
    pipeline = make_pipeline(StandardScaler(), net)
    found = find_learning_rate(pipeline, X, y, n_steps=30)
    assert 3 < len(found.losses) <= 30
    assert find_learning_rate(DenseRegressor(8, batch_size=10**6), X, y, n_steps=5).losses.size == 5


def test_it_ends_where_the_loss_diverges(diabetes):
    net = DenseRegressor(8, optimizer="sgd", random_state=0)
    found = find_learning_rate(net, *diabetes, max_rate=1e9, n_steps=60)
    assert len(found.losses) < 50
    assert np.isfinite(found.losses).all()
    assert found.suggestion < 1


def test_the_picture(plt):
    rates, losses = np.geomspace(1e-3, 10, 30), np.r_[np.linspace(2, 0.5, 20), np.arange(10) * 9.0]
    display = LearningRateDisplay(rates, losses).plot()
    assert display.ax_.get_xscale() == "log"
    assert_array_equal(display.points_.get_ydata(), losses)
    assert_array_equal(display.line_.get_ydata(), display.smoothed)
    assert display.suggestion == rates[np.argmin(display.smoothed)] / 10
    assert display.suggestion_line_.get_xdata()[0] == display.suggestion
    assert display.ax_.get_ylim()[1] < 4
    _, ax = plt.subplots()
    assert display.plot(ax).ax_ is ax


def test_errors(digits):
    X, y = digits[0][:40], digits[1][:40]
    for estimator in (LogisticRegression(), GridSearchCV(DenseClassifier(), {"l2": [0]})):
        with pytest.raises(TypeError, match="must be one network of skdl"):
            find_learning_rate(estimator, X, y)
    net = DenseClassifier(4)
    with pytest.raises(ValueError, match="min_rate must be above 0"):
        find_learning_rate(net, X, y, min_rate=1, max_rate=0.1)
    with pytest.raises(ValueError, match="n_steps must be an integer of 2 or more, received 1"):
        find_learning_rate(net, X, y, n_steps=1)
