"""Every metric of Keras, for every kind of targets: the right number, or an error with a reason."""

import keras
import numpy as np
import pytest
import sklearn.metrics as skm
from numpy.testing import assert_allclose

from skdl import DenseClassifier, DenseRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
SCORES = X[:, :3] + 0.7 * RNG.normal(size=(90, 3))
TARGETS = {
    "binary": np.where(SCORES[:, 0] > 0.3, "yes", "no"),
    "multiclass": np.array(["a", "b", "c"])[SCORES.argmax(axis=1)],
    "multilabel": (SCORES > 0.3).astype(int),
    "value": SCORES[:, 0],
    "values": SCORES,
}
CLASSES = {
    name: cls
    for name, cls in vars(keras.metrics).items()
    if isinstance(cls, type)
    and issubclass(cls, keras.metrics.Metric)
    and name not in {"Metric", "MeanMetricWrapper"}  # bases of others
}
ARGUMENTS = {
    "FBetaScore": {"beta": 2.0},
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.6},
    "RecallAtPrecision": {"precision": 0.6},
    "SensitivityAtSpecificity": {"specificity": 0.6},
    "SpecificityAtSensitivity": {"sensitivity": 0.6},
    "SparseTopKCategoricalAccuracy": {"k": 2},
    "TopKCategoricalAccuracy": {"k": 2},
}


def metric(name):
    return CLASSES[name](**ARGUMENTS.get(name, {}), name=name)


# Independent values, from matrices Y of zeros and ones (or values) and P of outputs.


def counts(Y, P, threshold=0.5):
    """Return true negatives, false positives, false negatives and true positives of entries."""
    return skm.confusion_matrix(Y.ravel(), P.ravel() > threshold, labels=[0, 1]).ravel()


def best(Y, P, wanted, limited, least):
    """Return the best rate of one kind where another is at least so large, by thresholds."""
    found = []
    for threshold in np.linspace(0, 1, 200):
        tn, fp, fn, tp = counts(Y, P, threshold)
        rates = {
            "precision": tp / max(tp + fp, 1), "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp),
        }  # fmt: skip
        found.append(rates[wanted] if rates[limited] >= least else 0)
    return max(found)


def by_row(function):
    return lambda Y, P: np.mean([function(y, p) for y, p in zip(Y, P, strict=True)])


def concordance(y, p):
    covariance = np.mean((y - y.mean()) * (p - p.mean()))
    return 2 * covariance / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)


ENTRIES = {  # every entry of the matrices counts alike
    "AUC": lambda Y, P: skm.roc_auc_score(Y.ravel(), P.ravel()),
    "BinaryAccuracy": lambda Y, P: np.mean((P > 0.5) == Y),
    "BinaryIoU": lambda Y, P: np.mean(
        [skm.jaccard_score(Y.ravel(), P.ravel() > 0.5, pos_label=label) for label in (0, 1)]
    ),
    "FalseNegatives": lambda Y, P: counts(Y, P)[2],
    "FalsePositives": lambda Y, P: counts(Y, P)[1],
    "Precision": lambda Y, P: skm.precision_score(Y.ravel(), P.ravel() > 0.5),
    "PrecisionAtRecall": lambda Y, P: best(Y, P, "precision", "recall", 0.6),
    "Recall": lambda Y, P: skm.recall_score(Y.ravel(), P.ravel() > 0.5),
    "RecallAtPrecision": lambda Y, P: best(Y, P, "recall", "precision", 0.6),
    "SensitivityAtSpecificity": lambda Y, P: best(Y, P, "recall", "specificity", 0.6),
    "SpecificityAtSensitivity": lambda Y, P: best(Y, P, "specificity", "recall", 0.6),
    "TrueNegatives": lambda Y, P: counts(Y, P)[0],
    "TruePositives": lambda Y, P: counts(Y, P)[3],
}
LINEAR = {  # of any values
    "LogCoshError": lambda Y, P: np.mean(np.log(np.cosh(P - Y))),
    "MeanAbsoluteError": skm.mean_absolute_error,
    "MeanSquaredError": skm.mean_squared_error,
    "R2Score": skm.r2_score,
    "RootMeanSquaredError": lambda Y, P: np.sqrt(np.mean((Y - P) ** 2)),
}
BOUNDED = {  # of values from 0 to 1
    "BinaryCrossentropy": lambda Y, P: np.mean(-Y * np.log(P) - (1 - Y) * np.log(1 - P)),
    "MeanSquaredLogarithmicError": skm.mean_squared_log_error,
    "Poisson": lambda Y, P: np.mean(P - Y * np.log(P)),
}
COSINE = {"CosineSimilarity": by_row(lambda y, p: y @ p / max(np.sqrt(y @ y * (p @ p)), 1e-12))}
ROWS = {
    "ConcordanceCorrelation": by_row(concordance),
    "PearsonCorrelation": by_row(lambda y, p: np.corrcoef(y, p)[0, 1]),
}


