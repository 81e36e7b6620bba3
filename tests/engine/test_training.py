"""The compiled engine trains what `Model.fit` trains, whichever program runs."""

import itertools

import keras
import numpy as np
import pytest
import scipy.sparse
from convolutions import train_as_keras_does
from numpy.testing import assert_allclose, assert_array_equal
from slow_cases import slow_but
from training_data import make_data

import skdl
from skdl import DenseClassifier, DenseRegressor, build_dense
from skdl._engine import device
from skdl._engine.compiled import programs
from skdl._engine.compiled.kernels import same_masks_under_xla

OPTIMIZERS = {
    "sgd_momentum": lambda: keras.optimizers.SGD(0.01, momentum=0.9),
    "rmsprop": lambda: "rmsprop",
    "adam": lambda: "adam",
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=5, decay_rate=0.8)
    ),
}
NETWORKS = {
    "plain": {},
    "dropout": {"dropout": 0.4},
    "batch_normalization": {"batch_normalization": True},
    "l1_l2": {"l1": 1e-3, "l2": 1e-2},
}
TARGETS = ("binary", "multiclass", "multilabel", "regression")


def reference(kind, network, optimizer, X, y, weight, epochs, batch_size):
    """Train with plain Keras, in the order of the rows."""
    n_outputs, activation, loss = {
        "binary": (1, "sigmoid", "binary_crossentropy"),
        "multiclass": (3, "softmax", "sparse_categorical_crossentropy"),
        "multilabel": (3, "sigmoid", "binary_crossentropy"),
        "regression": (1, "linear", "mse"),
    }[kind]
    model = build_dense((6,), n_outputs, activation, hidden_layer_sizes=(8, 5), seed=3, **network)
    metric = "mae" if kind == "regression" else "accuracy"
    if kind == "multilabel":  # Keras would compare the most probable labels
        metric = keras.metrics.BinaryAccuracy(name="accuracy")
    model.compile(optimizer, loss, metrics=[metric])
    scale = 1.0
    if kind == "regression":  # which standardises y, and measures in its units
        y = y - np.average(y.astype(float), weights=weight)
        scale = np.sqrt(np.average(y**2, weights=weight))
        y = y / scale
    if weight is not None:
        weight = (weight / weight.mean()).astype(np.float32)
    targets = y.reshape(len(y), -1).astype(np.float32) if kind != "multiclass" else y
    history = model.fit(
        X, targets, batch_size, epochs, sample_weight=weight, shuffle=False, verbose=0
    )
    errors = {name: scale * np.array(values) for name, values in history.history.items()}
    return model, errors | {"loss": history.history["loss"]}


def estimator(kind, network, optimizer, epochs, batch_size):
    cls = DenseRegressor if kind == "regression" else DenseClassifier
    return cls(
        (8, 5),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        shuffle=False,
        metrics=["mae" if kind == "regression" else "accuracy"],
        random_state=3,
        **network,
    )


@pytest.fixture
def use_program(monkeypatch):
    """Make every fit of a test use one program."""

    def use(program):
        monkeypatch.setattr(programs, "choose_program", lambda *args: program)

    return use


ROWS = tuple(itertools.product((False, True), (40, 43)))  # weighted or not, and how many


# Four factors of four values each in 16 cases, among which any two factors meet in all their
# values: a Graeco-Latin square, by addition and multiplication in the field of four elements.
PAIRWISE = [
    (network, optimizer, TARGETS[i ^ j], *ROWS[i ^ (0, 2, 3, 1)[j]])
    for i, network in enumerate(NETWORKS)
    for j, optimizer in enumerate(OPTIMIZERS)
]
# In every run, four of them in which each value of each factor occurs once.
USUAL = [PAIRWISE[4 * i + (0, 2, 3, 1)[i]] for i in range(4)]
EVERY = [
    (network, optimizer, kind, *rows)
    for network, optimizer, kind, rows in itertools.product(NETWORKS, OPTIMIZERS, TARGETS, ROWS)
]


def test_any_two_factors_meet_in_all_their_values():
    cases = [(*case[:3], case[3:]) for case in PAIRWISE]
    for one, other in itertools.combinations(range(4), 2):
        assert len({(case[one], case[other]) for case in cases}) == len(cases) == 16
    for values in zip(*((*case[:3], case[3:]) for case in USUAL), strict=True):
        assert len(set(values)) == len(USUAL) == 4


