"""The classes and functions of Keras that a saved estimator may hold, by their public names.

All of them compute; none reads a file, runs code that it is handed, or imports a module.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from importlib import import_module
from math import prod
from typing import Any

from skdl._common.loaded import loaded
from skdl._networks.recipes import Recipe
from skdl.exceptions import InvalidFileError

# Whole modules, with the class that what they hold must have as its base.
_MODULES = {
    "optimizers": "Optimizer",
    "optimizers.schedules": "LearningRateSchedule",
    "losses": "Loss",
    "metrics": "Metric",
    "initializers": "Initializer",
    "regularizers": "Regularizer",
    "constraints": "Constraint",
    "activations": None,
}
# Layers that change numbers into numbers: what activations and backbones are made of. Not
# among them, for what they can do: Lambda (runs code that the file brings), TFSMLayer, JaxLayer,
# FlaxLayer and TorchModuleWrapper (load programs or pickles), StringLookup, IntegerLookup and
# TextVectorization (read vocabularies from files).
_LAYERS = """
    Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D BatchNormalization
    CenterCrop Concatenate Conv1D Conv2D Conv2DTranspose Cropping2D Dense DepthwiseConv2D Dot
    Dropout ELU Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization Identity
    InputLayer LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D Maximum Minimum
    MultiHeadAttention Multiply Normalization PReLU Permute RandomContrast RandomFlip
    RandomRotation RandomShear RandomTranslation RandomZoom ReLU Rescaling Reshape Resizing
    SeparableConv2D Softmax SpatialDropout2D Subtract UnitNormalization UpSampling2D
    ZeroPadding2D
