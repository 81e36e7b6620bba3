"""Every loss of Keras, for every kind of targets: trained, given its output, or refused."""

import keras
import numpy as np
import pytest
import sklearn.metrics as skm
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import PoissonRegressor

from skdl import DenseClassifier, DenseRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype(np.float32)
SCORES = X[:, :3] + 0.2 * RNG.normal(size=(120, 3))
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
TARGETS = {
    "binary": (SCORES[:, 0] > 0.3).astype(int),
    "multiclass": SCORES.argmax(axis=1),
    "multilabel": (SCORES > 0.3).astype(int),
    "value": SCORES[:, 0],
    "values": SCORES,
}
# Values in the range of the output layer that follows from a loss.
SUITED = {
    "BinaryCrossentropy": lambda y: 1 / (1 + np.exp(-y)),
    "KLDivergence": lambda y: SHARES,
    "MeanSquaredLogarithmicError": np.exp,
    "Poisson": np.exp,
}
LOSSES = {
    name: cls
    for name, cls in vars(keras.losses).items()
    if isinstance(cls, type) and issubclass(cls, keras.losses.Loss) and name != "Loss"
}
UNNAMED = {"CategoricalGeneralizedCrossEntropy"}  # Keras knows it as an object alone
OF_PROBABILITIES = "Dice Huber LogCosh MeanAbsoluteError MeanSquaredError Poisson Tversky"
OF_VALUES = """
    Huber LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
    BinaryCrossentropy MeanSquaredLogarithmicError Poisson
"""
TRAINED = {
    "binary": f"{OF_PROBABILITIES} BinaryCrossentropy BinaryFocalCrossentropy",
    "multiclass": f"""{OF_PROBABILITIES} CategoricalCrossentropy CategoricalFocalCrossentropy
        CategoricalGeneralizedCrossEntropy CategoricalHinge CosineSimilarity KLDivergence
        SparseCategoricalCrossentropy""",
    "multilabel": f"{OF_PROBABILITIES} BinaryCrossentropy BinaryFocalCrossentropy",
    "value": OF_VALUES,
    "values": f"{OF_VALUES} CosineSimilarity KLDivergence",
}
CASES = [(kind, name) for kind, names in TRAINED.items() for name in names.split()]


def estimator(kind, **parameters):
    cls = DenseRegressor if "value" in kind else DenseClassifier
    return cls((16,), **{"learning_rate": 0.03, "random_state": 0, "batch_size": 120} | parameters)


def trained(kind, name):
    """Fit with a loss; return the estimator, y and the outputs."""
    y = TARGETS[kind]
    y = SUITED[name](y) if "value" in kind and name in SUITED else y
    loss = LOSSES[name]() if name in UNNAMED else name
    net = estimator(kind, loss=loss, epochs=60).fit(X, y, X_val=X, y_val=y)
    return net, y, net.predict(X) if "value" in kind else net.predict_proba(X)


def check(kind, name):
    net, y, outputs = trained(kind, name)
    if kind == "binary":
        outputs = outputs[:, 1]
    Y, P = (np.asarray(a, np.float32) for a in (y, outputs))
    if "value" in kind:  # where y is standardised, losses are of standardised values
        Y, P = ((a - net.y_mean_) / net.y_scale_ for a in (Y, P))
    if kind == "multiclass" and name not in {
        "SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"
    }:  # fmt: skip
        Y = np.eye(3, dtype=np.float32)[y]
    if Y.ndim == P.ndim == 1:
        Y, P = Y[:, None], P[:, None]
    # Of arrays Keras takes the numbers alone, not what it notes of the layer that made them.
    expected = float(LOSSES[name]()(Y, P))
    assert_allclose(net.history_["val_loss"][-1], expected, rtol=1e-3, atol=1e-5)
    if "value" not in kind:
        labels = net.predict(X)
        assert np.mean(labels == y) > 0.85
    elif name == "CosineSimilarity":
        assert expected < -0.9  # of the size of outputs it says nothing
    else:
        assert skm.r2_score(y, outputs) > 0.5


QUICK = [("binary", "Poisson"), ("multiclass", "CategoricalGeneralizedCrossEntropy")]
QUICK += [("value", "BinaryCrossentropy"), ("values", "KLDivergence")]


@pytest.mark.parametrize(("kind", "name"), QUICK)
def test_losses_train_what_they_are_named_for(kind, name):
    check(kind, name)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case not in QUICK])
def test_all_losses_train_what_they_are_named_for(kind, name):
    check(kind, name)


def test_losses_without_a_meaning_are_refused_by_name():
    for kind in TARGETS:
        for name in LOSSES.keys() - set(TRAINED[kind].split()):
            given = [LOSSES[name](), LOSSES[name]]
            for loss in given if name in UNNAMED else [name, *given]:
                with pytest.raises(ValueError, match=r"loss=.* Use (loss='auto'|one of values)"):
                    estimator(kind, loss=loss).fit(X, TARGETS[kind])