@pytest.mark.parametrize(
    ("network", "optimizer", "kind", "weighted", "n_rows"),
    [*USUAL, *(pytest.param(*case, marks=pytest.mark.slow) for case in EVERY if case not in USUAL)],
)
def test_trains_what_keras_trains(network, optimizer, kind, weighted, n_rows, use_program):
    """By every program, with and without weights, for whole and partial last batches."""
    make, network = OPTIMIZERS[optimizer], NETWORKS[network]
    X, y, weight = make_data(kind, n_rows)
    weight = weight if weighted else None
    model, history = reference(kind, network, make(), X, y, weight, 4, 8)
    outputs = model.predict(X, verbose=0)
    # A callback that needs every batch goes through `Model.fit` itself: one case of the rows.
    for program in ("xla", "graph", "keras")[: 3 if weighted and n_rows == 43 else 2]:
        net = estimator(kind, network, make(), 4, 8)
        if program == "keras":
            net.set_params(callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=_ignore)])
        use_program(program)
        net.fit(X, y, sample_weight=weight)
        assert net.training_program_ == program
        assert net.history_.keys() == history.keys(), program
        close = {"rtol": 2e-3, "atol": 2e-5, "err_msg": program}
        for key, values in history.items():
            assert_allclose(net.history_[key], values, **close)
        for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
            assert_allclose(ours, theirs, **close)
        assert_allclose(raw_outputs(net, kind, X), outputs, **close)


@pytest.mark.parametrize(
    ("n_rows", "batch_size"), slow_but([(300, 65)], [(70, 16), (810, 401), (300, 65)])
)
def test_trains_the_wide_layers_that_keras_trains(n_rows, batch_size, use_program):
    """Their products are ours, so that they do not depend on the number of threads."""
    X = np.random.default_rng(0).normal(size=(n_rows, 300)).astype(np.float32)
    y = np.arange(n_rows) % 3
    model = build_dense((300,), 3, "softmax", hidden_layer_sizes=(200, 5), l2=0.01, seed=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, y, batch_size, 2, shuffle=False, verbose=0)
    use_program("xla")
    net = DenseClassifier(
        (200, 5), l2=0.01, optimizer="sgd", epochs=2, batch_size=batch_size, shuffle=False,
        random_state=3,
    ).fit(X, y)  # fmt: skip
    for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"padding": "same", "strides": (1, 2), "batch_normalization": True},
        {"dilation_rate": 2, "filters": (3,), "dtype": "float64"},
        {"kernel_size": [(2, 3), (1, 1)], "activation": keras.layers.PReLU()},
    ],
    ids=str,
)
def test_trains_the_convolutions_that_keras_trains(network, digits):
    """Their gradients are ours, so that they do not depend on the number of threads."""
    train_as_keras_does({"pool_size": 1, **network}, digits)


def raw_outputs(net, kind, X):
    """Return an estimator's predictions as the network gives them."""
    if kind == "regression":
        return (net.predict(X)[:, None] - net.y_mean_) / net.y_scale_
    return net.predict_proba(X)[:, 1:] if kind == "binary" else net.predict_proba(X)


def _ignore(batch, logs):
    """Stand for a callback that needs every batch."""


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("shape", [(8, 8), (5, 3), (1, 7), (32, 100)])
def test_dropout_draws_the_same_masks_under_xla(rate, shape):
    import tensorflow as tf

    plain, patched = (keras.layers.Dropout(rate, seed=123) for _ in range(2))
    ones = tf.ones(shape)
    plain(ones), patched(ones)
    patched.call = same_masks_under_xla(patched)
    compiled = tf.function(lambda x: patched(x, training=True), jit_compile=True)
    for _ in range(3):
        assert_array_equal(compiled(ones).numpy(), plain(ones, training=True).numpy())


