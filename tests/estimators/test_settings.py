"""Settings of the process and the thread change no bit of a network, and are left as they are."""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import tensorflow as tf
from sklearn.pipeline import make_pipeline

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    ImageReshaper,
    OneHotTextVectorizer,
    PretrainedFeatureClassifier,
    PretrainedFeatureExtractor,
    TextBoWClassifier,
    build_convnet,
    load,
    save,
)
from skdl._engine.compiled.store import templates
from skdl._networks.keras import global_state, keras

config, optimizer = keras.config, tf.config.optimizer
TEXTS = ["a fine film", "what a bad plot", "bad, bad film", "fine actors, fine plot"] * 5
OPTIONS = {"constant_folding": False, "remapping": False, "disable_meta_optimizer": True}


class OfBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


@contextlib.contextmanager
def set_to(set_, get, value):
    before = get()
    set_(value)
    try:
        yield
        assert get() == value
    finally:
        set_(before)


@contextlib.contextmanager
def policy(name):
    before = global_state.get_global_attribute("dtype_policy")
    config.set_dtype_policy(name)
    try:
        yield
        assert config.dtype_policy().name == name
    finally:
        global_state.set_global_attribute("dtype_policy", before)


@contextlib.contextmanager
def graph_options():
    optimizer.set_experimental_options(OPTIONS)
    try:
        yield
        assert OPTIONS.items() <= optimizer.get_experimental_options().items()
    finally:
        optimizer.set_experimental_options({name: not value for name, value in OPTIONS.items()})


@contextlib.contextmanager
def texts_as_objects():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The 'future.infer_string' option")
        with pd.option_context("future.infer_string", False):
            yield


def context(**settings):
    return lambda: sklearn.config_context(**settings)


SETTINGS = {
    "float64": lambda: set_to(config.set_floatx, config.floatx, "float64"),
    "float16": lambda: set_to(config.set_floatx, config.floatx, "float16"),
    "epsilon": lambda: set_to(config.set_epsilon, config.epsilon, 1e-2),
    "channels_first": lambda: set_to(
        config.set_image_data_format, config.image_data_format, "channels_first"
    ),
    "max_epochs": lambda: set_to(config.set_max_epochs, config.max_epochs, 1),
    "max_steps": lambda: set_to(config.set_max_steps_per_epoch, config.max_steps_per_epoch, 1),
    "mixed_float16": lambda: policy("mixed_float16"),
    "float64 policy": lambda: policy("float64"),
    "remat": lambda: keras.RematScope(mode="full"),
    "eagerly": lambda: set_to(
        tf.config.run_functions_eagerly, tf.config.functions_run_eagerly, True
    ),
    "jit": lambda: set_to(optimizer.set_jit, optimizer.get_jit, "autoclustering"),
    "graph options": graph_options,
    "tape": tf.GradientTape,
    "cpu": lambda: tf.device("/CPU:0"),
    "errstate": lambda: np.errstate(all="raise"),
    "pandas": context(transform_output="pandas"),
    "assume_finite": context(assume_finite=True),
    "routing": context(enable_metadata_routing=True),
    "working_memory": context(working_memory=1),
    "no validation": context(skip_parameter_validation=True),
    "objects": texts_as_objects,
    "warnings": lambda: warnings.catch_warnings(action="error"),
}

if "sparse_interface" in sklearn.get_config():  # since scikit-learn 1.9
    SETTINGS["sparray"] = context(sparse_interface="sparray")


@pytest.fixture
def networks(iris, digits):
    """Estimators, one a program and kind of input, with their data."""
    X, y = iris
    quick = {"hidden_layer_sizes": 4, "epochs": 2, "random_state": 0}
    graph = {"dropout": 0.2, "l2": 0.01, "metrics": ["accuracy", "auc"], "early_stopping": True}
    images, labels = digits[0][:80], digits[1][:80]
    convolutions = {"batch_normalization": True, "augmentation": {"rotation": 0.1}}
    return {
        "graph": (DenseClassifier(**quick, **graph), X, (y > 0) * 1),
        "xla": (DenseRegressor(**quick | {"epochs": 10}, batch_size=4), X, y),
        "keras": (DenseClassifier(**quick, callbacks=[OfBatches()]), X, y),
        "images": (ConvNetClassifier((3,), **quick, **convolutions), images, labels),
        "texts": (TextBoWClassifier(**quick), pd.Series(TEXTS), ["good", "bad", "bad", "good"] * 5),
    }