def test_poisson_learns_the_logarithm_of_the_mean():
    rates = np.exp(0.8 * X[:, 0] - 0.3 * X[:, 1])
    y = RNG.poisson(rates)
    net = DenseRegressor((), loss="poisson", epochs=1500, learning_rate=0.02, random_state=0)
    net.set_params(batch_size=120).fit(X, y)
    reference = PoissonRegressor(alpha=0).fit(X, y)
    assert_allclose(net.predict(X), reference.predict(X), rtol=0.05)
    with pytest.raises(ValueError, match=r"y must hold values of at least 0.*received -"):
        net.fit(X, y - 1.0)
    with pytest.raises(ValueError, match="y_val must hold values of at least 0"):
        net.fit(X, y, X_val=X, y_val=y - 1.0)


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"output_activation": "sigmoid"}, 3 * SCORES, "from 0 to 1"),
        ({"output_activation": keras.activations.tanh}, 3 * SCORES, "from -1 to 1"),
        ({"output_activation": "softmax"}, SHARES / 2, "rows that sum to 1.*sums to 0.5"),
        ({"output_activation": "softmax"}, SCORES[:, 0], "only one. Use 'sigmoid'"),
        ({"loss": "kl_divergence"}, np.abs(SCORES[:, :1]), "sum to 1, and there is only one"),
        ({"loss": "binary_crossentropy"}, SCORES, "y must hold values from 0 to 1"),
        ({"loss": "poisson", "output_activation": "linear"}, SCORES, "needs outputs of at least 0"),
        ({"output_activation": "sigmoit"}, SCORES, "output_activation.*'sigmoid'"),
        ({"output_activation": "glu"}, SCORES[:, :2], r"output_activation='glu'.*makes \(1,\)"),
    ],
    ids=[f"case {number}" for number in range(9)],
)
def test_values_that_can_never_be_predicted_are_refused(parameters, y, message):
    with pytest.raises(ValueError, match=message):
        DenseRegressor(**parameters).fit(X, y)


@pytest.mark.parametrize(
    "activation",
    ["softplus", keras.activations.relu, keras.layers.ReLU(max_value=4.0)],
    ids=["name", "function", "layer"],
)
def test_outputs_are_of_the_activation_asked_for(activation):
    y = np.exp(SCORES[:, 0])
    net = DenseRegressor((4,), output_activation=activation, epochs=3, random_state=0).fit(X, y)
    assert net.predict(5 * X).min() >= 0
    hidden = net.model_.layers[-1]
    expected = keras.activations.get(activation)(
        net.predict(X)[:, None] * 0 + keras.Sequential(net.model_.layers[:-1]).predict(X, verbose=0)
        @ hidden.kernel.numpy() + hidden.bias.numpy()
    )  # fmt: skip
    assert_allclose(np.asarray(expected)[:, 0], net.predict(X), rtol=1e-4, atol=1e-6)


def test_changing_the_output_does_not_go_on():
    y = np.exp(SCORES[:, 0])
    net = DenseRegressor((4,), loss="poisson", epochs=1, random_state=0).fit(X, y)
    before = net.predict(X)
    net.set_params(output_activation="softplus")
    with pytest.raises(ValueError, match="cannot go on"):
        net.partial_fit(X, y)
    assert_array_equal(net.predict(X), before)
    net.set_params(output_activation="auto").partial_fit(X, y)
    assert net.n_iter_ == 2
    with pytest.raises(ValueError, match="y must hold values of at least 0"):
        net.partial_fit(X, -y)


@pytest.mark.slow
def test_losses_of_a_batch_cannot_weigh_rows():
    def mean_of_all(y_true, y_pred):
        return keras.ops.mean((y_true - y_pred) ** 2)

    weight, y = np.where(np.arange(120) % 2, 1.0, 3.0), TARGETS["binary"]
    for loss in ("dice", keras.losses.Tversky(), mean_of_all):
        net = estimator("binary", loss=loss, epochs=1)
        with pytest.raises(ValueError, match=r"loss=.*one number per batch.*weights of rows"):
            net.fit(X, y, sample_weight=weight)
        with pytest.raises(ValueError, match=r"loss=.*one number per batch.*weights of rows"):
            net.set_params(class_weight="balanced").fit(X, y)
        net.set_params(class_weight=None).fit(X, y, sample_weight=np.full(120, 2.0))
    estimator("binary", loss=keras.losses.Dice(axis=1), epochs=1).fit(X, y, sample_weight=weight)
    estimator("multiclass", loss="mae", epochs=1).fit(X, TARGETS["multiclass"], weight)