def test_sparse_rows_train_like_dense_rows():
    X, y, weight = make_data("multiclass", 101)
    X[np.abs(X) < 0.8] = 0
    nets = [
        DenseClassifier((8,), epochs=5, batch_size=16, random_state=0).fit(rows, y, weight)
        for rows in (X, scipy.sparse.csr_matrix(X))
    ]
    assert nets[1].training_program_ == "graph"
    assert_allclose(nets[0].predict_proba(X), nets[1].predict_proba(X), atol=1e-5)
    assert_allclose(
        nets[1].predict_proba(scipy.sparse.csr_array(X)), nets[1].predict_proba(X), atol=1e-6
    )
    assert_allclose(nets[0].history_["loss"], nets[1].history_["loss"], rtol=1e-4)


@pytest.mark.parametrize("program", slow_but(["graph"], ["xla", "graph"]))
def test_validation_is_measured_as_keras_measures_it(program, use_program):
    use_program(program)
    X, y, _ = make_data("multiclass", 60)
    net = estimator("multiclass", {"dropout": 0.3}, "adam", 3, 8).fit(X, y, X_val=X, y_val=y)
    loss, accuracy = net.model_.evaluate(X, y, verbose=0)
    assert_allclose(net.history_["val_loss"][-1], loss, rtol=1e-5)
    assert_allclose(net.history_["val_accuracy"][-1], accuracy, rtol=1e-6)
    model, _ = reference("multiclass", {"dropout": 0.3}, "adam", X, y, None, 3, 8)
    assert_allclose(net.history_["val_loss"][-1], model.evaluate(X, y, verbose=0)[0], rtol=1e-4)


def test_a_network_that_xla_cannot_compile_trains_as_a_graph():
    @keras.saving.register_keras_serializable("skdl_tests")
    def through_python(x):
        import tensorflow as tf

        return tf.ensure_shape(tf.numpy_function(np.tanh, [x], x.dtype), x.shape)

    @keras.saving.register_keras_serializable("skdl_tests")
    def loss(y_true, y_pred):
        import tensorflow as tf

        tf.numpy_function(lambda x: np.int64(0), [y_pred], tf.int64)
        weight = tf.ensure_shape(tf.numpy_function(np.ones_like, [y_pred], tf.float32), [None, 1])
        return keras.ops.mean(weight * (y_true - y_pred) ** 2, axis=-1)

    X, y, _ = make_data("regression", 320)
    net = DenseRegressor((4,), loss=loss, epochs=20, batch_size=10, random_state=0).fit(X, y)
    assert net.training_program_ == "graph"
    assert net.history_["loss"][-1] < net.history_["loss"][0]


def test_data_beyond_memory_go_through_model_fit(monkeypatch, tmp_path):
    X, y, _ = make_data("multiclass", 60)
    on_disk = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=X.shape)
    on_disk[:] = X
    monkeypatch.setattr(device, "memory_bytes", lambda: 1000)
    net = DenseClassifier((8,), epochs=3, batch_size=8, random_state=0).fit(on_disk, y)
    assert net.training_program_ == "keras"
    monkeypatch.undo()
    ours = DenseClassifier((8,), epochs=3, batch_size=8, random_state=0).fit(X, y)
    assert_allclose(net.predict_proba(X), ours.predict_proba(X), atol=1e-5)


def test_fitted_model_is_a_plain_keras_model(tmp_path):
    X, y, _ = make_data("multiclass", 100)
    net = DenseClassifier((8,), epochs=3, random_state=0).fit(X, y)
    expected = net.predict_proba(X)
    assert_allclose(net.model_.predict(X, verbose=0), expected, atol=1e-6)
    net.model_.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    assert_allclose(loaded.predict(X, verbose=0), expected, atol=1e-6)
    net.model_.fit(X, y, epochs=2, verbose=0)
    assert np.abs(net.predict_proba(X) - expected).max() > 1e-4
    assert_allclose(net.model_.predict(X, verbose=0), net.predict_proba(X), atol=1e-6)
    net.partial_fit(X, y)
    assert_allclose(net.model_.predict(X, verbose=0), net.predict_proba(X), atol=1e-6)


def test_a_row_is_predicted_alone_as_among_others(digits):
    X, y = digits
    net = DenseClassifier((64,), epochs=2, random_state=0).fit(X, y)
    together = net.predict_proba(X)
    for rows in (slice(0, 1), slice(5, 8), slice(3, 100), slice(0, 1003)):
        assert_array_equal(net.predict_proba(X[rows]), together[rows])


def test_version_is_public():
    assert skdl.__version__.count(".") == 2