def f_scores(average, pick=lambda M: M > 0.5):
    return {
        "F1Score": lambda Y, P: skm.f1_score(Y, pick(P), average=average),
        "FBetaScore": lambda Y, P: skm.fbeta_score(Y, pick(P), beta=2, average=average),
    }


def one_hot(P):
    return np.eye(P.shape[1])[P.argmax(axis=1)]


def jaccard(Y, P, ids=(0, 1, 2)):
    return skm.jaccard_score(Y, one_hot(P), average=None)[list(ids)].mean()


def accuracy(Y, P):
    return skm.accuracy_score(Y.argmax(axis=1), P.argmax(axis=1))


def top_two(Y, P):
    return skm.top_k_accuracy_score(Y.argmax(axis=1), P, k=2)


EXPECTED = {
    "binary": {**ENTRIES, **LINEAR, **BOUNDED, **f_scores("binary")},
    "multilabel": {**ENTRIES, **LINEAR, **BOUNDED, **COSINE, **f_scores(None)},
    "multiclass": {
        **ENTRIES, **LINEAR, **BOUNDED, **COSINE, **ROWS, **f_scores(None, one_hot),
        "CategoricalAccuracy": accuracy,
        "CategoricalCrossentropy": skm.log_loss,
        "CategoricalHinge": by_row(lambda y, p: max(0, p[y == 0].max() - p @ y + 1)),
        "IoU": lambda Y, P: jaccard(Y, P, (0, 2)),
        "KLDivergence": skm.log_loss,
        "MeanIoU": jaccard,
        "OneHotIoU": lambda Y, P: jaccard(Y, P, (0, 2)),
        "OneHotMeanIoU": jaccard,
        "TopKCategoricalAccuracy": top_two,
    },
    "multiclass, sparse": {
        "IoU": lambda Y, P: jaccard(Y, P, (0, 2)),
        "MeanIoU": jaccard,
        "SparseCategoricalAccuracy": accuracy,
        "SparseCategoricalCrossentropy": skm.log_loss,
        "SparseTopKCategoricalAccuracy": top_two,
    },
    "value": {**LINEAR, "MeanAbsolutePercentageError": lambda Y, P: (
        100 * skm.mean_absolute_percentage_error(Y, P)
    )},
}  # fmt: skip
EXPECTED["values"] = EXPECTED["value"] | COSINE | ROWS
del EXPECTED["multiclass"]["BinaryCrossentropy"]  # Keras computes it as if of sigmoids


def check_values(kind, names):
    """Compare metrics, as they are in the history, with their expected values."""
    y = TARGETS[kind.split(",")[0]]
    cls = DenseRegressor if "value" in kind else DenseClassifier
    net = cls((8,), metrics=[metric(name) for name in names], epochs=3, random_state=0)
    net.set_params(learning_rate=0.03).fit(X, y, X_val=X, y_val=y)
    if "value" in kind:
        Y, P = y.reshape(90, -1), net.predict(X).reshape(90, -1)
    else:
        P = net.predict_proba(X)[:, 1:] if kind == "binary" else net.predict_proba(X)
        columns = net.classes_[-P.shape[1] :]
        Y = y if kind == "multilabel" else (y[:, None] == columns).astype(float)
    found = {name: net.history_[f"val_{name}"][-1] for name in names}
    expected = {name: EXPECTED[kind][name](Y, P) for name in names}
    for name in names:
        tolerance = 0.01 if name == "AUC" else 1e-4
        assert_allclose(found[name], expected[name], atol=tolerance, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("kind", ["binary", "multilabel", "multiclass", "values"])
def test_metrics_of_labels_and_thresholds_have_the_value_that_they_are_named_for(kind):
    chosen = {"F1Score", "FBetaScore", "MeanIoU", "PearsonCorrelation", "R2Score"}
    check_values(kind, [name for name in EXPECTED[kind] if name in chosen])


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPECTED)
def test_metrics_have_the_value_that_they_are_named_for(kind):
    check_values(kind, list(EXPECTED[kind]))


