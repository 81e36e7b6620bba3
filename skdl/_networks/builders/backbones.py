"""Backbones of pretrained networks: found by name, object, function or file, with their weights."""

from __future__ import annotations

import difflib
import inspect
import os
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from skdl._common.counts import counted
from skdl._networks.builders.backbone_weights import imagenet_function, load_weights, stamp_of
from skdl._networks.builders.dense import input_dtype
from skdl._networks.keras import keras
from skdl._networks.recipes import Recipe
from skdl._networks.settings import building, warn_of_data_format
from skdl._networks.variables import flat_layers

# Names of layers around a backbone, see `build_pretrained`.
_TAKEN = re.compile(
    "inputs|flip|rotation|translation|shear|zoom|resizing|reversed_channels|grey_to_colours|"
    r"preprocessing|flatten|pooling|hidden_\d+(_normalization|_dropout)?|output"
)
# Height and width of images from files where neither the user nor the backbone says.
_DEFAULT_SIZE = (224, 224)
_APPLICATIONS = {name: getattr(keras.applications, name) for name in dir(keras.applications)}
_APPLICATIONS = {name: f for name, f in _APPLICATIONS.items() if inspect.isfunction(f)}


@dataclass(frozen=True)
class Backbone:
    """A network without its classes, and all that is known of it.

    Parameters
    ----------
    label : str
        What errors call it.
    architecture : Recipe
        Class and configuration of the Keras model.
    weights : tuple of ndarray or None
        Values of its weights; None: drawn from a seed.
    application : str or None
        The name in `keras.applications` whose preprocessing belongs to it.
    input_shape : tuple of int
        Height, width and channels of the images that it takes.
    output_shape : tuple of int
        Shape of what it makes of one image.
    layers : tuple of str
        Names of its layers, from input to output.
    """

    label: str
    architecture: Recipe
    weights: tuple[np.ndarray, ...] | None
    application: str | None
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, ...]
    layers: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the Keras model."""
        return self.architecture.config["name"]

    def n_features(self, pooling: str | None) -> int:
        """Return the number of features of an image."""
        if pooling is None:
            return prod(self.output_shape)
        if len(self.output_shape) != 3:
            raise ValueError(
                f"pooling={pooling!r} needs maps of shape (height, width, filters), but "
                f"{self.label} gives outputs of shape {self.output_shape}. Set pooling=None."
            )
        return self.output_shape[-1]

    def preprocessing(self, preprocess: str | float | None) -> str | float | None:
        """Return what "auto" stands for; other values once they are checked."""
        if preprocess == "auto":
            preprocess = self.application
        if isinstance(preprocess, str):
            _check_application("preprocess", preprocess)
            channels, (reverse, *affine) = self.input_shape[2], affine_of(preprocess)
            if channels != 3 and (reverse or any(len({*each}) > 1 for each in affine)):
                raise ValueError(
                    f"preprocess={preprocess!r} differs by colour, but {self.label} takes images "
                    f"of {counted(channels, 'channel')}. Set preprocess to None or to a factor."
                )
        return preprocess

    def check_layer(self, parameter: str, name: str) -> None:
        """Raise a ValueError that lists the layers if there is no layer of that name."""
        if name not in self.layers:
            raise ValueError(
                f"{parameter}={name!r} is no layer of {self.label}. Its layers are, from input "
                f"to output: {', '.join(self.layers)}."
            )


def find_backbone(
    backbone: Any,
    weights: str | os.PathLike | None,
    image_shape: tuple[int, int] | None,
    given: tuple[int, int] | None,
    layer: str | None = None,
    dtype: str = "float32",
) -> Backbone:
    """Return the backbone that an estimator's parameters describe.

    Parameters
    ----------
    backbone, weights, image_shape, layer, dtype
        As in `PretrainedFeatureExtractor`.
    given : tuple of two int or None
        Height and width of the images, None for files.

    Raises
    ------
    ValueError
        If there is no such backbone, it cannot take such images, or the weights do not fit.
    OSError
        If a file is missing or cannot be read.
    """
    with building(), warnings.catch_warnings():
        # That weights made for other sizes are loaded, which is what is asked for.
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        return _found(backbone, weights, image_shape, given, layer, dtype)


def _found(backbone, weights, image_shape, given, layer, dtype):
    weights = os.path.expanduser(weights) if weights is not None else None
    size = image_shape or given or _DEFAULT_SIZE
    for name, function in _APPLICATIONS.items():
        backbone = name if backbone is function else backbone
    if isinstance(backbone, os.PathLike) or (isinstance(backbone, str) and _is_path(backbone)):
        path = os.path.expanduser(backbone)
        label, model = f"backbone={path!r}", _read(path, stamp_of(path, "backbone"))
    elif isinstance(backbone, str):
        _check_application("backbone", backbone)
        if weights == "imagenet":
            stamp = os.environ.get("KERAS_HOME")
        else:
            stamp = stamp_of(weights, "weights") if weights else None
        return _application(backbone, weights, tuple(size), layer, dtype, stamp)
    elif isinstance(backbone, keras.Model):
        label, model = f"backbone={backbone.name!r}", backbone
    elif callable(backbone) and not isinstance(backbone, keras.Layer):
        label = f"backbone={getattr(backbone, '__name__', backbone)}"
        model = _called(backbone, label, (*size, 3))
    else:
        raise TypeError(
            "backbone must be a name in keras.applications, a Keras model, a function that "
            f"returns one, or the path of a .keras file, received backbone={backbone!r}."
        )
    _check_graph(label, model)
    if _TAKEN.fullmatch(model.name):
        raise ValueError(
            f"{label} has the name {model.name!r}, as has a layer around it. Give the model "
            "another: model.name = 'base'."
        )
    if weights not in {None, "imagenet"}:
        model = _copy(label, model)
        load_weights(model, weights, label)
    size = _size(label, model, image_shape, given)
    application = _application_of(model.name)
    return _described(label, application, model, weights is not None, size, layer, dtype)


@lru_cache(maxsize=2)
def _application(name, weights, size, layer, dtype, stamp):
    """Return a backbone of `keras.applications`; `stamp` tells when its weights change."""
    function, arguments = _APPLICATIONS[name], {"include_top": False, "input_shape": (*size, 3)}
    try:
        if weights == "imagenet":
            model = imagenet_function(function)(weights="imagenet", **arguments)
        else:
            model = function(weights=None, **arguments)
    except ValueError as error:
        minimum = re.search(r"at least (\d+)\s*x\s*(\d+)", str(error))
        if minimum is None:
            raise
        raise _too_small(name, size, error, minimum.groups()) from error
    _name_afresh(model)
    if weights not in {None, "imagenet"}:
        load_weights(model, weights, name)
    return _described(name, name, model, weights is not None, size, layer, dtype)


def _described(label, application, model, with_weights, size, layer, dtype):
    """Return what is to be known of a model."""
    if layer is not None:
        model = _cut(label, model, layer)
    channels = model.input_shape[-1] or 3
    try:
        output = model.compute_output_shape((1, *size, channels))[1:]
    except ValueError as error:
        raise _too_small(label, size, error) from error
    if not all(output):
        raise _too_small(label, size, f"its outputs would have shape {output}")
    return Backbone(
        label=label,
        architecture=_recipe(label, model, dtype),
        weights=tuple(model.get_weights()) if with_weights else None,
        application=application,
        input_shape=(*size, channels),
        output_shape=tuple(output),
        layers=tuple(each.name for each in flat_layers(model)),
    )


def _application_of(model_name: str) -> str | None:
    """Return the application whose models have such names, "mobilenetv2_1.00_224" for one."""
    plain = re.sub(r"_\d\.\d+_\d+$", "", model_name).replace("_", "").lower()
    return next((name for name in _APPLICATIONS if name.lower() == plain), None)


def _is_path(backbone: str) -> bool:
    named = backbone in _APPLICATIONS
    return not named and (backbone.endswith((".keras", ".h5")) or os.sep in backbone)


def _check_application(parameter: str, name: str) -> None:
    if name in _APPLICATIONS:
        return
    known = {known.lower(): known for known in _APPLICATIONS}
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(known[c]) for c in close)}?" if close else ""
    more = "" if parameter == "preprocess" else " A file must end in .keras."
    raise ValueError(
        f"{parameter}={name!r} is not a name in keras.applications.{hint}{more} "
        f"The names are {', '.join(_APPLICATIONS)}."
    )


def _too_small(label, size, error, minimum=None):
    least = "larger" if minimum is None else f"at least ({minimum[0]}, {minimum[1]})"
    return ValueError(
        f"Images of {size[0]} x {size[1]} pixels are too small for {label}: {error}. Set "
        f"image_shape to {least}; images are resized to it."
    )


@lru_cache(maxsize=2)
def _read(path, stamp):
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # whatever a damaged archive leads to
        raise OSError(f"backbone={path!r} cannot be read as a Keras model: {error}") from error


def _called(function: Callable, label: str, shape: tuple[int, int, int]) -> keras.Model:
    """Return a copy of the model that a user's function makes."""
    parameters = inspect.signature(function).parameters
    model = function(input_shape=shape) if "input_shape" in parameters else function()
    _check_graph(label, model)
    warn_of_data_format(model, label)
    copy = _copy(label, model)
    copy.set_weights(model.get_weights())
    _name_afresh(copy)
    return copy