""".split()  # noqa: SIM905 - a list would have a line for each
# What models in `keras.applications` hold beside layers.
_PARTS_OF_MODELS = (
    "keras.src.models.functional.Functional",
    "keras.src.ops.numpy.Add",
    "keras.src.ops.numpy.Multiply",
    "keras.src.applications.convnext.LayerScale",
    "keras.src.applications.inception_resnet_v2.CustomScaleLayer",
)
# Strings for which Keras finds a loss or metric by the shapes of targets and outputs.
_BY_SHAPE = {"acc", "accuracy", "ce", "crossentropy"}
_LARGEST_INT = 100_000  # in the configuration of a metric
_NOT_FUNCTIONS = {"get", "serialize", "deserialize"}


@cache
def known_objects() -> dict[str, Any]:
    """Return the known classes and functions by name, such as "keras.losses.Huber"."""
    from skdl._networks.keras import keras

    found = {"keras.Sequential": keras.Sequential, "keras.DTypePolicy": keras.DTypePolicy}
    for name in _PARTS_OF_MODELS:
        module, _, cls = name.rpartition(".")
        found[name] = getattr(import_module(module), cls)
    found |= {f"keras.layers.{name}": getattr(keras.layers, name) for name in _LAYERS}
    for path, base in _MODULES.items():
        module = keras
        for part in path.split("."):
            module = getattr(module, part)
        for name, value in vars(module).items():
            if isinstance(value, type):
                fits = base is not None and issubclass(value, getattr(module, base))
            else:
                fits = inspect.isfunction(value) and name not in _NOT_FUNCTIONS
            if fits and value.__module__.split(".")[0] == "keras":
                found[f"keras.{path}.{name}"] = value
    return found


@cache
def _names() -> dict[int, str]:
    return {id(value): name for name, value in reversed(known_objects().items())}


@cache
def _short_names() -> set[str]:
    names = {name.rsplit(".", 1)[-1] for name in known_objects()}
    return names | {name.lower() for name in names} | _BY_SHAPE


def name_of(value: type | Callable) -> str:
    """Return the public name of something in Keras, the full name of anything else."""
    return _names().get(id(value)) or f"{value.__module__}.{value.__qualname__}"


def function_names() -> set[str]:
    """Return the names under which known functions pickle, such as "keras.src....relu"."""
    functions = filter(inspect.isfunction, known_objects().values())
    return {f"{function.__module__}.{function.__name__}" for function in functions}


def name_in_config(config: dict[str, Any]) -> str | None:
    """Return what a serialised Keras object names that is not known; None if all is known.

    Only the object itself is looked at, not those inside of its configuration.
    """
    class_name, module = config["class_name"], config.get("module")
    inner, registered = config.get("config"), config.get("registered_name")
    if class_name == "__keras_tensor__":
        return None
    if class_name == "__numpy__":
        return None if _is_numeric(inner) else "__numpy__"
    if class_name == "function":
        plain = module == "builtins" and registered in (None, "function")
        plain = plain and isinstance(inner, str) and inner in _short_names()
        return None if plain else str(registered if registered not in (None, "function") else inner)
    if registered not in (None, class_name):
        return str(registered)
    if module is None:
        return None if class_name in _short_names() else str(class_name)
    name = f"{module}.{class_name}"
    return None if name in known_objects() else name


def _is_numeric(inner: Any) -> bool:
    kinds = {"bool", "float16", "float32", "float64", "int32", "int64", "uint8"}
    return isinstance(inner, dict) and inner.get("dtype") in kinds


def is_registered(text: str) -> bool:
    """Tell whether Keras would look a text up among the custom objects of this process."""
    keras = loaded("keras")  # where it is not loaded, none are registered
    return keras is not None and keras.saving.get_registered_object(text) is not None


def check_nesting(outer: str | None, name: str, module: str | None) -> str | None:
    """Return the full name of a Keras object whose configuration stands within another's.

    Metrics allocate as they are made, and models may; so neither may be hidden in what does not.

    Raises
    ------
    InvalidFileError
        If the one can have no use for the other.
    """
    if outer is None:
        return f"{module}.{name}" if module else name
    inner = _kind_of(name, module)
    if inner == "metric" or (inner == "model" and _kind_of(*_split(outer)) != "model"):
        raise InvalidFileError(f"it holds a {name} within a {outer}")
    # Configurations without a module, as of functions, say nothing of where they stand.
    return f"{module}.{name}" if module else outer


def _split(name):
    module, _, cls = name.rpartition(".")
    return cls, module or None


def _kind_of(name, module):
    from skdl._networks.keras import keras

    if module is None:
        places = (keras.metrics, keras.layers, keras.losses, keras.optimizers, keras)
        found = next((getattr(place, name) for place in places if hasattr(place, name)), None)
    else:
        found = known_objects().get(f"{module}.{name}")
    if isinstance(found, type) and issubclass(found, keras.metrics.Metric):
        return "metric"
    return "model" if isinstance(found, type) and issubclass(found, keras.Model) else "other"


def check_metrics(recipes: list[Recipe], most: int) -> int:
    """Return how many numbers the metrics among some recipes, once made, would hold.

    An error is raised if they are more than `most`.
    """
    # Late: both load Keras.
    from skdl._networks.keras import keras
    from skdl._networks.unallocated import without_memory

    metrics = [r for r in recipes if _is(r.cls, keras.metrics.Metric)]
    for recipe in metrics:
        large = [n for n in recipe.config.values() if type(n) is int and n > _LARGEST_INT]
        if large:
            raise InvalidFileError(f"its metric {recipe.cls.__name__} is too large: {large[0]}")
    with without_memory(most) as variables:
        for recipe in metrics:
            recipe.make()
    return sum(prod(variable.shape) for variable in variables)


def made_if_small(recipe: Recipe, most: int) -> tuple[Any, int]:
    """Return the Keras object of a recipe from a file, and how many numbers it holds.

    An error is raised if they are more than `most`.
    """
    from skdl._networks.keras import keras
    from skdl._networks.unallocated import without_memory

    if _is(recipe.cls, keras.Model):
        raise InvalidFileError(f"it holds a {recipe.cls.__name__} without its weights")
    size = check_metrics([recipe], most)
    if _is(recipe.cls, keras.Layer):
        with without_memory(most) as variables:
            recipe.make()
        size = sum(prod(variable.shape) for variable in variables)
    return recipe.make(), size


def _is(cls, base):
    return isinstance(cls, type) and issubclass(cls, base)
