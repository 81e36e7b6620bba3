"""Metrics of a user's network that ends in logits measure the probabilities that it predicts."""

import pickle

import keras
import numpy as np
import pytest
import sklearn.metrics as skm
from numpy.testing import assert_allclose

import skdl
from skdl import KerasClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4)).astype(np.float32)
LABELS = (X[:, :3] > 0.3).astype(int)
TARGETS = {"binary": LABELS[:, 0], "multiclass": X[:, :3].argmax(axis=1), "multilabel": LABELS}


def linear(input_shape, n_outputs):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(n_outputs)])


def fitted(kind, metrics, model=linear, **parameters):
    y = TARGETS[kind]
    parameters = {"epochs": 2, "random_state": 0, **parameters}
    net = KerasClassifier(model, metrics=metrics, **parameters)
    return net.fit(X, y, X_val=X, y_val=y)


def measured(net, name):
    return net.history_[f"val_{name}"][-1]


def test_two_classes():
    metrics = ["auc", "precision", "f1_score", "accuracy", "binary_crossentropy", "mse"]
    net, y = fitted("binary", metrics, learning_rate=0.1), TARGETS["binary"]
    proba, labels = net.predict_proba(X)[:, 1], net.predict(X)
    # Keras takes the area of 200 thresholds.
    assert_allclose(measured(net, "auc"), skm.roc_auc_score(y, proba), atol=0.01)
    for name, expected in {
        "precision": skm.precision_score(y, labels),
        "f1_score": skm.f1_score(y, labels),
        "accuracy": skm.accuracy_score(y, labels),
        "binary_crossentropy": skm.log_loss(y, proba),
        "mse": skm.brier_score_loss(y, proba),
    }.items():
        assert_allclose(measured(net, name), expected, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_in_the_model_itself_and_in_copies(tmp_path):
    net, y = fitted("binary", ["precision"], learning_rate=0.1), TARGETS["binary"]
    skdl.save(net, tmp_path / "net.skdl")
    copies = pickle.loads(pickle.dumps(net)), skdl.load(tmp_path / "net.skdl", trusted=[linear])
    for each in (net, *copies):
        found = each.model_.evaluate(X, y[:, None], verbose=0, return_dict=True)
        assert_allclose(found["precision"], skm.precision_score(y, net.predict(X)), rtol=1e-6)


def test_several_classes():
    metrics = [
        "categorical_crossentropy",
        "f1_score",
        "precision",
        keras.metrics.MeanIoU(3, name="iou"),
    ]
    net, y = fitted("multiclass", metrics, learning_rate=0.1), TARGETS["multiclass"]
    proba, labels = net.predict_proba(X), net.predict(X)
    over = proba > 0.5
    jaccard = skm.jaccard_score(y, labels, average="macro")
    assert_allclose(measured(net, "categorical_crossentropy"), skm.log_loss(y, proba), rtol=1e-4)
    assert_allclose(measured(net, "iou"), jaccard, rtol=1e-4)
    assert_allclose(measured(net, "precision"), over[np.arange(70), y].sum() / over.sum())
    f1 = skm.f1_score(y, labels, average=None)
    assert_allclose(measured(net, "f1_score"), f1, rtol=1e-4)


def test_several_labels_in_a_filled_batch():
    """Of 70 rows in batches of 32 the last are trained as a full batch by XLA."""
    net, y = fitted("multilabel", ["mse", "accuracy"], epochs=300, learning_rate=1e-3), LABELS
    assert net.training_program_ == "xla"
    assert_allclose(measured(net, "mse"), skm.mean_squared_error(y, net.predict_proba(X)), 1e-5)
    assert_allclose(measured(net, "accuracy"), np.mean(net.predict(X) == y), 1e-6)
    still = fitted("multilabel", ["mse"], epochs=300, optimizer="sgd", learning_rate=1e-30)
    assert_allclose(still.history_["mse"], measured(still, "mse"), rtol=1e-5)


def test_what_is_made_for_logits_sees_logits():
    def largest(y, outputs):
        return keras.ops.max(outputs, axis=-1)

    metrics = [
        keras.metrics.BinaryCrossentropy(from_logits=True, name="entropy"),
        keras.metrics.BinaryAccuracy(threshold=0.0, name="above"),
        keras.metrics.Recall(thresholds=0, name="recall"),
        "hinge",
        largest,
    ]
    net, y = fitted("binary", metrics), TARGETS["binary"]
    outputs = net.model_.predict(X, verbose=0)[:, 0]
    assert_allclose(measured(net, "entropy"), skm.log_loss(y, net.predict_proba(X)), rtol=1e-5)
    assert_allclose(measured(net, "above"), net.score(X, y), rtol=1e-6)
    assert_allclose(measured(net, "recall"), skm.recall_score(y, net.predict(X)), rtol=1e-6)
    assert_allclose(measured(net, "hinge"), skm.hinge_loss(y, outputs), rtol=1e-5)
    assert_allclose(measured(net, "largest"), outputs.mean(), rtol=1e-5)


def test_metrics_of_a_compiled_network():
    def compiled():
        model = linear((4,), 1)
        model.compile(
            "adam",
            keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=["mse"],
            weighted_metrics=["mae"],
        )
        return model

    net, y = fitted("binary", None, compiled), TARGETS["binary"]
    proba = net.predict_proba(X)[:, 1]
    assert_allclose(measured(net, "mse"), skm.mean_squared_error(y, proba), rtol=1e-5)
    assert_allclose(measured(net, "mae"), skm.mean_absolute_error(y, proba), rtol=1e-5)


def test_metrics_without_meaning_are_refused_as_those_of_probabilities_are():
    for kind, wrong, reason in [
        ("binary", "categorical_accuracy", "one unit per class"),
        ("multiclass", "binary_crossentropy", "several classes share one softmax"),
        ("multilabel", "kl_divergence", "asks nothing of labels that are 0"),
    ]:
        with pytest.raises(ValueError, match=f"metrics='{wrong}' .*{reason}"):
            fitted(kind, wrong)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("loss", ["mse", keras.losses.Huber()], ids=["mse", "huber"])
def test_losses_of_values_are_refused_since_labels_would_be_wrong(kind, loss):
    """An output near 0, as for a label of 0, is a probability of one half."""
    with pytest.raises(ValueError, match=r"brings the outputs near to 0 and 1.*activation='s"):
        fitted(kind, None, loss=loss)