REFUSED = [
    (kind, name)
    for kind in TARGETS
    for name in CLASSES
    if name not in {*EXPECTED[kind], *EXPECTED.get(f"{kind}, sparse", ())}
]


def test_metrics_without_a_meaning_are_refused_by_name():
    for kind, name in REFUSED:
        cls = DenseRegressor if "value" in kind else DenseClassifier
        net = cls(metrics=[metric(name)], epochs=1)
        if kind == "values" and name == "KLDivergence":
            reason = "needs outputs from 0 to 1"
        else:
            reason = "needs|averages|adds up|counts|compares|divides|is|asks|takes"
        with pytest.raises(ValueError, match=rf"metrics=<{name}.*({reason}).*Use "):
            net.fit(X, TARGETS[kind])


@pytest.mark.slow
def test_names_mean_the_same_as_objects():
    y = TARGETS["binary"]
    names = ["f1_score", "accuracy", "auc"]
    net = DenseClassifier((8,), metrics=names, epochs=3, random_state=0)
    net.fit(X, y, X_val=X, y_val=y)
    labels = net.predict(X)
    found = net.history_["val_f1_score"][-1]
    assert_allclose(found, skm.f1_score(y, labels, pos_label="yes"), rtol=1e-5)
    assert_allclose(net.history_["val_accuracy"][-1], net.score(X, y), rtol=1e-6)
    assert np.shape(net.history_["f1_score"]) == (3,)
    Y = TARGETS["multilabel"]
    config = {"class_name": "F1Score", "config": {"average": "macro"}}
    net.set_params(metrics=["Accuracy", config, keras.metrics.Precision])
    net.fit(X, Y, X_val=X, y_val=Y)
    assert_allclose(net.history_["val_Accuracy"][-1], np.mean(net.predict(X) == Y), rtol=1e-6)
    macro = skm.f1_score(Y, net.predict(X), average="macro")
    assert_allclose(net.history_["val_f1_score"][-1], macro, rtol=1e-5)
    assert net.metrics[1] is config
    assert config["config"] == {"average": "macro"}


def test_a_threshold_of_the_users_own_stays():
    y, f1 = TARGETS["binary"], keras.metrics.F1Score(threshold=0.3)
    net = DenseClassifier((8,), metrics=f1, epochs=1, random_state=0).fit(X, y, X_val=X, y_val=y)
    predicted = net.predict_proba(X)[:, 1] > 0.3
    found = net.history_["val_f1_score"][-1]
    assert_allclose(found, skm.f1_score(y == "yes", predicted), rtol=1e-5)
    assert (f1.threshold, f1.average) == (0.3, None)


def test_what_users_write_is_taken_as_it_is():
    class Twice(keras.metrics.Hinge):
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(y_true, 2 * y_pred)

    def own(y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)

    y = TARGETS["binary"]
    net = DenseClassifier((8,), metrics=[Twice(), own], epochs=1).fit(X, y, X_val=X, y_val=y)
    assert_allclose(net.history_["val_own"][-1], net.predict_proba(X)[:, 1].mean(), rtol=1e-5)
    assert "hinge" in net.history_


@pytest.mark.parametrize(
    ("kind", "wrong", "reason"),
    [
        ("binary", keras.metrics.BinaryCrossentropy(from_logits=True), "has from_logits=True"),
        ("binary", keras.metrics.Precision(class_id=1), "has class_id=1.*1 output unit"),
        ("multiclass", keras.metrics.Recall(class_id=3), "has class_id=3.*3 output unit"),
        ("binary", keras.metrics.Precision(top_k=1), "has top_k=1.*only one"),
        ("multiclass", keras.metrics.MeanIoU(num_classes=2), "num_classes=2.*y has 3 classes"),
        ("value", "accuracy", "is one of classes"),
        ("value", keras.metrics.Poisson(), "needs outputs of at least 0.*'exponential'"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(kind, wrong, reason):
    cls = DenseRegressor if kind == "value" else DenseClassifier
    with pytest.raises(ValueError, match=f"metrics=.*{reason}"):
        cls(metrics=wrong, epochs=1).fit(X, TARGETS[kind])
