"""Networks with a pretrained backbone: the builder `build_pretrained` and its parts.

Like all builders they are pure functions, but for the backbone, which is a model with weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skdl._common.seeds import layer_seeds
from skdl._networks.builders.augmentation import augmentation_layers
from skdl._networks.builders.dense import dense_layers, input_dtype, output_layer
from skdl._networks.settings import own_settings

if TYPE_CHECKING:
    import keras

__all__ = ["build_pretrained"]


@own_settings()
def build_pretrained(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    output_activation: str | Callable = "linear",
    *,
    backbone: keras.Model,
    image_shape: tuple[int, int] | None = None,
    preprocess: str | float | None = None,
    rescale: float = 1.0,
    pooling: str | None = None,
    fine_tune_from: str | None = None,
    augmentation: Mapping[str, Any] | None = None,
    hidden_layer_sizes: int | Sequence[int] = (256,),
    activation: Any = "relu",
    dropout: float | Sequence[float] = 0.5,
    l1: float = 0.0,
    l2: float = 0.0,
    batch_normalization: bool | Sequence[bool] = False,
    kernel_initializer: Any = "glorot_uniform",
    dtype: str = "float32",
    seed: int | None = None,
) -> keras.Model:
    """Build a network from a pretrained backbone and a dense head, without compiling it.

    Images are augmented at random during training, resized, preprocessed and passed through the
    backbone, whose feature maps are flattened or pooled for the hidden layers and the output layer.
    The backbone runs in inference mode during training as well [1]_: its batch normalization keeps
    its statistics, and its dropout and all its other random operations are inactive.

    Parameters
    ----------
    input_shape : tuple of three int
        Shape of one image, `(height, width, channels)`.
    n_outputs : int
        Number of units of the output layer.
    output_activation : str or callable, default="linear"
        Activation of the output layer.
    backbone : keras.Model
        A model from images to feature maps or features. It becomes part of the network, with its
        weights, and the network determines which of its layers are trainable.
    image_shape : tuple of two int, default=None
        Height and width in pixels to which images are resized (bilinear interpolation, with
        averaging if they shrink). None does not resize them.
    preprocess : str or float, default=None
        Name in `keras.applications` whose preprocessing is applied to pixels from 0 to 255, or a
        factor by which the pixels are multiplied; None leaves them unchanged.
    rescale : float, default=1.0
        Factor by which pixels are multiplied before `preprocess` is applied.
    pooling : str, default=None
        "avg" or "max": the mean or maximum of each feature map is used. None: all of its values are
        used.
    fine_tune_from : str, default=None
        Name of the first layer of the backbone that is trained; batch normalization layers are not
        trained. None: the whole backbone is frozen.
    augmentation : dict, default=None
        Random changes of the images during training, as in `build_convnet`.
    hidden_layer_sizes : int or sequence of int, default=(256,)
        Number of units of each hidden layer; an int means one layer, an empty sequence none.
    activation : str, dict, Keras layer, callable or sequence of them, default="relu"
        Activation of the hidden layers: one for all layers, or one per layer.
    dropout : float or sequence of float, default=0.5
        Fraction of each hidden layer's outputs that is set to zero in training, in [0, 1): one
        value for all layers, or one per layer.
    l1, l2 : float, default=0.0
        Weights of the sums of absolute and of squared kernel weights of the head in the loss.
    batch_normalization : bool or sequence of bool, default=False
        Whether to apply batch normalization to each hidden layer's outputs: one value for all
        layers, or one per layer.
    kernel_initializer : str, dict or keras.Initializer, default="glorot_uniform"
        Initializer of the head's kernels. Its own seed, if any, is replaced by one drawn from
        `seed`.
    dtype : str, default="float32"
        Keras dtype policy of all layers except those of the backbone, which has its own.
    seed : int, default=None
        Determines augmentation, the head's initial weights and dropout; None draws a new seed.

    Returns
    -------
    keras.Model
        A functional model from `(batch, height, width, channels)` to `(batch, n_outputs)`.

    Raises
    ------
    ValueError
        If the backbone has no layer named `fine_tune_from`; the message lists the layers.

    See Also
    --------
    build_convnet : Builds a convolutional network.

    Notes
    -----
    The returned model keeps the backbone in inference mode. A copy of it that Keras makes, such as
    one loaded from a .keras file, is trained by Keras with the backbone's dropout.

    References
    ----------
    .. [1] S. Kornblith, J. Shlens, Q. V. Le (2019). Do better ImageNet models transfer better?
       CVPR.

    Examples
    --------
    >>> import keras
    >>> from skdl import build_pretrained
    >>> base = keras.applications.VGG16(
    ...     include_top=False, weights=None, input_shape=(150, 150, 3)
    ... )
    >>> net = build_pretrained((150, 150, 3), 1, "sigmoid", backbone=base, preprocess="VGG16")
    >>> net.count_params(), sum(w.value.shape.num_elements() for w in net.trainable_weights)
    (16812353, 2097665)
    """
    from skdl._networks.keras import keras
    from skdl._networks.variables import flat_layers, random_parts

    seeds = layer_seeds(seed)
    inputs = keras.Input(input_shape, dtype=input_dtype(dtype), name="inputs")
    x = inputs
    for layer in augmentation_layers(augmentation, dtype, seeds):
        x = layer(x)
    for _ in random_parts([*flat_layers(backbone)], backbone.variables):
        next(seeds)  # is the backbone's, where the engine draws its weights
    _set_trainable(backbone, fine_tune_from)
    x = _features(x, backbone, image_shape, preprocess, rescale, pooling, dtype)
    head = dense_layers(
        hidden_layer_sizes, activation, dropout, l1, l2, batch_normalization,
        kernel_initializer, dtype, seeds,
    )  # fmt: skip
    head.append(
        output_layer(n_outputs, output_activation, l1, l2, kernel_initializer, dtype, seeds)
    )
    for layer in head:
        x = layer(x)
    return keras.Model(inputs, x, name="pretrained_network")


@own_settings()
def build_features(
    input_shape: tuple[int, int, int],
    *,
    backbone: keras.Model,
    image_shape: tuple[int, int] | None = None,
    preprocess: str | float | None = None,
    rescale: float = 1.0,
    pooling: str | None = None,
    dtype: str = "float32",
    seed: int | None = None,
) -> keras.Model:
    """Build a network from images to the features of a frozen backbone."""
    from skdl._networks.keras import keras

    inputs = keras.Input(input_shape, dtype=input_dtype(dtype), name="inputs")
    _set_trainable(backbone, None)
    x = _features(inputs, backbone, image_shape, preprocess, rescale, pooling, dtype)
    return keras.Model(inputs, x, name="features")


def _features(x, backbone, image_shape, preprocess, rescale, pooling, dtype):
    """Return the features that a backbone makes of images."""
    from skdl._networks.builders.backbones import affine_of
    from skdl._networks.keras import keras

    layers, named = keras.layers, {"dtype": dtype, "data_format": "channels_last"}
    channels = backbone.input_shape[-1] or 3
    if image_shape is not None and tuple(image_shape) != x.shape[1:3]:
        shrinks = image_shape[0] < x.shape[1] or image_shape[1] < x.shape[2]
        x = layers.Resizing(*image_shape, antialias=shrinks, name="resizing", **named)(x)
    reverse, factors, offsets = affine_of(preprocess)
    if reverse and x.shape[-1] > 1:
        x = keras.ops.flip(x, axis=-1)
        x._keras_history.operation.name = "reversed_channels"  # "flip" is an augmentation's
    if x.shape[-1] == 1 < channels:
        x = layers.Concatenate(dtype=dtype, name="grey_to_colours")([x] * channels)
    if len({*factors}) == len({*offsets}) == 1:
        factors, offsets = factors[0] * rescale, offsets[0]
    else:
        factors = [factor * rescale for factor in factors]
    if factors != 1 or offsets != 0:
        x = layers.Rescaling(factors, offsets, dtype=dtype, name="preprocessing")(x)
    _set_at_rest(backbone)
    x = backbone(x, training=False)
    dtype = input_dtype(dtype)
    if pooling is None:
        return layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten")(x)
    kind = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}[pooling]
    return kind(data_format="channels_last", dtype=dtype, name="pooling")(x)


def _set_at_rest(backbone: keras.Model) -> None:
    """Let a backbone compute as in prediction, whatever the network around it does.

    Keras 3.15 hands the `training` of the outer network to all within, in place of what each was
    called with.
    """
    from skdl._networks.keras import keras
    from skdl._networks.variables import flat_layers, with_parts

    call = type(backbone).call.__get__(backbone)

    def call_at_rest(inputs, training=None, mask=None, **keywords):
        return call(inputs, training=False, mask=mask, **keywords)

    backbone.call = call_at_rest
    for layer in flat_layers(backbone):
        for part in with_parts(layer):
            if isinstance(part, keras.layers.Normalization) and part.input_mean is None:
                _compute_from_variables(part)


def _compute_from_variables(layer: keras.layers.Normalization) -> None:
    """Let a layer that was adapted compute from its variables.

    Keras lets it compute from copies of them, which are left behind where the weights are set.
    """
    call = type(layer).call.__get__(layer)

    def call_from_variables(inputs):
        copies = layer.mean, layer.variance
        layer.finalize_state()
        try:
            return call(inputs)
        finally:
            layer.mean, layer.variance = copies

    layer.call = call_from_variables


def _set_trainable(backbone: keras.Model, first: str | None) -> None:
    """Freeze a backbone, but for the layers from one on that are no batch normalisation."""
    from skdl._networks.keras import keras
    from skdl._networks.variables import flat_layers, with_parts

    layers = list(flat_layers(backbone))
    names = [layer.name for layer in layers]
    if first is None:
        backbone.trainable = False
        return
    if first not in names:
        raise ValueError(
            f"fine_tune_from={first!r} is no layer of {backbone.name}. Its layers are, from input "
            f"to output: {', '.join(names)}."
        )
    backbone.trainable = True
    for position, layer in enumerate(layers):
        layer.trainable = position >= names.index(first)
        for part in with_parts(layer):
            if isinstance(part, keras.layers.BatchNormalization):
                part.trainable = False


# The public place, which pickles name.
build_pretrained.__module__ = "skdl"
