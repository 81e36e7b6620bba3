"""Images of two classes, and a quick network on a tiny backbone."""

import numpy as np
from backbones import tiny

from skdl import PretrainedFeatureClassifier

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 2
IMAGES = RNG.integers(0, 256, (40, 6, 6, 3), dtype=np.uint8)
IMAGES[LABELS == 1, :, :3] //= 4
TRAININGS = ("features", "augmented", "fine_tune")


def net(**parameters):
    settings = {
        "backbone": tiny,
        "weights": None,
        "preprocess": 1 / 255,
        "fine_tune_from": "second",
        "fine_tune_epochs": 2,
        "fine_tune_learning_rate": 1e-3,
        "epochs": 3,
        "batch_size": 16,
        "hidden_layer_sizes": 8,
        "random_state": 0,
    }
    return PretrainedFeatureClassifier(**{**settings, **parameters})


COURSE_IMAGES = RNG.integers(0, 256, (2, 150, 150, 3), dtype=np.uint8)
