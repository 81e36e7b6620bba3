"""Networks of any layers are trained as `Model.fit` trains them, by every program that may run."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdl import KerasRegressor
from skdl._engine.compiled import programs

L = keras.layers
RNG = np.random.default_rng(0)
N_ROWS, BATCH, EPOCHS = 40, 16, 2
DATA = {
    "table": RNG.normal(size=(N_ROWS, 6)).astype(np.float32),
    "sequence": RNG.normal(size=(N_ROWS, 8, 3)).astype(np.float32),
    "tokens": np.r_[np.zeros(60, int), RNG.integers(1, 12, 260)].reshape(N_ROWS, 8),
    "image": RNG.normal(size=(N_ROWS, 8, 8, 2)).astype(np.float32),
    "volume": RNG.normal(size=(N_ROWS, 5, 5, 5, 1)).astype(np.float32),
}
VALUES = RNG.normal(size=N_ROWS)


class Scale(keras.Layer):
    """A layer of the user's, without get_config."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal")

    def call(self, inputs):
        return inputs * self.scale * self.factor


class Configured(Scale):
    def get_config(self):
        return super().get_config() | {"factor": self.factor}


class Penalised(keras.Layer):
    def call(self, inputs):
        self.add_loss(0.1 * keras.ops.mean(inputs**2))
        return inputs


class Noisy(keras.Layer):
    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(5)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        noise = keras.random.normal(keras.ops.shape(inputs), seed=self.seed_generator)
        return inputs + 0.1 * noise


class Subclassed(keras.Model):
    """Its layers are listed in another order than they are used in."""

    def __init__(self):
        super().__init__()
        self.last, self.second = L.Dense(1), L.Dense(4)
        self.first = L.Dense(5, activation="relu")

    def call(self, inputs):
        return self.last(self.second(self.first(inputs)))


class Convolutions(keras.Model):
    def __init__(self):
        super().__init__()
        self.second, self.first = L.Conv2D(3, 3), L.Conv2D(2, 3, activation="relu")
        self.last = L.Dense(1)

    def call(self, inputs):
        return self.last(keras.ops.mean(self.second(self.first(inputs)), (1, 2)))


class OwnStep(keras.Model):
    """Trains half as fast."""

    def train_step(self, data):
        import tensorflow as tf

        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = 0.5 * self.compute_loss(x, y, self(x, training=True), weight)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


def chain(kind, *layers):
    """Return a function that builds a sequence of new layers, ended by one unit."""

    def make():
        made = [layer() for layer in layers]
        ends = [] if kind == "table" else [L.Flatten()]
        inputs = keras.Input(DATA[kind].shape[1:])
        return keras.Sequential([inputs, *made, *ends, L.Dense(1)])

    return kind, make


def functional(kind, graph):
    def make():
        inputs = keras.Input(DATA[kind].shape[1:])
        outputs = graph(inputs)
        if len(outputs.shape) > 2:
            outputs = L.Flatten()(outputs)
        return keras.Model(inputs, L.Dense(1)(outputs))

    return kind, make


def built(kind, make):
    def build():
        model = make()
        model(keras.ops.zeros((1, *DATA[kind].shape[1:])))
        return model

    return kind, build


def twice(layer):
    return lambda inputs: layer(layer(inputs))


def residual(inputs):
    x = L.Dense(6, activation="relu")(inputs)
    return L.Add()([inputs, L.Dense(6)(x)])


def attention(inputs):
    x = L.MultiHeadAttention(2, 3)(inputs, inputs)
    return L.GlobalAveragePooling1D()(L.LayerNormalization()(L.Add()([inputs, x])))


def additive(inputs):
    return L.AdditiveAttention()([L.Dense(3)(inputs), inputs])


def masked_lstm(inputs):
    return L.LSTM(4)(L.Embedding(12, 4, mask_zero=True)(inputs))


def nested_twice(inputs):
    inner = keras.Sequential([keras.Input((6,)), L.Dense(6, activation="tanh"), L.Dense(6)])
    return inner(inner(inputs))


def nested_convolution_twice(inputs):
    inner = keras.Sequential([keras.Input((8, 8, 2)), L.Conv2D(2, 3, padding="same")])
    return inner(inner(inputs))


def branches(inputs):
    one, other = L.Conv2D(2, 3)(inputs), L.Conv2D(2, 3)(L.Conv2D(2, 1)(inputs))
    return L.Concatenate()([one, other])


def operations(inputs):
    x = keras.ops.tanh(L.Dense(5)(inputs)) * np.arange(5, dtype="float32")
    return x[:, 1:] + keras.ops.ones((4,))


def normalised():
    layer = L.Normalization()
    layer.adapt(DATA["table"])
    return layer


def of_own_class(cls, kind="table"):
    def make():
        inputs = keras.Input(DATA[kind].shape[1:])
        return cls(inputs, L.Dense(1)(L.Dense(4, activation="relu")(inputs)))

    return kind, make


