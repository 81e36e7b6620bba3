"""`loss_curve_`, the name under which scikit-learn's MLPs have the losses of the epochs."""

import numpy as np
import pytest
from registry import dense_network
from sklearn.neural_network import MLPRegressor

from skdl import DenseRegressor, KerasRegressor

X = np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize(
    "net", [DenseRegressor(4, epochs=3), KerasRegressor(dense_network, epochs=3)], ids=type
)
def test_loss_curve_has_the_loss_of_every_epoch(net):
    assert not hasattr(net, "loss_curve_")
    assert "loss_curve_" not in dir(net)
    net.set_params(warm_start=True).fit(X, X[:, 0])
    peer = MLPRegressor(hidden_layer_sizes=4).partial_fit(X, X[:, 0])
    assert type(net.loss_curve_) is type(peer.loss_curve_)
    assert net.loss_curve_ == net.history_["loss"]
    net.loss_curve_.clear()  # a copy
    assert len(net.fit(X, X[:, 0]).loss_curve_) == net.n_iter_ == 6
    with pytest.raises(AttributeError):
        net.loss_curve_ = []
