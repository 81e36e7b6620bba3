"""Convolutional networks on images: the builder `build_convnet` and its parts.

Like all builders they are pure functions. Every random part (augmentation layers,
initialisers, dropout) takes its own seed from one stream, in the order of the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skdl._common.images import is_size
from skdl._common.seeds import layer_seeds
from skdl._networks.builders.augmentation import augmentation_layers
from skdl._networks.builders.conv_sizes import convolutions
from skdl._networks.builders.dense import (
    dense_layers,
    input_dtype,
    kernel_penalty,
    output_layer,
    own_activation,
    seeded_initializer,
)
from skdl._networks.settings import own_settings

if TYPE_CHECKING:
    import keras

__all__ = ["build_convnet"]


@own_settings()
def build_convnet(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    output_activation: str | Callable = "linear",
    *,
    filters: int | Sequence[int] = (32, 64),
    kernel_size: int | Sequence = 3,
    strides: int | Sequence = 1,
    padding: str | Sequence[str] = "valid",
    dilation_rate: int | Sequence = 1,
    pool_size: int | Sequence | None = 2,
    conv_dropout: float | Sequence[float] = 0.0,
    hidden_layer_sizes: int | Sequence[int] = (64,),
    activation: Any = "relu",
    dropout: float | Sequence[float] = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    batch_normalization: bool = False,
    kernel_initializer: Any = "glorot_uniform",
    augmentation: Mapping[str, Any] | None = None,
    rescale: float | None = None,
    dtype: str = "float32",
    seed: int | None = None,
) -> keras.Model:
    """Build a convolutional network, without compiling it.

    Each convolution [1]_ is a `Conv2D` layer with its activation, followed by batch normalization,
    max pooling and dropout if requested. The feature maps are flattened and passed through fully
    connected hidden layers to the output layer.

    The parameters from `kernel_size` to `conv_dropout` take either one value for all convolutions
    or a sequence with one value per convolution. A sequence always means the latter:
    `kernel_size=(5, 3)` is 5 x 5 in the first and 3 x 3 in the second of two convolutions, and
    `kernel_size=[(5, 3)]` is a height of 5 and a width of 3 in the only convolution.

    Parameters
    ----------
    input_shape : tuple of three int
        Shape of one image, `(height, width, channels)`.
    n_outputs : int
        Number of units of the output layer.
    output_activation : str or callable, default="linear"
        Activation of the output layer.
    filters : int or sequence of int, default=(32, 64)
        Number of filters of each convolution; an int means one convolution, an empty
        sequence none.
    kernel_size : int or sequence, default=3
        Height and width of the kernels, in pixels; an entry may be a pair (height, width). A kernel
        that is larger than its input, after dilation, is cut to the size of the input, in each
        direction.
    strides : int or sequence, default=1
        Strides of the kernels, in pixels; an entry may be a pair (height, width).
    padding : str or sequence of str, default="valid"
        "valid": no padding, so that the feature maps shrink. "same": the input is padded with
        zeros, so that its size is kept (if the strides are 1).
    dilation_rate : int or sequence, default=1
        Distance between the pixels that a kernel combines [2]_; an entry may be a pair (height,
        width). Strides must be 1 if it is above 1.
    pool_size : int or sequence or None, default=2
        Height and width of the pooling windows after each convolution, in pixels; an entry may be a
        pair (height, width), or None for no pooling. A window that is larger than its input is cut
        to the size of the input, in each direction.

        A feature map of a single pixel cannot be pooled or strided over. If the preceding layers
        have reduced a larger image to a single pixel, the next convolutions must have strides of 1
        and a pool_size of 1 or None; only the default `pool_size=2` may stay.
    conv_dropout : float or sequence of float, default=0.0
        Fraction of each convolution's outputs, after pooling, that is set to zero in training, in
        [0, 1).
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Number of units of each fully connected hidden layer; an int means one layer, an
        empty sequence none.
    activation : str, dict, Keras layer or callable, default="relu"
        Activation of the convolutions and of the hidden layers.
    dropout : float or sequence of float, default=0.0
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1): one
        value for all hidden layers, or one per layer.
    l1, l2 : float, default=0.0
        Weights of the sums of absolute and of squared kernel weights of all layers in the loss.
    batch_normalization : bool, default=False
        Whether to apply batch normalization after each convolution. Hidden layers are not
        normalized.
    kernel_initializer : str, dict or keras.Initializer, default="glorot_uniform"
        Initializer of the kernels. Its own seed, if any, is replaced by one drawn from `seed`.
    augmentation : dict, default=None
        Random changes of the images during training, drawn anew for every image and epoch. The keys
        are any of the following; they are applied in this order, whatever the order of the dict:

        - "flip": "horizontal", "vertical" or "horizontal_and_vertical";
        - "rotation": largest angle, in either direction, as a fraction of a full turn: 40 / 360 is
          40 degrees;
        - "translation": largest shift, in either direction and independently for height and width,
          as a fraction of height and width;
        - "shear": largest shift of an edge relative to the opposite one, as a fraction of the size,
          with either sign but the same one for both directions;
        - "zoom": largest change of size, independently for height and width, as a fraction: 0.2 is
          80 to 120 percent.

        A value may also be a dict with arguments of the Keras layer (`RandomFlip`,
        `RandomRotation`, `RandomTranslation`, `RandomShear`, `RandomZoom`), such as `{"zoom":
        {"height_factor": 0.2, "fill_mode": "constant"}}`. A value of 0 or None omits the change.
        `Model.predict` and `Model.evaluate` leave images unchanged, as does a call of the network
        itself with `training=False`.
    rescale : float, default=None
        Factor by which the network multiplies its inputs, such as 1 / 255; None leaves them
        unchanged.
    dtype : str, default="float32"
        Keras dtype policy of the layers, such as "float32", "float64", "mixed_bfloat16".
    seed : int, default=None
        Determines initial weights, dropout masks and augmentation; None draws a new seed.

    Returns
    -------
    keras.Model
        A `keras.Sequential` from `(batch, height, width, channels)` to
        `(batch, n_outputs)`.

    Raises
    ------
    ValueError
        If a parameter is invalid, does not have as many entries as `filters`, or makes the feature
        maps vanish: the message shows their sizes layer by layer.

    See Also
    --------
    build_dense : Builds a fully connected network.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning
       applied to document recognition. Proceedings of the IEEE 86(11).
    .. [2] F. Yu, V. Koltun (2016). Multi-scale context aggregation by dilated
       convolutions. ICLR.

    Examples
    --------
    >>> from skdl import build_convnet
    >>> net = build_convnet(
    ...     (28, 28, 1), 10, "softmax", filters=(32, 64, 64), pool_size=(2, 2, None), seed=0
    ... )
    >>> net.count_params()
    93322
    """
    from skdl._networks.keras import keras

    seeds = layer_seeds(seed)
    shape = _image_shape(input_shape)
    network = convolutions(
        shape[:2], filters, kernel_size, strides, padding, dilation_rate, pool_size, conv_dropout
    )
    layers = [keras.Input(shape, dtype=input_dtype(dtype), name="inputs")]
    if rescale is not None:
        layers.append(keras.layers.Rescaling(rescale, dtype=dtype, name="rescaling"))
    layers += augmentation_layers(augmentation, dtype, seeds)
    layers += _conv_layers(
        network, activation, l1, l2, batch_normalization, kernel_initializer, dtype, seeds
    )
    layers.append(keras.layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten"))
    layers += dense_layers(
        hidden_layer_sizes, activation, dropout, l1, l2, False, kernel_initializer, dtype, seeds
    )
    layers.append(
        output_layer(n_outputs, output_activation, l1, l2, kernel_initializer, dtype, seeds)
    )
    return keras.Sequential(layers, name="convolutional_network")


def _conv_layers(
    network, activation, l1, l2, batch_normalization, kernel_initializer, dtype, seeds
):
    from skdl._networks.keras import keras

    layers = []
    for number, conv in enumerate(network, start=1):
        name = f"conv_{number}"
        layers.append(
            keras.layers.Conv2D(
                conv.filters,
                conv.kernel_size,
                strides=conv.strides,
                padding=conv.padding,
                dilation_rate=conv.dilation_rate,
                data_format="channels_last",
                activation=own_activation(activation, dtype),
                kernel_initializer=seeded_initializer(kernel_initializer, seeds),
                kernel_regularizer=kernel_penalty(l1, l2),
                dtype=dtype,
                name=name,
            )
        )
        if batch_normalization:
            name_of = f"{name}_normalization"
            layers.append(keras.layers.BatchNormalization(dtype=dtype, name=name_of))
        if max(conv.pool_size) > 1:
            layers.append(
                keras.layers.MaxPooling2D(
                    conv.pool_size, data_format="channels_last", dtype=dtype, name=f"{name}_pooling"
                )
            )
        if conv.dropout:
            layers.append(
                keras.layers.Dropout(
                    conv.dropout, seed=next(seeds), dtype=dtype, name=f"{name}_dropout"
                )
            )
    return layers


def _image_shape(input_shape):
    shape = tuple(input_shape) if isinstance(input_shape, Iterable) else ()
    if len(shape) == 3 and all(map(is_size, shape)):
        return tuple(map(int, shape))
    raise ValueError(
        "input_shape must be (height, width, channels), all positive integers, received "
        f"input_shape={input_shape!r}."
    )


# The public place, which pickles name.
build_convnet.__module__ = "skdl"
