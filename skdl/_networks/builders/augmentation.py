"""Random changes of images in training: rotations, shifts, flips, as layers of Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")
_OF_SIZE = "a fraction of the size"
# Each change with its Keras layer, the arguments that a plain value stands for, and its unit.
_AUGMENTATIONS = {
    "flip": ("RandomFlip", ("mode",), " or ".join(map(repr, _FLIPS))),
    "rotation": ("RandomRotation", ("factor",), "a fraction of a full turn: degrees / 360"),
    "translation": ("RandomTranslation", ("height_factor", "width_factor"), _OF_SIZE),
    "shear": ("RandomShear", ("x_factor", "y_factor"), _OF_SIZE),
    "zoom": ("RandomZoom", ("height_factor", "width_factor"), _OF_SIZE),
}


def augmentation_layers(
    augmentation: Mapping[str, Any] | None, dtype: str, seeds: Iterator[int]
) -> list[keras.Layer]:
    """Return the layers that change images at random in training, as `build_convnet` says."""
    from skdl._networks.keras import keras

    unknown = sorted(set(augmentation or ()) - set(_AUGMENTATIONS), key=str)
    if unknown:
        raise ValueError(
            f"augmentation has unknown keys {unknown!r}. The keys are {[*_AUGMENTATIONS]!r}."
        )
    layers = []
    for key, (layer, names, unit) in _AUGMENTATIONS.items():
        value = (augmentation or {}).get(key)
        if not value:
            continue
        arguments = value if isinstance(value, Mapping) else dict.fromkeys(names, value)
        arguments = {name: _plain_number(name, entry) for name, entry in arguments.items()}
        ours = {"seed": next(seeds), "data_format": "channels_last", "dtype": dtype, "name": key}
        try:
            if arguments.get("mode", _FLIPS[0]) not in _FLIPS:  # Keras would not flip at all
                raise ValueError(f"mode={arguments['mode']!r} is unknown.")
            layers.append(getattr(keras.layers, layer)(**{**arguments, **ours}))
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ValueError(
                f"augmentation[{key!r}] must be {unit}, or a dict with arguments of "
                f"keras.layers.{layer}, received {value!r}: {error}"
            ) from error
    return layers


def _plain_number(name, value):
    """Return an argument of a Keras layer as it can be saved and loaded again."""
    if not isinstance(value, Real):
        return value
    # Keras writes a shear of 0.2 as (-0.2, 0.2), which it refuses when it loads the network.
    return (0.0, float(value)) if name in ("x_factor", "y_factor") else float(value)
