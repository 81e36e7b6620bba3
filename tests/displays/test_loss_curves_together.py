"""Curves of several networks and metrics: names, colours, legends, what is averaged."""

import keras
import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdl import DenseClassifier, LossCurveDisplay
from skdl._displays.plotting import COLOURS


@pytest.fixture(scope="module")
def nets(iris):
    """Two networks with validation, and one without."""
    settings = {"epochs": 3, "metrics": ["accuracy"], "random_state": 0}
    sizes = {"a": 4, "b": 6, "without": 5}
    return {
        name: DenseClassifier(
            size, validation_split=0.0 if name == "without" else 0.2, **settings
        ).fit(*iris)
        for name, size in sizes.items()
    }


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def colours_of(display):
    return [to_hex(line.get_color()).upper() for line in display.lines_]


def test_a_second_network_has_the_next_colours_and_the_legend_stays(plt, nets):
    first = LossCurveDisplay.from_estimator(nets["a"])
    assert colours_of(first) == [*COLOURS[:2]]
    second = LossCurveDisplay.from_estimator(nets["b"], ax=first.ax_)
    assert colours_of(second) == [COLOURS[2]] * 2
    assert legend_of(second) == ["training", "validation", "best epoch: 3", "DenseClassifier"]
    third = LossCurveDisplay.from_estimator(nets["b"], ax=first.ax_)
    assert colours_of(third) == [COLOURS[3]] * 2
    assert legend_of(third)[3:] == ["DenseClassifier", "DenseClassifier (2)"]


def test_names_and_settings_of_lines(plt, nets):
    display = LossCurveDisplay.from_estimator(nets["a"], name="4 units")
    assert colours_of(display) == [COLOURS[0]] * 2
    assert legend_of(display) == ["4 units", "training", "validation", "best epoch"]
    display = LossCurveDisplay.from_estimator(
        nets["b"], name="6 units", ax=display.ax_, lw=4, color="k", alpha=0.5
    )
    assert legend_of(display) == ["4 units", "6 units", "training", "validation", "best epoch"]
    for line in display.lines_:
        assert (line.get_linewidth(), line.get_color(), line.get_alpha()) == (4, "k", 0.5)
    assert [line.get_linestyle() for line in display.lines_] == ["--", "-"]


def test_lines_of_others_stay_in_the_legend(plt, nets):
    _, ax = plt.subplots()
    ax.plot([1, 2, 3], [1.0, 0.5, 0.2], color=COLOURS[0], label="an MLP")
    display = LossCurveDisplay.from_estimator(nets["without"], ax=ax)
    assert legend_of(display) == ["an MLP", "DenseClassifier"]
    assert colours_of(display) == [COLOURS[1]]


def test_a_lone_curve_is_solid(plt, nets):
    (line,) = LossCurveDisplay.from_estimator(nets["without"]).lines_
    assert line.get_linestyle() == "-"
    both = LossCurveDisplay.from_estimators([nets["without"], nets["a"]])
    assert [line.get_linestyle() for line in both.lines_] == ["--", "--", "-"]


def test_different_networks_are_not_averaged(plt, nets):
    display = LossCurveDisplay.from_estimators([nets["a"], nets["b"]])
    assert display.mean_lines_ == []
    for line, name in zip(display.lines_[::2], "ab", strict=True):
        assert_array_equal(line.get_ydata(), nets[name].history_["loss"])
    assert legend_of(display)[:2] == ["hidden_layer_sizes=4", "hidden_layer_sizes=6"]


def test_equal_networks_are_averaged_by_their_parameters(plt, iris, nets):
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    given = {"optimizer": keras.optimizers.Adam(rate), "callbacks": [keras.callbacks.History()]}
    net = DenseClassifier(4, epochs=2, **given)
    seeds = [clone(net).set_params(random_state=seed).fit(*iris) for seed in (0, 1)]
    display = LossCurveDisplay.from_estimators([*seeds, nets["without"]])
    (mean,) = display.mean_lines_
    assert_allclose(mean.get_ydata(), np.mean([n.history_["loss"] for n in seeds], axis=0))
    assert len(display.lines_) == 1
    assert len(set(display.labels)) == 2


def test_what_stands_before_a_network_tells_it_apart(plt, iris):
    net = DenseClassifier(4, epochs=1, random_state=0)
    pipelines = [
        make_pipeline(s, clone(net)).fit(*iris) for s in (StandardScaler(), MinMaxScaler())
    ]
    display = LossCurveDisplay.from_estimators([*pipelines, pipelines[0]])
    first, second, third = display.labels
    assert first == third != second


def test_all_metrics_in_one_call(plt, nets):
    display = LossCurveDisplay.from_estimators([nets["a"], nets["b"]], metric=None)
    assert display.metric == ["loss", "accuracy"]
    assert [ax.get_ylabel() for ax in display.axes_] == ["loss", "accuracy"]
    expected = [
        nets[name].history_[prefix + metric]
        for metric in ("loss", "accuracy") for name in "ab" for prefix in ("", "val_")
    ]  # fmt: skip
    for line, values in zip(display.lines_, expected, strict=True):
        assert_array_equal(line.get_ydata(), values)
    assert sum(ax.get_legend() is not None for ax in display.axes_) == 1
    _, axes = plt.subplots(1, 2)
    some = LossCurveDisplay.from_estimator(nets["a"], metric=["accuracy", "loss"], ax=axes)
    assert [ax.get_ylabel() for ax in axes] == ["accuracy", "loss"]
    assert_array_equal(some.train[0][0], nets["a"].history_["accuracy"])
    with pytest.raises(ValueError, match="ax must be 2 axes"):
        some.plot(axes[0])


def test_long_legends_leave_the_curves_free(plt):
    labels = [f"learning_rate={10.0**-i}, hidden_layer_sizes=({i}, {i})" for i in range(9)]
    display = LossCurveDisplay([[3.0, 2.0, 1.0]] * 9, labels=labels).plot()
    display.figure_.canvas.draw()
    legend, ax = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    assert not legend.overlaps(ax.shrunk(0.99, 1))
    assert 0 <= legend.x0 < legend.x1 <= display.figure_.bbox.width
    assert ax.width > 0.4 * display.figure_.bbox.width
