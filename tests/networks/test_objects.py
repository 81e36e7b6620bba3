"""Keras objects and functions of users: trained as they are, shared only when alike."""

import threading

import keras
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from slow_cases import slow_but

from skdl import DenseClassifier, DenseRegressor, build_dense
from skdl._engine.compiled import store
from skdl._estimators.fit.hold_out import split
from skdl.exceptions import TargetsWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
VALUES = (X[:, 0] - X[:, 0].mean()) / X[:, 0].std()  # as regressors standardise them
LABELS = np.arange(60) % 3


def losses(**parameters):
    settings = {"epochs": 2, "random_state": 0}
    return DenseRegressor(**settings | parameters).fit(X, 10 * VALUES).history_["loss"]


class Scaled(keras.losses.Loss):
    """What users write: no get_config."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean((y_true - y_pred) ** 2, axis=-1)


class Weighted(Scaled):
    def __init__(self, weights):
        super().__init__()
        self.factor = float(weights[1000])
        self.weights = weights

    def get_config(self):
        return {"weights": self.weights}


@pytest.mark.slow
def test_loss_objects_keep_their_settings():
    assert losses(loss=keras.losses.Huber(1.0)) != losses(loss=keras.losses.Huber(0.1))
    assert_allclose(losses(loss=Scaled(5.0))[0], 5 * losses(loss=Scaled(1.0))[0], rtol=1e-5)
    flat = np.ones(3001)
    peak = flat.copy()
    peak[1000] = 50
    assert losses(loss=Weighted(flat)) != losses(loss=Weighted(peak))
    config = {"class_name": "Huber", "config": {"delta": 0.1}}
    assert_allclose(losses(loss=config), losses(loss=keras.losses.Huber(0.1)))


def test_loss_objects_match_keras():
    model = build_dense((5,), 1, hidden_layer_sizes=(100,), seed=0)
    model.compile("adam", keras.losses.Huber(0.1))
    history = model.fit(X, VALUES[:, None], 32, 2, shuffle=False, verbose=0)
    found = losses(loss=keras.losses.Huber(0.1), shuffle=False)
    assert_allclose(found, history.history["loss"], rtol=1e-5)


def test_objects_that_cannot_be_made_anew_are_refused():
    class Hasty(keras.optimizers.SGD):
        def __init__(self, learning_rate=0.01, factor=1.0, **kwargs):
            super().__init__(learning_rate, **kwargs)
            self.factor = factor

    with pytest.raises(ValueError, match=r"optimizer=.*get_config does not give back factor"):
        losses(optimizer=Hasty(factor=3.0))
    assert losses(optimizer=keras.optimizers.SGD(0.001, nesterov=True, momentum=0.5))


@pytest.mark.slow
def test_functions_are_read_as_they_are_now():
    class Holder:
        factor = 1.0

        def loss(self, y_true, y_pred):
            return self.factor * keras.ops.mean((y_true - y_pred) ** 2, axis=-1)

    holder = Holder()
    first = losses(loss=holder.loss)[0]
    holder.factor = 5.0
    assert_allclose(losses(loss=holder.loss)[0], 5 * first, rtol=1e-5)

    factor = 1.0

    def loss(y_true, y_pred):
        return factor * keras.ops.mean((y_true - y_pred) ** 2, axis=-1)

    assert_allclose(losses(loss=loss)[0], first, rtol=1e-5)
    factor = 5.0
    assert_allclose(losses(loss=loss)[0], 5 * first, rtol=1e-5)


def test_functions_that_stay_the_same_share_programs():
    def loss(y_true, y_pred):
        return keras.ops.mean((y_true - y_pred) ** 2, axis=-1)

    store.templates.clear()
    assert losses(loss=loss) == losses(loss=loss)
    assert len(store.templates) == 1


@pytest.mark.parametrize(
    "optimizer",
    slow_but(("sgd", "rmsprop", "adam"), [
        "sgd", "rmsprop", "adam", "adamw", "adadelta", "adagrad", "adamax", "adafactor", "nadam",
        "ftrl", "lion",
        keras.optimizers.Lamb(0.01),
        keras.optimizers.Adam(0.05, use_ema=True),
        keras.optimizers.ScheduleFreeAdamW(0.01),
        keras.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.5),
    ]),
    ids=lambda optimizer: optimizer if isinstance(optimizer, str) else optimizer.name,
)  # fmt: skip
def test_every_optimizer_trains_as_in_keras(optimizer):
    model = build_dense((5,), 1, hidden_layer_sizes=(6,), seed=3)
    if not isinstance(optimizer, str):
        copied = type(optimizer).from_config(optimizer.get_config())
    else:
        copied = optimizer
    model.compile(copied, "mse")
    model.optimizer.build(model.trainable_variables)
    model.fit(X, VALUES[:, None], 16, 3, shuffle=False, verbose=0)
    net = DenseRegressor(
        (6,), optimizer=optimizer, epochs=3, batch_size=16, shuffle=False, random_state=3
    ).fit(X, VALUES)
    for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_an_initialiser_without_a_seed_is_made_anew():
    nets = [
        DenseRegressor((4,), kernel_initializer=keras.initializers.HeNormal(), random_state=s)
        for s in (0, 0, 1)
    ]
    first, again, other = (net.set_params(epochs=1).fit(X, VALUES).predict(X) for net in nets)
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


@pytest.mark.parametrize(
    "initializer",
    slow_but(["zeros", "orthogonal"], ["zeros", "ones", "normal", "uniform", "orthogonal"]),
)
def test_initialisers_by_any_name(initializer):
    net = DenseRegressor((4,), kernel_initializer=initializer, dropout=0.2, epochs=1)
    reference = build_dense(
        (5,), 1, hidden_layer_sizes=4, kernel_initializer=initializer, dropout=0.2, seed=7
    )
    net.set_params(random_state=7, learning_rate=1e-12).fit(X, VALUES)
    for ours, theirs in zip(net.model_.get_weights(), reference.get_weights(), strict=True):
        if ours.dtype == np.float32:
            assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"optimizer": keras.optimizers.Adam},
            "optimizer must hold an object, received the class Adam",
        ),
        ({"optimizer": {"class_name": "Adma", "config": {}}}, "optimizer=.*Adma"),
        ({"metrics": [3]}, "metrics must be names.*3"),
        ({"kernel_initializer": print}, "kernel_initializer must be a name"),
        ({"callbacks": ["ModelCheckpoint"]}, "callbacks='ModelCheckpoint' cannot be given by name"),
        ({"loss": "get"}, "loss='get'"),
        ({"class_weight": {0: -1.0}}, r"class_weight=.*weights \[-1.0\]"),
        ({"class_weight": {"typo": 1.0}}, r"class_weight=.*unknown classes \['typo'\]"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, "class_weight=.*every row the weight 0"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_errors_name_the_parameter(parameters, message):
    net = DenseClassifier(epochs=1).fit(X, LABELS)
    before = net.predict_proba(X)
    with pytest.raises((TypeError, ValueError), match=message):
        net.set_params(**parameters).fit(X, LABELS)
    assert_array_equal(net.predict_proba(X), before)  # a fit that fails changes nothing


def test_a_fit_that_fails_leaves_the_estimator_as_it_was():
    net = DenseClassifier(epochs=1).fit(X, LABELS)
    before = dict(vars(net))
    with pytest.raises(ValueError, match="only one class"):
        net.fit(X[:, :3], np.zeros(60))
    assert vars(net) == before
    assert net.predict(X).shape == (60,)


def test_rows_whose_class_weighs_nothing_are_left_out():
    settings = {"batch_normalization": True, "epochs": 3, "random_state": 0}
    weighted = DenseClassifier(class_weight={2: 0.0}, **settings).fit(X, LABELS)
    weight = np.where(LABELS == 2, 0.0, 1.0)
    labels = np.where(LABELS == 2, 1, LABELS)
    moving = [w for w in weighted.model_.weights if "moving" in w.path]
    other = DenseClassifier(**settings).fit(X, labels, weight)
    others = [w for w in other.model_.weights if "moving" in w.path]
    assert [w.path for w in moving] == [w.path for w in others]
    assert_allclose(moving[0].numpy(), others[0].numpy(), atol=0.05)


def test_multilabel_targets_are_zeros_and_ones():
    Y = (X[:, :3] > 0).astype(int)
    net = DenseClassifier(epochs=1).fit(X, Y)
    for wrong in (7 * Y, Y - 3):
        with pytest.raises(ValueError, match="only 0 and 1"):
            net.partial_fit(X, wrong)
        with pytest.raises(ValueError, match="y_val must hold only 0 and 1"):
            net.fit(X, Y, X_val=X, y_val=wrong)


def test_a_column_of_labels_needs_classes_too():
    with pytest.raises(ValueError, match="classes must be given"):
        DenseClassifier(epochs=1).partial_fit(X[:2], LABELS[:2, None])


def test_histories_have_one_value_an_epoch():
    net = DenseRegressor(epochs=3, warm_start=True, random_state=0).fit(X, VALUES)
    net.fit(X, VALUES, X_val=X, y_val=VALUES).partial_fit(X, VALUES)
    assert {name: len(values) for name, values in net.history_.items()} == {
        "loss": 7,
        "val_loss": 7,
    }
    assert np.isnan(net.history_["val_loss"]).tolist() == [True] * 3 + [False] * 3 + [True]
    assert net.best_epoch_ in {4, 5, 6}


def test_early_stopping_of_a_warm_start_keeps_its_own_best_epoch():
    net = DenseRegressor(
        epochs=20, early_stopping=True, patience=3, warm_start=True, learning_rate=0.01,
        random_state=0,
    )  # fmt: skip
    held = {"X_val": X[40:], "y_val": VALUES[40:]}
    net.fit(X[:40], VALUES[:40], **held)
    net.set_params(learning_rate=1.0).fit(X[:40], VALUES[:40], **held)
    standardised = (VALUES[40:] - net.y_mean_) / net.y_scale_
    found = net.model_.evaluate(X[40:], standardised, verbose=0)
    assert_allclose(found, net.history_["val_loss"][net.best_epoch_ - 1], rtol=1e-4)


def test_going_on_keeps_a_rate_that_a_callback_set():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    net = DenseRegressor(epochs=2, callbacks=[schedule], learning_rate=0.1, warm_start=True)
    net.fit(X, VALUES)
    net.set_params(callbacks=None).fit(X, VALUES)
    assert_allclose(float(net.model_.optimizer.learning_rate), 0.025, rtol=1e-6)
    assert_allclose(net.history_["learning_rate"][:2], [0.05, 0.025], rtol=1e-6)


@pytest.mark.parametrize(
    "changed", [{"optimizer": "adagrad"}, {"activation": "tanh"}, {"dtype": "float64"}], ids=str
)
def test_going_on_refuses_what_does_not_go_on(changed):
    for go_on in ("fit", "partial_fit"):
        net = DenseRegressor(epochs=1, warm_start=True).fit(X, VALUES).set_params(**changed)
        with pytest.raises(ValueError, match="cannot go on"):
            getattr(net, go_on)(X, VALUES)


def test_sparse_and_dense_rows_may_meet_in_validation():
    sparse = scipy.sparse.csr_array(X)
    one = DenseRegressor(epochs=2, random_state=0).fit(sparse, VALUES, X_val=X, y_val=VALUES)
    two = DenseRegressor(epochs=2, random_state=0).fit(X, VALUES, X_val=sparse, y_val=VALUES)
    assert_allclose(one.history_["val_loss"], two.history_["val_loss"], rtol=1e-4)


def test_rare_classes_are_held_out_too():
    labels = np.array(["a"] * 195 + ["b"] * 3 + ["c"] * 2)
    rows = RNG.normal(size=(200, 3))
    net = DenseClassifier(early_stopping=True, epochs=1, random_state=0)
    kept, held = split(labels, len(labels), net.validation_split, net.early_stopping, 0)
    assert set(labels[held]) == set(labels[kept]) == {"a", "b", "c"}
    assert len(np.union1d(kept, held)) == 200
    assert net.fit(rows, labels).n_iter_ == 1


def test_extreme_weights():
    for weight in (1e308, 1e-320):
        net = DenseRegressor(epochs=2, random_state=0)
        scaled = net.fit(X, VALUES, np.full(60, weight)).predict(X)
        assert_array_equal(scaled, net.fit(X, VALUES).predict(X))


def test_a_validation_loss_that_is_not_finite_is_an_error():
    far = pytest.warns(TargetsWarning, match="y_val has the median")
    with far, pytest.raises(ValueError, match="validation loss became NaN or infinite"):
        DenseRegressor(epochs=1).fit(X, VALUES, X_val=X, y_val=1e30 * VALUES)


def test_sizes_of_full_batches_share_a_program():
    store.templates.clear()
    for n_rows in range(40, 50):
        DenseRegressor((4,), batch_size=1000, epochs=100).fit(X[:n_rows], VALUES[:n_rows])
    (template,) = store.templates._templates.values()
    assert len(template._programs) == 1


def test_threads_predict_with_one_loaded_estimator():
    import pickle

    net = DenseRegressor(epochs=1, random_state=0).fit(X, VALUES)
    expected, found, models = net.predict(X), [], set()
    for _ in range(5):
        loaded = pickle.loads(pickle.dumps(net))

        def work(loaded=loaded):
            found.append(loaded.predict(X))
            models.add((id(loaded), id(loaded.model_)))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 40
    assert len(models) == 5
    for outputs in found:
        assert_array_equal(outputs, expected)