def bits(networks):
    """Return all that fits and predictions give, from programs that are traced anew."""
    found = {}
    for name, (estimator, X, y) in networks.items():
        templates.clear()
        estimator = sklearn.clone(estimator).fit(X, y)
        weights = [weights.tobytes() for weights in estimator.model_.get_weights()]
        method = getattr(estimator, "predict_proba", estimator.predict)
        again = pickle.loads(pickle.dumps(estimator))
        found[name] = [
            weights,
            estimator.history_,
            method(X).tobytes(),
            again.predict(X).tobytes(),
        ]
    return found


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def expected(networks, known):
    """What the networks give under no setting, computed once."""
    if not known:
        known.update(bits(networks))
    return known


TOGETHER = sorted(SETTINGS.keys() - {"float16", "float64 policy", "cpu"})


@pytest.mark.slow
def test_no_setting_changes_a_bit(networks, expected):
    with contextlib.ExitStack() as stack:
        for name in TOGETHER:
            stack.enter_context(SETTINGS[name]())
        texts, _, y = networks["texts"]
        networks["texts"] = texts, pd.Series(TEXTS), y
        assert bits(networks) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_alone(networks, expected, name):
    with SETTINGS[name]():
        assert bits(networks) == expected


def test_settings_between_fit_and_predict(networks, expected):
    estimator, X, y = networks["graph"]
    with SETTINGS["float64"]():
        estimator.fit(X, y)
    templates.clear()
    with SETTINGS["float16"](), SETTINGS["epsilon"]():
        assert estimator.predict_proba(X).tobytes() == expected["graph"][2]


@pytest.mark.slow
def test_files_are_read_under_any_setting(networks, expected, tmp_path):
    pytest.importorskip("skops")
    estimator, X, y = networks["images"]
    with SETTINGS["float64"](), SETTINGS["channels_first"]():
        save(estimator.fit(X, y), tmp_path / "net.skdl")
    templates.clear()
    with SETTINGS["mixed_float16"]():
        assert load(tmp_path / "net.skdl").predict_proba(X).tobytes() == expected["images"][2]


def test_no_policy_is_left_behind(networks):
    """Keras makes one on first use and keeps it, whatever `set_floatx` says later."""
    estimator, X, y = networks["graph"]
    seen = []

    def work():
        estimator.fit(X, y).predict(X)
        with SETTINGS["float64"]():
            seen.append(keras.layers.Dense(1).compute_dtype)

    thread = threading.Thread(target=work)  # which has no policy yet
    thread.start()
    thread.join()
    assert seen == ["float64"]


def test_threads_with_settings_of_their_own(networks, expected):
    estimator, X, y = networks["xla"]
    templates.clear()
    found, barrier = {}, threading.Barrier(3)

    def work(name):
        net = sklearn.clone(estimator)
        with sklearn.config_context(assume_finite=True), policy(name):
            barrier.wait()
            config.set_floatx(name)
            found[name] = net.fit(X, y).predict(X).tobytes()

    threads = [threading.Thread(target=work, args=[n]) for n in ("float16", "float32", "float64")]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(found.values()) == {expected["xla"][2]}
        assert config.floatx() in found  # what one of them has set, not a value of ours
        config.set_floatx("float64")
        estimator.fit(X, y)
        assert config.floatx() == "float64"
    finally:
        config.set_floatx("float32")


