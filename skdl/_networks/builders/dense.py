"""Builders: pure functions from shapes and hyperparameters to a `keras.Model`.

They know nothing of estimators, data or training. Every random part of a network
(initialisers, dropout) takes its own seed from one stream, in the order of the layers, so
that a network is decided by its arguments alone and no global generator is touched.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from skdl._common.seeds import layer_seeds
from skdl._networks.builders.per_layer import fraction, per_layer, yes_or_no
from skdl._networks.settings import own_settings

if TYPE_CHECKING:
    import keras

__all__ = ["build_dense"]


@own_settings()
def build_dense(
    input_shape: tuple[int, ...],
    n_outputs: int,
    output_activation: str | Callable = "linear",
    *,
    hidden_layer_sizes: int | Sequence[int] = (100,),
    activation: Any = "relu",
    dropout: float | Sequence[float] = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    batch_normalization: bool | Sequence[bool] = False,
    kernel_initializer: Any = "glorot_uniform",
    dtype: str = "float32",
    sparse: bool = False,
    seed: int | None = None,
) -> keras.Model:
    """Build a fully connected network, without compiling it.

    Each hidden layer is a `Dense` layer with its activation, followed by batch normalization and
    dropout if requested; the output layer comes last. `activation`, `dropout` and
    `batch_normalization` take one value for all hidden layers, or a sequence with one value per
    layer.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample, `(n_features,)`.
    n_outputs : int
        Number of units of the output layer.
    output_activation : str or callable, default="linear"
        Activation of the output layer.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer; an int means one layer, an empty sequence none.
    activation : str, dict, Keras layer, callable or sequence of them, default="relu"
        Activation of the hidden layers: one for all layers, or one per layer.
    dropout : float or sequence of float, default=0.0
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1): one
        value for all layers, or one per layer.
    l1, l2 : float, default=0.0
        Weights of the sums of absolute and of squared kernel weights of all layers in the loss.
    batch_normalization : bool or sequence of bool, default=False
        Whether to apply batch normalization to each hidden layer's outputs: one value for all
        layers, or one per layer.
    kernel_initializer : str, dict or keras.Initializer, default="glorot_uniform"
        Initializer of the kernels. Its own seed, if any, is replaced by one drawn from `seed`.
    dtype : str, default="float32"
        Keras dtype policy of the layers, such as "float32", "float64", "mixed_bfloat16".
    sparse : bool, default=False
        Whether the inputs of the network are `tf.SparseTensor` batches.
    seed : int, default=None
        Determines initial weights and dropout masks; None draws a new seed.

    Returns
    -------
    keras.Model
        A `keras.Sequential` from `(batch, n_features)` to `(batch, n_outputs)`.

    Raises
    ------
    ValueError
        If a parameter is invalid, or does not have as many entries as `hidden_layer_sizes`.

    See Also
    --------
    build_convnet : The same for images.
    DenseClassifier : Trains such a network.

    Examples
    --------
    >>> from skdl import build_dense
    >>> build_dense((784,), 10, "softmax", hidden_layer_sizes=(512,), seed=0).count_params()
    407050
    """
    from skdl._networks.keras import keras

    seeds = layer_seeds(seed)
    layers = [keras.Input(input_shape, dtype=input_dtype(dtype), sparse=sparse, name="inputs")]
    layers += dense_layers(
        hidden_layer_sizes, activation, dropout, l1, l2, batch_normalization,
        kernel_initializer, dtype, seeds,
    )  # fmt: skip
    layers.append(
        output_layer(n_outputs, output_activation, l1, l2, kernel_initializer, dtype, seeds)
    )
    return keras.Sequential(layers, name="dense_network")


def dense_layers(
    sizes: int | Sequence[int],
    activation: Any,
    dropout: float | Sequence[float],
    l1: float,
    l2: float,
    batch_normalization: bool | Sequence[bool],
    kernel_initializer: Any,
    dtype: str,
    seeds: Iterator[int],
) -> list[keras.Layer]:
    """Return the hidden layers of a dense network or of the head of another."""
    from skdl._networks.keras import keras

    units_of = layer_sizes(sizes)
    hidden = "hidden_layer_sizes", units_of
    settings = zip(
        units_of,
        per_layer("activation", activation, hidden, lambda _, each: each),
        per_layer("dropout", dropout, hidden, fraction),
        per_layer("batch_normalization", batch_normalization, hidden, yes_or_no),
        strict=True,
    )
    layers = []
    for number, (units, function, rate, normalizes) in enumerate(settings, start=1):
        name = f"hidden_{number}"
        layers.append(
            keras.layers.Dense(
                units,
                activation=own_activation(function, dtype),
                kernel_initializer=seeded_initializer(kernel_initializer, seeds),
                kernel_regularizer=kernel_penalty(l1, l2),
                dtype=dtype,
                name=name,
            )
        )
        if normalizes:
            name_of = f"{name}_normalization"
            layers.append(keras.layers.BatchNormalization(dtype=dtype, name=name_of))
        if rate:
            name_of = f"{name}_dropout"
            layers.append(keras.layers.Dropout(rate, seed=next(seeds), dtype=dtype, name=name_of))
    return layers


def own_activation(activation: Any, dtype: str) -> Any:
    """Return the activation of one layer; one that is a Keras layer may learn, so it is copied."""
    from skdl._networks.keras import keras
    from skdl._networks.objects import named_activation

    activation = named_activation(activation)
    if not isinstance(activation, keras.Layer):
        return activation
    return type(activation).from_config(
        activation.get_config() | {"dtype": dtype, "name": "activation"}
    )


def layer_sizes(hidden_layer_sizes: int | Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of hidden layers as a tuple of ints, all at least 1."""
    sizes: Any = hidden_layer_sizes
    sizes = (sizes,) if isinstance(sizes, Integral) else tuple(sizes)
    if not all(isinstance(size, Integral) and int(size) >= 1 for size in sizes):
        raise ValueError(
            "hidden_layer_sizes must be an int or a sequence of ints, each at least 1, "
            f"received hidden_layer_sizes={hidden_layer_sizes!r}."
        )
    return tuple(int(size) for size in sizes)


