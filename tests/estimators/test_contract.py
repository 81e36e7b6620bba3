"""What every public estimator promises beyond scikit-learn's checks."""

import copy
import pickle
import subprocess
import sys
import textwrap
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from every_estimator import DEFAULTS, data, each, outputs, quick
from numpy.testing import assert_array_equal
from registry import configured
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.preprocessing import StandardScaler
from slow_cases import slow_but

import skdl

ALL = [pytest.param(e, id=f"{type(e).__name__}-{name}") for name, e in configured()]
CLASSIFIERS = [e for e in DEFAULTS if is_classifier(e)]
REGRESSORS = [e for e in DEFAULTS if is_regressor(e)]
each_configured = pytest.mark.parametrize("estimator", ALL)
each_classifier = pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: type(e).__name__)
each_regressor = pytest.mark.parametrize("estimator", REGRESSORS, ids=lambda e: type(e).__name__)


@each
def test_kind_is_known(estimator):
    assert is_classifier(estimator) != is_regressor(estimator)


@each
def test_public_module(estimator):
    assert type(estimator).__module__ == "skdl"


@each_configured
def test_clone_equals_in_every_parameter(estimator):
    copied = clone(estimator)
    assert repr(copied.get_params()) == repr(estimator.get_params())
    for name, value in estimator.get_params().items():
        assert clone(estimator).set_params(**{name: value}).get_params()[name] is value


@each_classifier
def test_sorted_labels_are_stratified(estimator):
    X, y = data(estimator)
    order = np.argsort(y)
    scores = cross_val_score(quick(estimator, epochs=30), X[order], y[order], cv=3)
    assert scores.min() > 0.6


@each_classifier
@pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss"])
def test_scorers_of_probabilities(estimator, scoring):
    X, y = data(estimator)
    y = np.where(y == "a", "yes", "no")
    scores = cross_val_score(quick(estimator, epochs=20), X, y, cv=2, scoring=scoring)
    assert scores.min() > (-0.7 if scoring == "neg_log_loss" else 0.7)


@each_classifier
def test_under_other_estimators(estimator):
    X, y = data(estimator)
    net = quick(estimator, epochs=40)
    for outer in (
        CalibratedClassifierCV(net, cv=2),
        StackingClassifier([("net", net)], LogisticRegression(), cv=2),
        BaggingClassifier(net, n_estimators=2, random_state=0),
    ):
        assert outer.fit(X, y).score(X, y) > 0.6, outer


@each_regressor
def test_under_other_regressors(estimator):
    X, y = data(estimator)
    net = quick(estimator, epochs=30)
    several = MultiOutputRegressor(net).fit(X, np.c_[y, -y]).predict(X)
    assert several.shape == (90, 2)
    scaled = TransformedTargetRegressor(net, transformer=StandardScaler()).fit(X, 1000 + 100 * y)
    assert abs(scaled.predict(X).mean() - 1100) < 50


@each
def test_searches(estimator):
    X, y = data(estimator)
    search = HalvingGridSearchCV(
        quick(estimator),
        {"learning_rate": [0.01, 1e-6], "hidden_layer_sizes": [(8,), (4, 4)]},
        resource="epochs",
        max_resources=8,
        min_resources=2,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.best_params_["learning_rate"] == 0.01
    assert search.best_estimator_.n_iter_ == search.best_params_["epochs"]
    grid = GridSearchCV(quick(estimator), {"epochs": [1, 2]}, cv=2).fit(X, y)
    assert grid.best_estimator_.n_iter_ == grid.best_params_["epochs"]
    assert len(cross_val_predict(quick(estimator), X, y, cv=2)) == len(y)


@each_classifier
def test_probabilities_of_one_row(estimator):
    X, y = data(estimator)
    for labels, n_classes in ((y, 3), (y == "a", 2)):
        net = quick(estimator).fit(X, labels)
        one = net.predict_proba(X[:1])
        assert one.shape == (1, n_classes)
        assert one.dtype == np.float64
        assert_array_equal(one, net.predict_proba(X)[:1])
        np.testing.assert_allclose(net.predict_proba(X).sum(1), 1, rtol=0, atol=1e-15)
        assert net.predict(X[:1]).shape == (1,)


@each
def test_reordered_columns_are_refused(estimator):
    X, y = data(estimator)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(16)])
    net = quick(estimator).fit(frame, y)
    assert list(net.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[frame.columns[::-1]])


@each
def test_what_the_caller_gave_is_left_as_found(estimator):
    X, y = data(estimator)
    weight = np.linspace(0, 2, len(y))
    callbacks = [keras.callbacks.EarlyStopping("loss", patience=1)]
    optimizer = keras.optimizers.Adam(0.01)
    parameters = {"callbacks": callbacks, "optimizer": optimizer}
    if is_classifier(estimator):
        parameters["class_weight"] = {"a": 2.0, "b": 1.0, "c": 0.5}
    before = copy.deepcopy([X, y, weight, parameters.get("class_weight")])
    net = clone(estimator).set_params(epochs=3, **parameters)
    kept = net.get_params()
    net.fit(X, y, sample_weight=weight, X_val=X, y_val=y)
    for left, right in zip(before[:3], [X, y, weight], strict=True):
        assert_array_equal(left, right)
    assert before[3] == parameters.get("class_weight")
    assert len(callbacks) == 1
    assert not optimizer.built
    assert all(net.get_params()[name] is value for name, value in kept.items())
    readonly = [np.array(a) for a in (X, y, weight)]
    for array in readonly:
        array.flags.writeable = False
    quick(estimator).fit(readonly[0], readonly[1], sample_weight=readonly[2]).predict(readonly[0])


