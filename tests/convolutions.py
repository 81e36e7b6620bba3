"""The same convolutional network trained by the estimator and by Keras."""

from numpy.testing import assert_allclose

from skdl import ConvNetClassifier, build_convnet


def train_as_keras_does(network, digits):
    """Return the estimator, a network that Keras trained to the same weights, and the images."""
    X, y = digits[0][:150].reshape(-1, 8, 8, 1), digits[1][:150]
    parameters = {"filters": (4, 3), "hidden_layer_sizes": (), **network}
    model = build_convnet((8, 8, 1), 10, "softmax", **parameters, seed=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, y, 32, 2, shuffle=False, verbose=0)
    net = ConvNetClassifier(
        **parameters, optimizer="sgd", epochs=2, shuffle=False, random_state=3, rescale=None
    ).fit(X, y)
    for ours, theirs in zip(net.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    return net, model, X
