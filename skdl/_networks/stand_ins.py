"""What stands for Keras objects in copies and pickles.

Keras finds only registered classes, and copies a loss by its configuration even where that leaves
out an argument.
"""

from __future__ import annotations

import copy
from typing import Any

from skdl._common.loaded import loaded
from skdl._networks.full_config import names_all


class Copied:
    """Stands for a Keras object; what copying or unpickling makes of it is such an object."""

    def __init__(self, instance: Any):
        self.instance = instance

    def __deepcopy__(self, memo: dict) -> Any:
        function, arguments = self.__reduce__()
        return function(*copy.deepcopy(arguments, memo))

    def __reduce__(self) -> tuple:
        from skdl._networks.recipes import Original, Recipe, with_attributes

        recipe = Recipe.of(self.instance, "loss")
        if isinstance(recipe, Original):
            return with_attributes, (type(self.instance), dict(vars(self.instance)))
        return _from_config, (recipe.cls, recipe.config)


class CopiedLayer(Copied):
    """Stands for a layer or a whole network, compiled or not; its weights are copied."""

    def __reduce__(self) -> tuple:
        from skdl._networks.custom.layer_parts import parts_of, remade

        return remade, parts_of(self.instance)


def copiable(value: Any) -> Any:
    """Return a value with stand-ins for layers and objects of users' own classes in it.

    Losses of Keras have one if their configurations leave out an argument. Lists, tuples and dicts
    are copied; what is in no need of a stand-in stays what it is.
    """
    keras = loaded("keras")
    if keras is None:  # so that there is no object of it
        return value
    if type(value) is dict:
        return {name: copiable(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(copiable, value))
    if isinstance(value, keras.Layer):
        return CopiedLayer(value)
    if isinstance(value, type) or not hasattr(value, "get_config"):
        return value
    known = type(value).__module__.partition(".")[0] == "keras"
    whole = known and (not isinstance(value, keras.losses.Loss) or names_all(value))
    return value if whole else Copied(value)


def _from_config(cls: Any, config: dict) -> Any:
    from skdl._networks.default_seeds import own_default_seeds

    with own_default_seeds():
        return cls.from_config(config)
