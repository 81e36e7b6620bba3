"""Curves of losses and metrics, tested by the data and the artists of the picture."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, DenseRegressor, LossCurveDisplay
from skdl._displays.plotting import COLOURS


@pytest.fixture(scope="module")
def net(iris):
    net = DenseClassifier(
        epochs=12, early_stopping=True, patience=3, metrics=["accuracy"], random_state=0
    )
    return net.fit(*iris)


@pytest.fixture(scope="module")
def folds(net, iris):
    return cross_validate(net, *iris, cv=3, return_estimator=True)["estimator"]


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_training_and_validation_of_one_network(plt, net, metric):
    display = LossCurveDisplay.from_estimator(net, metric=metric)
    train, validation = display.lines_
    assert_array_equal(train.get_xdata(), np.arange(1, net.n_iter_ + 1))
    assert_array_equal(train.get_ydata(), net.history_[metric])
    assert_array_equal(validation.get_ydata(), net.history_[f"val_{metric}"])
    assert train.get_linestyle() == "--"
    assert validation.get_linestyle() == "-"
    assert train.get_color() != validation.get_color()
    (best,) = display.best_points_
    assert_array_equal(best.get_xdata(), [net.best_epoch_])
    assert_array_equal(best.get_ydata(), [net.history_[f"val_{metric}"][net.best_epoch_ - 1]])
    assert best.get_marker() == "o"
    assert legend_of(display) == ["training", "validation", f"best epoch: {net.best_epoch_}"]
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == metric
    assert display.mean_lines_ == display.bands_ == []
    assert display.figure_ is display.ax_.figure


def test_without_validation_there_is_one_curve_and_no_best_epoch(plt, iris):
    display = LossCurveDisplay.from_estimator(DenseClassifier(epochs=3).fit(*iris))
    assert len(display.lines_) == 1
    assert display.best_points_ == []
    assert legend_of(display) == ["training"]


def test_one_epoch_is_a_point(plt, iris):
    display = LossCurveDisplay.from_estimator(DenseClassifier(epochs=1).fit(*iris))
    assert display.lines_[0].get_marker() == "."
    ticks, (low, high) = display.ax_.get_xticks(), display.ax_.get_xlim()
    assert_array_equal(ticks[(low < ticks) & (ticks < high)], [1])


def test_epochs_have_whole_numbers(plt, net):
    ticks = LossCurveDisplay.from_estimator(net).ax_.get_xticks()
    assert_array_equal(ticks, np.round(ticks))


def test_networks_inside_other_estimators(plt, iris, diabetes):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), DenseClassifier(epochs=2))
    search = GridSearchCV(pipeline, {"denseclassifier__epochs": [3]}, cv=2).fit(X, y)
    display = LossCurveDisplay.from_estimator(search)
    assert_array_equal(display.train[0], search.best_estimator_[-1].history_["loss"])
    pipeline = make_pipeline(StandardScaler(), TransformedTargetRegressor(DenseRegressor(epochs=2)))
    pipeline.fit(*diabetes)
    display = LossCurveDisplay.from_estimator(pipeline)
    assert_array_equal(display.train[0], pipeline[-1].regressor_.history_["loss"])


def test_the_display_keeps_the_values_of_its_time(plt, iris):
    net = DenseClassifier(epochs=2, warm_start=True).fit(*iris)
    display = LossCurveDisplay.from_estimator(net)
    net.fit(*iris)
    assert len(display.train[0]) == 2
    assert len(LossCurveDisplay.from_estimator(net).train[0]) == 4


def test_axes_may_be_given(plt, net):
    figure, axes = plt.subplots(1, 2)
    axes[1].set_xscale("log")
    for kind in ({"ax": axes[0]}, {"ax": axes[1]}):
        display = LossCurveDisplay.from_estimator(net, **kind)
        assert display.ax_ is kind["ax"]
        assert display.figure_ is figure
    assert axes[1].get_xscale() == "log"
    assert len(plt.get_fignums()) == 1


def test_settings_of_matplotlib_stay(plt, net, folds):
    before = dict(plt.rcParams)
    LossCurveDisplay.from_estimator(net)
    LossCurveDisplay.from_estimators(folds)
    assert dict(plt.rcParams) == before


def test_folds_are_a_mean_and_a_band(plt, folds):
    display = LossCurveDisplay.from_estimators(folds)
    assert len(display.mean_lines_) == len(display.bands_) == 2
    assert display.lines_ == []
    for line, band, name in zip(
        display.mean_lines_, display.bands_, ["loss", "val_loss"], strict=True
    ):
        values = [net.history_[name] for net in folds]
        for epoch, mean in zip(*line.get_data(), strict=True):
            reached = [curve[min(epoch, len(curve)) - 1] for curve in values]
            assert_allclose(mean, np.mean(reached))
            edges = band.get_paths()[0].vertices
            edges = edges[edges[:, 0] == epoch, 1]
            assert_allclose([edges.min(), edges.max()], mean + np.std(reached) * np.array([-1, 1]))
    (best,) = display.best_points_
    median = round(np.median([net.best_epoch_ for net in folds]))
    assert_array_equal(best.get_xdata(), [median])
    assert_array_equal(best.get_ydata(), [display.mean_lines_[1].get_ydata()[median - 1]])
    assert legend_of(display) == ["training", "validation", f"median best epoch: {median}"]


@pytest.mark.parametrize("kind", ["individual", "both"])
def test_folds_one_by_one(plt, folds, kind):
    display = LossCurveDisplay.from_estimators(folds, kind=kind)
    assert len(display.mean_lines_) == (0 if kind == "individual" else 2)
    assert len(display.lines_) == 6
    for line, net in zip(display.lines_[:3], folds, strict=True):
        assert_array_equal(line.get_ydata(), net.history_["loss"])
    (best,) = display.best_points_
    assert_array_equal(best.get_xdata(), [net.best_epoch_ for net in folds])
    assert legend_of(display) == ["training", "validation", "best epoch"]


@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=2, max_size=7))
def test_the_mean_ends_where_fewer_than_half_of_the_networks_are_left(lengths):
    pyplot = pytest.importorskip("matplotlib").pyplot
    curves = [np.arange(n, dtype=float) + i for i, n in enumerate(lengths)]
    (line,) = LossCurveDisplay(curves).plot().mean_lines_
    pyplot.close("all")
    (last,) = line.get_xdata()[-1:]
    left = [sum(n >= epoch for n in lengths) for epoch in (last, last + 1)]
    enough = max(len(lengths) / 2, 2)
    assert left[0] >= enough > left[1]
    at_end = [curve[min(last, len(curve)) - 1] for curve in curves]
    assert_allclose(line.get_ydata()[-1], np.mean(at_end))


def test_values_that_are_missing_are_left_out_of_the_mean(plt):
    display = LossCurveDisplay([[1.0, np.nan, 3.0], [2.0, 4.0, np.nan]]).plot()
    assert_array_equal(display.mean_lines_[0].get_ydata(), [1.5, 4, 3])


def test_labels_have_colours_of_their_own(plt, net, folds):
    display = LossCurveDisplay.from_estimators([*folds, net], labels=["fold"] * 3 + ["whole"])
    assert len(display.mean_lines_) == len(display.lines_) == 2
    assert {line.get_color() for line in display.mean_lines_} == {COLOURS[0]}
    assert {line.get_color() for line in display.lines_} == {COLOURS[1]}
    assert [dots.get_color() for dots in display.best_points_] == [*COLOURS[:2]]
    assert legend_of(display) == ["fold", "whole", "training", "validation", "best epoch"]
    many = LossCurveDisplay([[1, 2]] * 12, labels=[*"abcdefghijkl"]).plot()
    assert len({tuple(line.get_color()) for line in many.lines_}) == 12


def test_labels_that_are_names_of_styles(plt):
    names = ["best epoch", "validation", "training"]
    curves = [[3.0, 2.0], [2.0, 1.0], [4.0, 3.0]]
    display = LossCurveDisplay(curves, curves, labels=names, best_epochs=[2, 2, 2]).plot()
    assert legend_of(display) == [*names, "training", "validation", "best epoch"]
    colours = [line.get_color() for line in display.ax_.get_legend().get_lines()]
    assert colours == [*COLOURS[:3], "0.4", "0.4", "0.4"]


def test_networks_with_and_without_validation(plt, net, iris):
    other = DenseClassifier(epochs=2).fit(*iris)
    display = LossCurveDisplay.from_estimators([other, net], labels=["without", "with"])
    assert len(display.lines_) == 3
    assert display.validation[0] is None
    assert len(display.best_points_) == 1


def test_errors(plt, net, folds):
    with pytest.raises(ValueError, match=r"metric='f1'.* \['accuracy', 'loss'\]"):
        LossCurveDisplay.from_estimator(net, metric="f1")
    with pytest.raises(ValueError, match=r"metric='val_loss'.* Use metric='loss'"):
        LossCurveDisplay.from_estimator(net, metric="val_loss")
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(DenseClassifier())
    with pytest.raises(TypeError, match=r"estimator=LogisticRegression\(\) has no record"):
        LossCurveDisplay.from_estimator(LogisticRegression().fit([[0], [1]], [0, 1]))
    with pytest.raises(ValueError, match=r"labels has 1 entr.* for 3 networks"):
        LossCurveDisplay.from_estimators(folds, labels=["a"])
    with pytest.raises(ValueError, match=r"kind must be one of .* received kind='mean'"):
        LossCurveDisplay.from_estimators(folds, kind="mean")
    with pytest.raises(ValueError, match="no networks"):
        LossCurveDisplay.from_estimators([])
    for single in (net, make_pipeline(StandardScaler(), net), {"estimator": folds}):
        with pytest.raises(TypeError, match="estimators must be a list"):
            LossCurveDisplay.from_estimators(single)
    history = {"f1": [[0.1, 0.2], [0.3, 0.4]]}
    several = type("Net", (), {"fit": None, "__sklearn_tags__": net.__sklearn_tags__})()
    several.history_ = history
    with pytest.raises(ValueError, match="metric='f1' has more than one number per epoch"):
        LossCurveDisplay.from_estimator(several, metric="f1")


def test_without_matplotlib(monkeypatch, net):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"LossCurveDisplay.from_estimator needs .*skdl\[plots\]"):
        LossCurveDisplay.from_estimator(net)
    with pytest.raises(ImportError, match=r"LossCurveDisplay.from_estimators needs"):
        LossCurveDisplay.from_estimators([net])
    with pytest.raises(ImportError, match=r"LossCurveDisplay.plot needs"):
        LossCurveDisplay([[1, 2]]).plot()
