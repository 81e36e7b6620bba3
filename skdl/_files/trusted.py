"""The names that skops has to be told to trust in the files of skdl's estimators."""

from __future__ import annotations

from skdl._files import known

# What fitted estimators hold beside what `known` lists; in `skdl.save`'s files these are parts.
_PARTS = """
    skdl._engine.network.Network skdl._networks.configuration.NetworkConfig
    skdl._networks.recipes.Recipe skdl._engine.custom.network.OwnNetwork
    skdl._engine.custom.network.OwnConfig skdl._engine.custom.building.Builder
    skdl._transformers.features.Features skdl._networks.builders.pretrained.build_features
    skdl.build_convnet skdl.build_dense skdl.build_pretrained numpy.dtype
"""


def trusted_types() -> list[str]:
    """Return the names of all classes and functions that skdl's estimators are saved with.

    Tools that write scikit-learn estimators by skops, such as MLflow, load a file only if every
    class and function in it is trusted by its name. skops knows the estimators of scikit-learn;
    this is the list of what the estimators of skdl add to them.

    Returns
    -------
    names : list of str
        Full names, sorted: the estimators of skdl, what they hold after a fit, and the optimizers,
        losses, metrics, layers and other classes and functions of Keras that only compute. A
        function or class of your own, such as the `model` of a `KerasClassifier`, is not among
        them; add its name, such as "my_module.build".

    See Also
    --------
    load : Loads a file that `save` wrote, and checks what is in it.

    Notes
    -----
    Trust these names in files of people whom you know. skops compares names only, whereas `load`
    also checks the sizes and values in a file: pass on files by `save` and `load` if strangers are
    to load them.

    skops does not write all that `save` does: Keras objects among the parameters can be given to it
    by name or as a configuration, such as ``optimizer="sgd"``, and not as an object.

    Examples
    --------
    >>> import skops.io
    >>> from skdl import DenseClassifier, trusted_types
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(epochs=5, random_state=0).fit(X, y)
    >>> written = skops.io.dumps(net)
    >>> loaded = skops.io.loads(written, trusted=trusted_types())
    >>> bool((loaded.predict_proba(X) == net.predict_proba(X)).all())
    True
    """
    from skdl._networks.names import known_objects

    of_keras = {f"{each.__module__}.{each.__qualname__}" for each in known_objects().values()}
    ours = {
        name
        for names in known.known_names().values()
        for name in names
        if name.startswith(("skdl.", "keras."))
    }
    return sorted({*of_keras, *ours, *_PARTS.split()})


trusted_types.__module__ = "skdl"