def _check_graph(label: str, model: Any) -> None:
    one_each = all(len(getattr(model, end, None) or ()) == 1 for end in ("inputs", "outputs"))
    if not (isinstance(model, keras.Model) and one_each and len(model.input_shape) == 4):
        raise ValueError(
            f"{label} must be a functional or sequential Keras model, already built, from images "
            "(height, width, channels) to one output, received "
            f"{type(model).__name__}{'' if not one_each else f' with inputs {model.input_shape}'}."
        )


def _copy(label: str, model: keras.Model) -> keras.Model:
    try:
        return type(model).from_config(model.get_config())
    except Exception as error:  # from_config of a user's layer may raise anything
        raise ValueError(
            f"{label} cannot be created anew from its configuration: {error}. Give its layers a "
            "get_config that returns every argument of their constructors."
        ) from error


def _cut(label: str, model: keras.Model, layer: str) -> keras.Model:
    """Return the part of a model from its input to a layer."""
    names = [each.name for each in model.layers]
    if layer not in names:
        raise ValueError(
            f"layer={layer!r} is no layer of {label}. Its layers are, from input to output: "
            f"{', '.join(names)}."
        )
    return keras.Model(model.inputs, model.get_layer(layer).output, name=model.name)


def _size(label, model, image_shape, given):
    """Return height and width of the images that a model is to take."""
    own = model.input_shape[1:3]
    size = image_shape or (own if all(own) else given or _DEFAULT_SIZE)
    if any(o is not None and o != s for o, s in zip(own, size, strict=True)):
        raise ValueError(
            f"image_shape={image_shape!r} does not fit {label}, which takes images of height and "
            f"width {own}. Set image_shape=None: images are resized to what it takes."
        )
    return tuple(size)


