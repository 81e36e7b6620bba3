"""Estimators around Keras models of any layers, and two such models."""

from functools import partial

import numpy as np
import pytest

from skdl import ConvNetClassifier, DenseRegressor, KerasRegressor, to_onnx
from skdl._networks.keras import keras

onnxruntime = pytest.importorskip("onnxruntime")

UNITS = 3


class Given:
    """An estimator that takes its network as it is; fit settles shapes and targets alone."""

    image_shape = rescale = None
    loss, output_activation, standardize_y = "auto", "auto", False

    def __init__(self, model, dtype="float32"):
        self.model, self.dtype = model, dtype

    def fit(self, X, y):
        """Settle what conversion asks of an estimator, without training."""
        X, y = self._check_rows(X, y, reset=True)
        self._targets = self._make_targets(y)
        self.classes_ = getattr(self._targets, "classes", None)
        return self

    @property
    def model_(self):
        """The network."""
        return self.model

    def __sklearn_is_fitted__(self):
        return True

    def _outputs(self, X, each=None):
        outputs = self.model(self._inputs(self._validated(X, reset=False)), training=False)
        outputs = keras.ops.convert_to_numpy(outputs)
        return outputs if each is None else each(outputs)


class GivenClassifier(Given, ConvNetClassifier):
    """Images to classes by a given network."""


class GivenRegressor(Given, DenseRegressor):
    """Rows to values by a given network."""


class GivenNetwork(Given, KerasRegressor):
    """Rows of any rank to values by a given network."""

    inputs, model_params = None, None

    def __init__(self, model):
        super().__init__(model, dtype=None)

    def fit(self, X, y):
        """Settle the shape of rows as well."""
        super().fit(X, y)
        self._learn_inputs(X)
        return self


def side_by_side(branches, X, before=lambda x: x, dtype="float32"):
    """Return a network of branches, by name, and the columns of each in its outputs.

    Parameters
    ----------
    branches : dict of callable
        From what `before` returns to a value of any shape.
    X : ndarray
        Rows such as the network takes.
    before : callable, default=identity
        From the inputs to what the branches share.
    dtype : str, default="float32"
        Of the inputs.
    """
    inputs = keras.Input(X.shape[1:], dtype=dtype)
    shared, flat, columns, begin = before(inputs), [], {}, 0
    for name, branch in branches.items():
        output = branch(shared)
        width = int(np.prod(output.shape[1:]))
        flat.append(keras.ops.reshape(output, (-1, width)))  # unlike Flatten, silent about masks
        columns[name], begin = slice(begin, begin + width), begin + width
    return randomized(keras.Model(inputs, keras.ops.concatenate(flat, axis=-1))), columns


def assert_same_blocks(branches, X, before=lambda x: x, dtype="float32", atol=2e-6):
    """Compare branches by ONNX Runtime with Keras's own values, each for itself."""
    model, columns = side_by_side(branches, X, before, dtype)
    expected = keras.ops.convert_to_numpy(model(X, training=False))
    net = GivenNetwork(model).fit(X, np.zeros(expected.shape))
    # Not compared by `to_onnx` itself, where large values would make all differences small.
    session = onnxruntime.InferenceSession(to_onnx(net, X, tolerance=None).SerializeToString())
    (found,) = session.run(None, {"X": X})
    for name, block in columns.items():
        assert np.nanstd(expected[:, block]) > 0, name
        np.testing.assert_allclose(
            found[:, block], expected[:, block], rtol=2e-5, atol=atol, err_msg=str(name)
        )


def randomized(model):
    """Return a model with all weights drawn, positive where they are variances."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "seed" not in variable.path:
            spread = rng.uniform(0.5, 1.5, variable.shape)
            variable.assign(spread if "variance" in variable.path else spread - 1)
    return model


def activations():
    """Return Keras's activations as names, functions with arguments, and layers."""
    functions, layers = keras.activations, keras.layers
    names = (
        *("celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu"),
        *("hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish"),
        *("relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus"),
        *("softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "swish", "tanh"),
        "tanh_shrink",
    )
    return {name: name for name in names} | {
        "approximate gelu": partial(functions.gelu, approximate=True),
        "flat celu": partial(functions.celu, alpha=0.3),
        "threshold": partial(functions.threshold, threshold=0.7, default_value=-0.2),
        "general relu": partial(functions.relu, negative_slope=0.2, max_value=2.0, threshold=0.5),
        "LeakyReLU": layers.LeakyReLU(0.4),
        "ELU": layers.ELU(0.5),
        "ReLU": layers.ReLU(3.0, 0.1),
        "Softmax": layers.Softmax(),
    }


def activations_network(n_features, dtype):
    """Return a network whose outputs are those of every activation, side by side."""
    inputs = keras.Input([n_features], dtype=dtype)
    outputs = [
        keras.layers.Dense(UNITS, activation=activation, dtype=dtype)(inputs)
        for activation in activations().values()
    ]
    return randomized(keras.Model(inputs, keras.layers.Concatenate(dtype=dtype)(outputs)))


class Layers:
    """Layers of Keras of one dtype."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __getattr__(self, name):
        return partial(getattr(keras.layers, name), dtype=self.dtype)


def branches_network(input_shape, n_outputs, dtype):
    """Return a network of branches that meet, with a model inside that is used twice."""
    new = Layers(dtype)
    inner = keras.Sequential(
        [
            keras.Input((None, None, 4), dtype=dtype),
            new.Conv2D(4, 3, padding="same", groups=2, activation="relu"),
            new.BatchNormalization(),
        ]
    )
    inputs = keras.Input(input_shape, dtype=dtype)
    x = new.Rescaling(2.0, offset=-0.5)(inputs)
    x = new.Resizing(9, 6, antialias=True)(keras.ops.flip(x, axis=2))
    x = new.Normalization(mean=[0.4], variance=[0.3])(x)
    x = new.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = new.Conv2D(4, (3, 2), strides=(2, 1), padding="same", use_bias=False)(x)
    x = new.PReLU(shared_axes=[1, 2])(x)
    x = new.Add()([inner(x), x, inner(x)])
    deep = new.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="gelu")(x)
    deep = new.SeparableConv2D(5, 3, padding="same", activation="swish")(deep)
    deep = new.AveragePooling2D(2, padding="same")(deep)
    deep = new.GaussianNoise(0.1)(new.ReLU(max_value=6.0)(deep))
    wide = new.MaxPooling2D(3, strides=2, padding="same")(x)
    wide = new.BatchNormalization(axis=1, center=False)(wide)
    merged = new.Concatenate()([deep, wide])
    means, tops = new.GlobalAveragePooling2D()(merged), new.GlobalMaxPooling2D()(merged)
    kept = new.Reshape((merged.shape[-1],))(new.GlobalAveragePooling2D(keepdims=True)(merged))
    mixed = new.Maximum()([means, new.Multiply()([tops, kept])])
    flat = new.Dense(merged.shape[-1], activation="tanh")(new.Flatten()(x))
    mixed = new.Activation("softsign")(new.Dropout(0.2)(new.Minimum()([mixed, flat])))
    outputs = new.Dense(n_outputs, activation="softmax")(mixed)
    return randomized(keras.Model(inputs, outputs))
