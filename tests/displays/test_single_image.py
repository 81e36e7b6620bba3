"""A single image in place of several: displays say so, as predict does."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skdl import ConvNetClassifier, FeatureMapDisplay, GradCAMDisplay


def test_a_single_image_is_passed_as_a_batch_of_one():
    X = np.random.default_rng(0).random((12, 8, 8))
    net = ConvNetClassifier(2, hidden_layer_sizes=(), epochs=1, random_state=0)
    net.fit(X, np.arange(12) % 2)
    for display in (FeatureMapDisplay, GradCAMDisplay):
        for image in (X[0], X[0][..., None]):
            with pytest.raises(ValueError, match=r"X is one image of shape \(8, 8.*Give X\[None\]"):
                display.from_estimator(net, image)
        assert len(display.from_estimator(net, X[0][None]).images) == 1
        plt.close("all")
