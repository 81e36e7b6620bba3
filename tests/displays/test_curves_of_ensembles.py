"""Loss curves of estimators that hold several networks; a learning rate is not suggested."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from skdl import DenseClassifier, LossCurveDisplay, TabularClassifier, find_learning_rate


@pytest.fixture(scope="module")
def nets(digits):
    X, y = digits[0][:200], digits[1][:200]
    ensemble = TabularClassifier(hidden_layer_sizes=8, n_members=3, epochs=3, random_state=0).fit(
        X, y
    )
    return ensemble, DenseClassifier(8, epochs=3, random_state=0).fit(X, y)


def test_members_are_drawn_as_mean_or_one_by_one(plt, nets):
    ensemble, _ = nets
    losses = [member.history_["loss"] for member in ensemble.members_]
    val_losses = [member.history_["val_loss"] for member in ensemble.members_]
    display = LossCurveDisplay.from_estimator(make_pipeline(ensemble))
    training, validation = display.mean_lines_
    assert_allclose(training.get_ydata(), np.mean(losses, axis=0))
    assert_allclose(validation.get_ydata(), np.mean(val_losses, axis=0))
    display = LossCurveDisplay.from_estimator(ensemble, kind="individual", name="table")
    assert [list(line.get_ydata()) for line in display.lines_] == [*losses, *val_losses]
    assert display.mean_lines_ == []
    with pytest.raises(ValueError, match="kind must be one of"):
        LossCurveDisplay.from_estimator(ensemble, kind="mean")


def test_beside_other_networks(plt, nets):
    _, single = nets
    display = LossCurveDisplay.from_estimators(nets, labels=["table", "dense"])
    assert len(display.mean_lines_) == 2
    assert list(display.lines_[0].get_ydata()) == single.history_["loss"]
    assert display.labels == ["table"] * 3 + ["dense"]
    assert LossCurveDisplay.from_estimators(nets).labels == (
        ["TabularClassifier"] * 3 + ["DenseClassifier"]
    )
    with pytest.raises(ValueError, match="label"):
        LossCurveDisplay.from_estimators(nets, labels=["table"])


def test_no_learning_rate_is_suggested_for_an_ensemble(nets, digits):
    with pytest.raises(TypeError, match=r"trains several networks.*Compare values of its learning"):
        find_learning_rate(make_pipeline(nets[0]), *digits)
