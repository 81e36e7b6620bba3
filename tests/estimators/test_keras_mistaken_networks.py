"""Networks of the user's that cannot be trained as they are: the error says what to change."""

import keras
import numpy as np
import pytest
from keras import layers

from skdl import DenseClassifier, KerasClassifier

X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2


def recurrent(input_shape, n_outputs, output_activation, start="orthogonal"):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Reshape((-1, 1)),
            layers.LSTM(2, recurrent_initializer=start),
            layers.Dense(n_outputs, activation=output_activation),
        ]
    )


def not_built(n_outputs, output_activation):
    return keras.Sequential(
        [layers.Reshape((-1, 1)), layers.GRU(2), layers.Dense(n_outputs, output_activation)]
    )


@pytest.mark.parametrize(
    "net",
    [
        KerasClassifier(recurrent, dtype="bfloat16"),
        KerasClassifier(not_built, dtype="bfloat16"),
        DenseClassifier(2, kernel_initializer="orthogonal", dtype="bfloat16"),
    ],
    ids=["built", "not built", "dense"],
)
def test_orthogonal_weights_have_no_bfloat16(net):
    message = r"^dtype='bfloat16': .* Qr .*dtype='mixed_bfloat16'.*recurrent_initializer='glorot"
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)


def test_both_remedies_hold():
    net = KerasClassifier(recurrent, dtype="bfloat16", epochs=1, random_state=0)
    net.set_params(model__start="glorot_uniform").fit(X, y)
    assert {weight.dtype for weight in net.model_.weights} == {"bfloat16"}
    net = KerasClassifier(recurrent, dtype="mixed_bfloat16", epochs=1, random_state=0).fit(X, y)
    assert {weight.dtype for weight in net.model_.weights} == {"float32"}


def test_an_activation_that_learns_is_a_layer_of_its_own():
    def network(n_outputs, output_activation, own_layer=False):
        activation = layers.PReLU()
        hidden = (
            [layers.Dense(3, name="hidden"), activation]
            if own_layer
            else [layers.Dense(3, activation=activation, name="hidden")]
        )
        return keras.Sequential(
            [keras.Input((4,)), *hidden, layers.Dense(n_outputs, activation=output_activation)]
        )

    net = KerasClassifier(network, epochs=1, random_state=0)
    message = r"activation PReLU of the layer 'hidden', .*keras\.layers\.PReLU\(\) of its own"
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)
    net.set_params(model__own_layer=True).fit(X, y)
    slopes = net.model_.layers[1].weights[0].numpy()
    assert slopes.shape == (3,)
    assert (slopes != 0).any()


def test_an_input_that_has_no_columns():
    def network(input_shape, n_outputs, output_activation):
        inputs = {name: keras.Input(input_shape[name], name=name) for name in ("age", "city")}
        joined = layers.Concatenate()(list(inputs.values()))
        return keras.Model(inputs, layers.Dense(n_outputs, activation=output_activation)(joined))

    net = KerasClassifier(network, inputs={"Age": [0, 1], "city": [2, 3]}, epochs=1)
    message = r"model=network asks for 'age', but inputs names \['Age', 'city'\]"
    with pytest.raises(ValueError, match=message) as error:
        net.fit(X, y)
    assert isinstance(error.value.__cause__, KeyError)
    net.set_params(inputs={"age": [0, 1], "city": [2, 3]}).fit(X, y)

    def own_mistake(n_outputs):
        return {}["units"]

    with pytest.raises(KeyError, match="units"):
        KerasClassifier(own_mistake).fit(X, y)