def frozen():
    layer = L.Dense(5, activation="relu")
    layer.trainable = False
    return layer


def image(*layers):
    return chain("image", *layers)


def sequence(*layers):
    return chain("sequence", *layers)


def table(*layers):
    return chain("table", *layers)


CASES = {
    "dense": table(lambda: L.Dense(5, activation="relu")),
    "dropout": table(lambda: L.Dense(8), lambda: L.Dropout(0.4, seed=3)),
    "shared_noise": sequence(lambda: L.Dropout(0.4, noise_shape=(None, 1, None), seed=3)),
    "gaussian_noise": table(lambda: L.GaussianNoise(0.3, seed=3), lambda: L.Dense(4)),
    "gaussian_dropout": table(lambda: L.GaussianDropout(0.3, seed=3)),
    "alpha_dropout": table(lambda: L.AlphaDropout(0.3, seed=3)),
    "spatial_dropout": sequence(lambda: L.SpatialDropout1D(0.4, seed=3)),
    "batch_normalization": table(lambda: L.Dense(4), L.BatchNormalization),
    "layer_normalization": table(lambda: L.Dense(4), L.LayerNormalization),
    "rms_normalization": table(lambda: L.Dense(4), L.RMSNormalization),
    "unit_normalization": table(lambda: L.Dense(4), L.UnitNormalization),
    "group_normalization": image(lambda: L.Conv2D(4, 3), lambda: L.GroupNormalization(2)),
    "spectral_normalization": table(lambda: L.SpectralNormalization(L.Dense(4))),
    "normalization": table(normalised, lambda: L.Dense(4)),
    "discretization": table(lambda: L.Discretization([-1.0, 0.0, 1.0]), lambda: L.Rescaling(0.2)),
    "prelu": table(lambda: L.Dense(4), L.PReLU),
    "activation_layer": table(lambda: L.Dense(4, activation=L.LeakyReLU())),
    "einsum": sequence(lambda: L.EinsumDense("abc,cd->abd", (8, 4))),
    "reshape_permute": sequence(lambda: L.Permute((2, 1)), lambda: L.Reshape((12, 2))),
    "repeat": table(lambda: L.RepeatVector(3), lambda: L.SimpleRNN(3)),
    "constraint": table(lambda: L.Dense(4, kernel_constraint=keras.constraints.MaxNorm(0.5))),
    "regularized": table(
        lambda: L.Dense(4, kernel_regularizer="l2", bias_regularizer="l1"),
        lambda: L.ActivityRegularization(l2=0.01),
    ),
    "frozen": table(frozen),
    "lambda": table(lambda: L.Lambda(lambda x: x * 2), lambda: L.Dense(3)),
    "own_layer": table(lambda: Scale(2.0), lambda: L.Dense(3)),
    "own_layer_configured": table(lambda: Configured(2.0), lambda: L.Dense(3)),
    "add_loss": table(lambda: L.Dense(4), Penalised),
    "own_noise": table(Noisy, lambda: L.Dense(4)),
    "simple_rnn": sequence(lambda: L.SimpleRNN(4)),
    "lstm": sequence(lambda: L.LSTM(4)),
    "lstm_dropout": sequence(lambda: L.LSTM(4, dropout=0.3, recurrent_dropout=0.2, seed=3)),
    "lstm_backwards": sequence(lambda: L.LSTM(4, go_backwards=True, unroll=True)),
    "gru": sequence(lambda: L.GRU(4, return_sequences=True), lambda: L.GRU(3)),
    "stacked_cells": sequence(lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)])),
    "bidirectional": sequence(lambda: L.Bidirectional(L.LSTM(3))),
    "bidirectional_sum": sequence(lambda: L.Bidirectional(L.GRU(3), merge_mode="sum")),
    "time_distributed": sequence(lambda: L.TimeDistributed(L.Dense(2))),
    "time_distributed_convolution": chain(
        "volume", lambda: L.TimeDistributed(L.Conv2D(2, 2, activation="relu"))
    ),
    "masking": sequence(lambda: L.Masking(0.0), lambda: L.LSTM(3)),
    "embedding": chain("tokens", lambda: L.Embedding(12, 3)),
    "embedding_masked_lstm": functional("tokens", masked_lstm),
    "embedding_convolution": chain(
        "tokens", lambda: L.Embedding(12, 4), lambda: L.Conv1D(3, 3), L.GlobalMaxPooling1D
    ),
    "attention": functional("sequence", attention),
    "attention_dropout": sequence(),
    "dot_attention": functional("sequence", lambda x: L.Attention()([x, L.Dense(3)(x)])),
    "additive_attention": functional("sequence", additive),
    "grouped_attention": functional("sequence", lambda x: L.GroupQueryAttention(3, 2, 1)(x, x)),
    "convolution_1d": sequence(lambda: L.Conv1D(4, 3, padding="causal"), L.GlobalMaxPooling1D),
    "convolution_2d": image(lambda: L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D),
    "convolution_3d": chain("volume", lambda: L.Conv3D(2, 2), lambda: L.AveragePooling3D(2)),
    "separable": image(lambda: L.SeparableConv2D(3, 3)),
    "separable_1d": sequence(lambda: L.SeparableConv1D(3, 3)),
    "depthwise": image(lambda: L.DepthwiseConv2D(3, depth_multiplier=2)),
    "transposed": image(lambda: L.Conv2DTranspose(2, 3, strides=2)),
    "transposed_1d": sequence(lambda: L.Conv1DTranspose(2, 3)),
    "groups": image(lambda: L.Conv2D(4, 3, groups=2)),
    "dilated": image(lambda: L.Conv2D(3, 2, dilation_rate=2)),
    "pooling": image(lambda: L.AveragePooling2D(3), lambda: L.ZeroPadding2D(1)),
    "upsampling": image(L.UpSampling2D, lambda: L.Cropping2D(3), lambda: L.Conv2D(2, 3)),
    "adaptive_pooling": image(lambda: L.Conv2D(3, 3), L.GlobalAveragePooling2D),
    "recurrent_convolution": chain("volume", lambda: L.ConvLSTM2D(2, 2)),
    "residual": functional("table", residual),
    "merging": functional("table", lambda x: L.Maximum()([L.Dense(4)(x), L.Dense(4)(x)])),
    "dense_twice": functional("table", twice(L.Dense(6, activation="tanh"))),
    "convolution_twice": ("image", None),
    "nested": table(lambda: keras.Sequential([L.Dense(4), L.Dense(3)])),
    "nested_twice": functional("table", nested_twice),
    "nested_convolution_twice": functional("image", nested_convolution_twice),
    "branches": functional("image", branches),
    "operations": functional("table", operations),
    "subclassed": built("table", Subclassed),
    "subclassed_convolutions": built("image", Convolutions),
    "own_train_step": of_own_class(OwnStep),
}