def test_a_setting_made_during_a_fit_stays(iris):
    class Sets(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            config.set_floatx("float32")  # what the fit has set, but now on purpose

    with SETTINGS["float64"](), contextlib.suppress(AssertionError):
        DenseClassifier(2, epochs=1, callbacks=[Sets()], random_state=0).fit(*iris)
        assert config.floatx() == "float32"
        config.set_floatx("float64")


@pytest.mark.slow
def test_settings_file_of_a_user(tmp_path):
    (tmp_path / "keras.json").write_text(
        json.dumps(
            {
                "floatx": "float64",
                "epsilon": 1e-3,
                "image_data_format": "channels_first",
                "backend": "tensorflow",
            }
        )
    )
    code = (
        "import numpy as np, skdl, keras\n"
        "X, y = np.arange(2560.0).reshape(40, 64) % 7, np.arange(40) % 2\n"
        "net = skdl.ConvNetClassifier((3,), hidden_layer_sizes=4, epochs=2, random_state=0)\n"
        "print(net.fit(X, y).predict_proba(X).tobytes().hex())\n"
        "assert keras.config.floatx() == 'float64' or {given!r} is None\n"
    )
    X, y = np.arange(2560.0).reshape(40, 64) % 7, np.arange(40) % 2
    net = ConvNetClassifier((3,), hidden_layer_sizes=4, epochs=2, random_state=0).fit(X, y)
    done = subprocess.run(
        [sys.executable, "-c", code.format(given="file")],
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [net.predict_proba(X).tobytes().hex()]


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_sparse_words_in_no_container(container):
    """Also where polars is not installed: nothing is put in a container."""
    y = ["good", "bad", "bad", "good"] * 5
    net = TextBoWClassifier(epochs=1, random_state=0).fit(TEXTS, y)
    words = OneHotTextVectorizer().fit_transform(TEXTS)
    with sklearn.config_context(transform_output=container):
        again = sklearn.clone(net).fit(TEXTS, y)
        assert (again.predict_proba(TEXTS) == net.predict_proba(TEXTS)).all()
        found = OneHotTextVectorizer().fit(TEXTS).transform(TEXTS)
        assert (found != words).nnz == 0
        pipeline = make_pipeline(OneHotTextVectorizer(), DenseClassifier(4, epochs=1))
        assert pipeline.fit(TEXTS, y).predict(TEXTS).shape == (20,)
    assert not hasattr(OneHotTextVectorizer(), "set_output")


def test_features_come_in_the_container_that_is_asked_for(digits):
    X, y = digits[0][:20], digits[1][:20]
    base = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3)], name="base")
    head = PretrainedFeatureClassifier(base, pooling="avg", epochs=1, random_state=0)
    expected = sklearn.clone(head).fit(X, y).predict_proba(X)
    with sklearn.config_context(transform_output="pandas"):
        features = PretrainedFeatureExtractor(base, pooling="avg").fit_transform(X)
        assert isinstance(features, pd.DataFrame)
        assert (sklearn.clone(head).fit(X, y).predict_proba(X) == expected).all()


@pytest.mark.slow
def test_named_backbones_where_channels_come_first(digits):
    X = np.random.default_rng(0).random((4, 32, 32, 3)).astype("float32")
    arguments = {"weights": None, "pooling": "avg", "random_state": 0}
    expected = PretrainedFeatureExtractor("MobileNetV2", **arguments).fit_transform(X)
    templates.clear()
    with SETTINGS["channels_first"](), SETTINGS["float64"]():
        found = PretrainedFeatureExtractor("MobileNetV2", **arguments).fit_transform(X)
    assert found.tobytes() == expected.tobytes()


def test_builders_know_no_settings():
    def built():
        return build_convnet((8, 8, 1), 2, filters=(3,), seed=0)

    expected = built()
    with SETTINGS["channels_first"](), SETTINGS["float64"](), SETTINGS["mixed_float16"]():
        found = built()
    assert found.get_config() == expected.get_config()
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("program", ["graph", "keras"])
def test_numbers_that_underflow(iris, program):
    """In inputs, weights of rows, class weights and targets, as NumPy takes them by default."""
    X, y = iris
    tiny = np.where(np.arange(150) % 2, 1.0, 1e-300)
    callbacks = [OfBatches()] if program == "keras" else None
    net = DenseClassifier(4, epochs=1, callbacks=callbacks, random_state=0)
    net.set_params(class_weight={0: 1e-200}, validation_split=0.2)
    values = DenseRegressor(4, epochs=1, callbacks=callbacks, random_state=0)

    def results():
        yield net.fit(X * 1e-42, y, sample_weight=tiny).predict_proba(X * 1e-42)
        yield net.predict_log_proba(X)
        yield net.partial_fit(X, y, sample_weight=tiny).predict(X)
        yield values.fit(X, y * 1e-310).predict(X)
        yield ImageReshaper((2, 2), rescale=1e-30).fit_transform(X * 1e-20)
        yield ImageReshaper((2, 2)).fit(X).inverse_transform(X.reshape(-1, 2, 2) * 1e-44)

    expected = [*results()]
    with np.errstate(all="raise"):
        found = [*results()]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_eager_execution_is_asked_for(iris):
    net = DenseClassifier(2, epochs=1, random_state=0).fit(*iris)
    with tf.Graph().as_default():
        with pytest.raises(RuntimeError, match="eager execution"):
            DenseClassifier(2).fit(*iris)
        with pytest.raises(RuntimeError, match="eager execution"):
            net.predict(iris[0])
    net.predict(iris[0])
