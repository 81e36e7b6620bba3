"""What displays are given in place of estimators, axes and labels: the error says what to give."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    FeatureMapDisplay,
    FilterDisplay,
    GradCAMDisplay,
    ImageGridDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SearchDisplay,
    find_learning_rate,
)

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:40], digits[1][:40]


@pytest.fixture(scope="module")
def net(data):
    return ConvNetClassifier(2, epochs=1, random_state=0).fit(*data)


def draws(net, X, y):
    """Return a function of an estimator and axes for each display."""
    return [
        lambda net, ax: LossCurveDisplay.from_estimator(net, ax=ax),
        lambda net, ax: LossCurveDisplay.from_estimators([net], ax=ax),
        lambda net, ax: FilterDisplay.from_estimator(net, ax=ax),
        lambda net, ax: FeatureMapDisplay.from_estimator(net, X[:2], ax=ax),
        lambda net, ax: GradCAMDisplay.from_estimator(net, X[:2], ax=ax),
        lambda net, ax: ImageGridDisplay.from_estimator(net, X, y, ax=ax),
    ]


def test_neither_networks_of_keras_nor_attributes_are_estimators(net, data):
    for draw in draws(net, *data):
        with pytest.raises(TypeError, match=r"^estimators? must be .*holds the Keras network"):
            draw(net.model_, None)
        with pytest.raises(TypeError, match=r"^estimators? must be .*not what it has in an attrib"):
            draw(net.history_, None)


def test_neither_figures_nor_numbers_are_axes(net, data):
    figure = pyplot.figure()
    search = GridSearchCV(DenseClassifier(2, epochs=1), {"learning_rate": [0.1, 0.2]}, cv=2)
    search.fit(*data)
    for draw in [
        *draws(net, *data),
        lambda _, ax: SearchDisplay.from_search(search, ax=ax),
        lambda _, ax: LearningRateDisplay(np.ones(3), np.ones(3)).plot(ax=ax),
    ]:
        with pytest.raises(TypeError, match=r"^ax must be matplotlib Axes, .*figure\.subplots\(\)"):
            draw(net, figure)
        with pytest.raises(TypeError, match=r"^ax must be matplotlib Axes, received 3\."):
            draw(net, 3)
    pyplot.close(figure)


def test_a_search_is_a_search(net):
    with pytest.raises(TypeError, match=r"^search=.* Give a fitted GridSearchCV"):
        SearchDisplay.from_search(net)
    with pytest.raises(TypeError, match=r"^search must be a fitted search"):
        SearchDisplay.from_search({"mean_test_score": [1]})


def test_curves_are_drawn_from_an_estimator(net):
    for given in (net, net.history_):
        with pytest.raises(TypeError, match=r"^train must be a list of curves.*from_estimator"):
            LossCurveDisplay(given).plot()
    display = LossCurveDisplay([net.history_["loss"]]).plot()
    assert display.lines_[0].get_ydata() == net.history_["loss"]
    pyplot.close(display.figure_)


def test_arguments_that_are_no_properties_of_lines(net):
    with pytest.raises(TypeError, match=r"'metrics', .*Did you mean metric\?"):
        LossCurveDisplay.from_estimator(net, metrics=["accuracy"])
    display = LossCurveDisplay.from_estimator(net, lw=3, c="red")
    assert display.lines_[0].get_linewidth() == 3
    pyplot.close(display.figure_)


def test_a_class_is_activated_by_one_label(net, data):
    with pytest.raises(ValueError, match=r"target must be the label of one class, received \[1, 2"):
        GradCAMDisplay.from_estimator(net, data[0][:2], target=[1, 2])


def test_labels_are_no_images(data):
    X, y = data
    with pytest.raises(ValueError, match=r"from_predictions\(X, y_true, y_pred\)"):
        ImageGridDisplay.from_predictions(y, y, X)


def test_a_regressor_is_no_classifier_of_images(data):
    X, y = data
    net = DenseRegressor(2, epochs=1, random_state=0).fit(X / 16, y / 9)
    with pytest.raises(TypeError, match="must be a classifier"):
        ImageGridDisplay.from_estimator(net, X / 16, y)


def test_a_shape_of_images_is_no_number(net, data):
    X, y = data
    dense = DenseClassifier(2, epochs=1, random_state=0).fit(X / 16, y)
    with pytest.raises(ValueError, match=r"^image_shape must be \(height, width\)"):
        ImageGridDisplay.from_estimator(dense, X / 16, y, image_shape=8)
    with pytest.raises(ValueError, match=r"^image_shape must be \(height, width\)"):
        GradCAMDisplay.from_estimator(net, X, image_shape=8)


def test_a_class_has_no_learning_rate(data):
    with pytest.raises(TypeError, match=r"the class DenseClassifier\. Call it: DenseClassifier\("):
        find_learning_rate(DenseClassifier, *data)
    with pytest.raises(TypeError, match="has no record in history_"):
        LossCurveDisplay.from_estimator(LogisticRegression().fit(*data))
