"""`PretrainedFeatureClassifier` in phases, and going on from one fit to the next."""

import pickle

import keras
import pytest
from backbones import tiny
from numpy.testing import assert_allclose, assert_array_equal
from tiny_pretrained import IMAGES, LABELS, TRAININGS, net

import skdl


@pytest.mark.slow
def test_the_second_phase_has_its_own_rate():
    fitted = net(training="fine_tune", learning_rate=0.5, optimizer="rmsprop").fit(IMAGES, LABELS)
    assert float(fitted.model_.optimizer.learning_rate) == pytest.approx(1e-3)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    fitted.set_params(optimizer=keras.optimizers.SGD(schedule), learning_rate=None)
    fitted.fit(IMAGES, LABELS)
    assert float(fitted.model_.optimizer.learning_rate) == pytest.approx(1e-3)


@pytest.mark.parametrize("training", TRAININGS)
def test_going_on(training):
    fitted = net(training=training, warm_start=True).fit(IMAGES, LABELS)
    phases = fitted.phases_
    fitted.partial_fit(IMAGES, LABELS)
    assert fitted.phases_ == [*phases, phases[-1]]
    fitted.fit(IMAGES, LABELS)
    more = 2 if training == "fine_tune" else 3
    assert fitted.phases_ == [*phases, *(1 + more) * [phases[-1]]]
    assert len(fitted.history_["loss"]) == len(fitted.phases_)
    assert_allclose(
        fitted.model_.predict(IMAGES, verbose=0), fitted.predict_proba(IMAGES)[:, 1:], atol=1e-6
    )
    with pytest.raises(ValueError, match="cannot go on"):
        fitted.set_params(activation="tanh").fit(IMAGES, LABELS)


@pytest.mark.parametrize(
    "changed",
    [
        {"backbone": tiny((6, 6, 3))},
        {"weights": "imagenet"},
        {"image_shape": (4, 4)},
        {"pooling": "max"},
        {"preprocess": None},
        {"training": "augmented"},
        {"training": "fine_tune"},
        {"training": "fine_tune", "augmentation": {"flip": "horizontal"}},
        {"augmentation": {"flip": "horizontal"}},
    ],
    ids=" ".join,
)
def test_going_on_with_other_features_is_an_error(changed):
    fitted = net(pooling="avg", warm_start=True, epochs=1).fit(IMAGES, LABELS)
    before = fitted.predict_proba(IMAGES)
    fitted.set_params(**changed)
    name = next(iter(changed))
    for fit in (fitted.fit, fitted.partial_fit):
        with pytest.raises(ValueError, match=rf"cannot go on .*{name}=.* but it has {name}="):
            fit(IMAGES, LABELS)
    assert_array_equal(fitted.predict_proba(IMAGES), before)
    fitted.set_params(warm_start=False, **{**changed, "backbone": tiny}).set_params(
        training="features", augmentation=None, weights=None, image_shape=None
    ).fit(IMAGES, LABELS)


def test_going_on_with_a_copy(tmp_path):
    augmentation = {"rotation": 0.1}
    fitted = net(
        backbone=tiny((6, 6, 3)), weights="imagenet", image_shape=[6, 6], training="augmented",
        augmentation=augmentation, warm_start=True, epochs=1, learning_rate=0.01,
    ).fit(IMAGES, LABELS)  # fmt: skip
    skdl.save(fitted, tmp_path / "net.skdl")
    copies = [skdl.load(tmp_path / "net.skdl"), pickle.loads(pickle.dumps(fitted))]
    for copy in (*copies, fitted):
        assert (
            copy.set_params(learning_rate=0.02, image_shape=(6, 6)).fit(IMAGES, LABELS).n_iter_ == 2
        )
    augmentation["rotation"] = 0.2
    with pytest.raises(ValueError, match=r"augmentation=\{'rotation': 0\.2\}, but it has .*0\.1"):
        fitted.fit(IMAGES, LABELS)


def test_partial_fit_trains_the_head():
    fitted = net(training="fine_tune").partial_fit(IMAGES, LABELS, classes=[0, 1])
    assert fitted.partial_fit(IMAGES, LABELS).phases_ == ["features", "features"]
    assert net(training="augmented").partial_fit(IMAGES, LABELS, [0, 1]).phases_ == ["augmented"]


@pytest.mark.parametrize("training", TRAININGS)
def test_validation_and_early_stopping_by_phase(training):
    fitted = net(training=training, epochs=30, fine_tune_epochs=30, patience=2, learning_rate=0.1)
    fitted.set_params(early_stopping=True).fit(IMAGES[:30], LABELS[:30], None, IMAGES, LABELS)
    assert {"loss", "val_loss"} == set(fitted.history_)
    assert len(fitted.history_["val_loss"]) == len(fitted.phases_) == fitted.n_iter_
    assert fitted.phases_[fitted.best_epoch_ - 1] == fitted.phases_[-1]
    loss = fitted.model_.evaluate(IMAGES, LABELS[:, None], verbose=0)
    assert loss == pytest.approx(fitted.history_["val_loss"][fitted.best_epoch_ - 1], rel=1e-3)


@pytest.mark.slow
def test_augmentation_changes_the_training_alone():
    augmentation = {"rotation": 0.1, "flip": "horizontal", "zoom": 0.2}
    changed = net(training="augmented", augmentation=augmentation).fit(IMAGES, LABELS)
    plain = net(training="augmented").fit(IMAGES, LABELS)
    assert changed.history_ != plain.history_
    assert_array_equal(changed.predict_proba(IMAGES), changed.predict_proba(IMAGES))
    tuned = net(training="fine_tune", augmentation=augmentation).fit(IMAGES, LABELS)
    assert tuned.phases_ == 3 * ["augmented"] + 2 * ["fine_tune"]
    with pytest.raises(ValueError, match=r"augmentation=.*training='features' computes features"):
        net(augmentation=augmentation).fit(IMAGES, LABELS)