def _twice(make_layer, kind):
    def make():
        inputs, layer = keras.Input(DATA[kind].shape[1:]), make_layer()
        return keras.Model(inputs, L.Dense(1)(L.Flatten()(layer(layer(inputs)))))

    return kind, make


def _attention_with_dropout():
    inputs = keras.Input((8, 3))
    x = L.MultiHeadAttention(2, 3, dropout=0.4, seed=3)(inputs, inputs)
    return keras.Model(inputs, L.Dense(1)(L.Flatten()(x)))


CASES["convolution_twice"] = _twice(lambda: L.Conv2D(2, 3, padding="same"), "image")
CASES["dense_twice"] = _twice(lambda: L.Dense(6, activation="tanh"), "table")
CASES["attention_dropout"] = "sequence", _attention_with_dropout
QUICK = {"nested_convolution_twice", "own_train_step"}
# What Keras itself trains, or whose parts are not compared by their values, is not shared.
BY_KERAS = {"own_train_step"}


def train(make, x, program, monkeypatch, optimizer):
    """Return the estimator, trained by a program."""
    steps = 1 if program == "xla" else 10**9
    monkeypatch.setattr(programs, "XLA_MIN_STEPS", steps)
    callbacks = [EveryBatch()] if program == "keras" else None
    net = KerasRegressor(
        make, optimizer=optimizer, epochs=EPOCHS, batch_size=BATCH, shuffle=False,
        callbacks=callbacks, random_state=0,
    )  # fmt: skip
    return net.fit(x, VALUES)


class EveryBatch(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        pass


def check(name, monkeypatch, optimizer=lambda: keras.optimizers.SGD(0.05)):
    kind, make = CASES[name]
    x, reference = DATA[kind], make()
    start = [variable.numpy() for variable in reference.variables]

    def begin_there():
        model = make()
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        return model

    reference.compile(optimizer(), "mse")
    logs = reference.fit(x, VALUES, BATCH, EPOCHS, shuffle=False, verbose=0)
    trained = [variable.numpy() for variable in reference.variables]
    expected = reference.predict(x, verbose=0)
    ran = set()
    for program in ("graph", "xla", "keras"):
        net = train(begin_there, x, program, monkeypatch, optimizer())
        ran.add(net.training_program_)
        for ours, theirs in zip(net.model_.variables, trained, strict=True):
            assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5, err_msg=f"{program} {ours.path}")
        assert_allclose(net.predict(x), expected[:, 0], rtol=1e-4, atol=1e-5, err_msg=program)
        assert_allclose(net.predict(x), net.model_.predict(x, verbose=0)[:, 0], atol=1e-5)
        if name not in BY_KERAS:
            assert_allclose(net.history_["loss"], logs.history["loss"], rtol=1e-4)
    assert ("graph" in ran) == (name not in BY_KERAS)


@pytest.mark.parametrize("name", sorted(QUICK))
def test_trains_as_keras_does(name, monkeypatch):
    check(name, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES.keys() - QUICK))
def test_trains_as_keras_does_with_more_layers(name, monkeypatch):
    check(name, monkeypatch)