@each
def test_dtypes_of_data_mix(estimator):
    X, y = data(estimator)
    X = np.round(X)
    expected = outputs(quick(estimator).fit(X, y), X)
    for at_fit, at_predict in [
        (np.float64, np.float32), (np.float32, np.float64), (np.int64, np.float64),
        (np.int8, np.int32),
    ]:  # fmt: skip
        net = quick(estimator).fit(X.astype(at_fit), y)
        assert_array_equal(outputs(net, X.astype(at_predict)), expected)
    net = quick(estimator).fit(X > 0, y)
    assert_array_equal(outputs(net, (X > 0).astype(float)), outputs(net, X > 0))


@each
@pytest.mark.parametrize("dtype", slow_but(["bfloat16"], ["float64", "mixed_bfloat16", "bfloat16"]))
def test_dtype_of_the_network(estimator, dtype):
    X, y = data(estimator)
    # Adam's second decay, 0.999, rounds to 1 in bfloat16 and stops it.
    settings = {"optimizer": "rmsprop", "learning_rate": 0.01, "epochs": 15}
    net = quick(estimator, dtype=dtype, **settings).fit(X, y)
    assert net.score(X, y) > 0.3
    assert net.predict(X).dtype == (y.dtype if is_classifier(net) else np.float64)
    if is_classifier(net):
        assert net.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize(
    "dtype", slow_but(["float32", "bfloat16"], ["float32", "float64", "mixed_bfloat16", "bfloat16"])
)
def test_penalties_shrink_weights_in_any_dtype(dtype, iris):
    """Keras itself fails to add penalties of another dtype than float32 to the loss."""
    settings = {"hidden_layer_sizes": (), "optimizer": "sgd", "dtype": dtype, "random_state": 0}
    settings["epochs"] = 40  # so few that XLA need not compile
    sizes = [
        np.abs(skdl.DenseClassifier(**settings, **penalty).fit(*iris).model_.get_weights()[0]).sum()
        for penalty in ({}, {"l2": 0.1}, {"l1": 0.1, "l2": 0.1})
    ]
    assert sizes[2] < sizes[1] < sizes[0]


@each
def test_nothing_is_printed(estimator, capfd):
    X, y = data(estimator)
    net = quick(estimator, epochs=30).fit(X, y)
    net.predict(X)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.processes
def test_import_loads_no_backend_and_starts_silently():
    script = """
        import sys, time
        import numpy
        started = time.perf_counter()
        import skdl
        loaded = {name.split(".")[0] for name in sys.modules}
        assert not loaded & {"tensorflow", "keras", "scikeras"}, loaded
        from skdl import DenseClassifier
        from sklearn.base import clone
        clone(DenseClassifier()).get_params()
        assert not {"tensorflow", "keras", "scikeras"} & {n.split(".")[0] for n in sys.modules}
        DenseClassifier(epochs=60, batch_size=2).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert done.stdout == done.stderr == ""


@each
def test_summary(estimator, capsys):
    X, y = data(estimator)
    net = quick(estimator)
    with pytest.raises(ValueError, match=r"summary\(X, y\)"):
        net.summary()
    net.summary(X, y)
    before = capsys.readouterr().out
    assert "Total params" in before
    assert not hasattr(net, "n_features_in_")
    net.fit(X, y).summary()
    after = capsys.readouterr().out
    assert "output" in after
    assert f"{net.model_.count_params():,}" in before


@each
def test_callbacks_by_name_and_as_objects(estimator):
    X, y = data(estimator)
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    net = quick(estimator, callbacks=[callback, "TerminateOnNaN"]).fit(X, y)
    assert seen == [0, 1, 2, 3]
    assert net.training_program_ == "keras"  # TerminateOnNaN looks at every batch
    net = quick(estimator, callbacks=callback).fit(X, y)
    assert net.training_program_ in {"xla", "graph"}
    with pytest.raises(TypeError, match="callbacks must be Keras callbacks"):
        quick(estimator, callbacks=[print]).fit(X, y)
    with pytest.raises(ValueError, match="EarlyStopping"):
        quick(estimator, callbacks=["EarlyStoping"]).fit(X, y)


@each
def test_unfitted_estimators_pickle_and_raise(estimator):
    X, _ = data(estimator)
    loaded = pickle.loads(pickle.dumps(clone(estimator)))
    with pytest.raises(ValueError, match="not fitted"):
        loaded.predict(X)
    with pytest.raises(AttributeError, match="call fit"):
        loaded.model_  # noqa: B018
    assert not hasattr(loaded, "model_")


@each
def test_verbose_says_the_program_and_every_epoch(estimator, capsys):
    X, y = data(estimator)
    net = quick(estimator, verbose=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert repr(net.training_program_) in lines[0]
    assert len(lines) == 5
    assert "epoch 4: loss" in lines[-1]
    quick(estimator, verbose=1).fit(X, y)
    (line,) = capsys.readouterr().out.splitlines()
    assert "epoch 4: loss" in line


@each
def test_memory_is_given_back(estimator):
    import gc
    import weakref

    X, y = data(estimator)
    net = quick(estimator).fit(X, y)
    network = weakref.ref(net._network)
    variable = weakref.ref(net._network.state[0])
    del net
    gc.collect()
    assert network() is None
    assert variable() is None


@each
def test_early_stopping_inside_a_search_warns_nothing(estimator):
    X, y = data(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(
            quick(estimator, early_stopping=True, epochs=20), {"patience": [1, 3]}, cv=2
        )
        assert search.fit(X, y).best_estimator_.best_epoch_ >= 1