def output_layer(
    n_outputs: int,
    activation: str | Callable,
    l1: float,
    l2: float,
    kernel_initializer: Any,
    dtype: str,
    seeds: Iterator[int],
) -> keras.Layer:
    """Return the output layer; where the others compute in less than float32, it does not."""
    from skdl._networks.keras import keras
    from skdl._networks.objects import named_activation

    return keras.layers.Dense(
        n_outputs,
        activation=named_activation(activation),
        kernel_initializer=seeded_initializer(kernel_initializer, seeds),
        kernel_regularizer=kernel_penalty(l1, l2),
        dtype=input_dtype(dtype),
        name="output",
    )


def kernel_penalty(l1: float, l2: float) -> keras.Regularizer | None:
    """Return the regulariser of a kernel, None where both penalties are zero."""
    from skdl._networks.keras import keras

    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def seeded_initializer(initializer: Any, seeds: Iterator[int]) -> keras.Initializer:
    """Return a copy of an initialiser (name, configuration or object) with the next seed.

    `keras.initializers.get("name")` would draw a seed from Python's global generator.
    """
    from skdl._networks.keras import keras
    from skdl._networks.objects import initializer_class

    if isinstance(initializer, keras.initializers.Initializer):
        cls, config = type(initializer), initializer.get_config()
    elif isinstance(initializer, dict) and "class_name" in initializer:
        cls = initializer_class(initializer["class_name"])
        config = dict(initializer.get("config", {}))
    elif isinstance(initializer, str):
        cls, config = initializer_class(initializer), {}
    else:
        raise TypeError(
            "kernel_initializer must be a name in keras.initializers, a configuration or an "
            f"initializer object, received kernel_initializer={initializer!r}."
        )
    takes_seed = "seed" in inspect.signature(cls).parameters
    if takes_seed:
        config["seed"] = next(seeds)
    # Some of Keras's `from_config` want arguments for which the class has defaults.
    made = cls(**config) if isinstance(initializer, str) else cls.from_config(config)
    if takes_seed and not hasattr(made, "seed"):
        raise ValueError(
            f"kernel_initializer={initializer!r} takes a seed but has no attribute `seed`, by "
            f"which each fit gives it another. Let {cls.__name__}'s constructor set `self.seed`."
        )
    return made


def input_dtype(dtype: str) -> str:
    """Return the dtype in which data enters a network of a dtype policy."""
    return "float64" if dtype == "float64" else "float32"


# The public place, which pickles name.
build_dense.__module__ = "skdl"