def _recipe(label: str, model: keras.Model, dtype: str) -> Recipe:
    config = _with_dtype(model.get_config(), dtype)
    recipe = Recipe(type(model), config)
    try:
        recipe.key  # noqa: B018 - raises if the configuration is not plain data
    except TypeError as error:
        raise ValueError(f"{label} has a configuration that is not plain data: {error}") from error
    return recipe


def _with_dtype(config: Any, dtype: str) -> Any:
    """Return a configuration with the dtype policies of all its layers replaced."""
    if isinstance(config, list | tuple):
        return [_with_dtype(item, dtype) for item in config]
    if not isinstance(config, Mapping):
        return config
    if str(config.get("class_name", "")).endswith("DTypePolicy"):
        return keras.saving.serialize_keras_object(keras.DTypePolicy(dtype))
    config = {name: _with_dtype(value, dtype) for name, value in config.items()}
    if config.get("class_name") == "InputLayer":
        config["config"]["dtype"] = input_dtype(dtype)
    return config


def _name_afresh(model: keras.Model) -> None:
    """Name layers as in a new process: Keras counts them on, over all networks ever built.

    So networks made by one function share their programs, and their layers' names, which
    users type, stay the same.
    """
    counts: Counter[str] = Counter()

    def name(operation):
        kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(operation).__name__)
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
        if re.fullmatch(rf"{kind}(_\d+)?", operation.name):
            operation.name = f"{kind}_{counts[kind]}" if counts[kind] else kind
            counts[kind] += 1
        if isinstance(operation, keras.Model):
            for part in getattr(operation, "operations", operation.layers):
                name(part)

    name(model)


def affine_of(preprocess: str | float | None) -> tuple[bool, list[float], list[float]]:
    """Return a preprocessing as (whether channels are reversed, factors, offsets).

    That of an application is read off what its `preprocess_input` makes of black and of each
    pure colour, so that there is no table here that could differ from Keras.
    """
    if not isinstance(preprocess, str):
        return False, [1.0 if preprocess is None else float(preprocess)] * 3, [0.0] * 3
    function = sys.modules[_APPLICATIONS[preprocess].__module__].preprocess_input
    offset = function(np.zeros((1, 3)), data_format="channels_last")[0]
    colours = (function(255 * np.eye(3), data_format="channels_last") - offset).T / 255
    reverse = colours[0, 0] == 0
    factors = np.diag(colours[:, ::-1] if reverse else colours)
    return bool(reverse), factors.tolist(), offset.tolist()
