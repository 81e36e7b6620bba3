"""What a network reads or writes outside of its own variables, found in its traced graph.

The programs of a network are handed its variables at each call. Anything else that a graph holds
on to, a variable that Keras does not track or a generator without a seed of the network, would be
shared by all fits, and end in other numbers each time.
"""

from __future__ import annotations

from skdl._networks.keras import keras

import tensorflow as tf  # isort: skip - after Keras, which loads it without its log lines
from keras.src.random.seed_generator import global_seed_generator  # isort: skip

_RANDOM = {
    "RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal",
    "ParameterizedTruncatedNormal", "Multinomial", "RandomGamma", "RandomPoisson",
    "RandomPoissonV2", "RandomShuffle", "StatefulUniform", "StatefulStandardNormal",
    "StatefulStandardNormalV2", "StatefulUniformInt", "StatefulTruncatedNormal",
    "StatefulUniformFullInt", "StatefulRandomBinomial", "RandomCrop", "SampleDistortedBoundingBox",
    "SampleDistortedBoundingBoxV2", "LogUniformCandidateSampler", "UniformCandidateSampler",
}  # fmt: skip
_PYTHON = {"PyFunc", "EagerPyFunc", "PyFuncStateless"}


def _whose(model, foreign):
    """Return where variables come from that Keras does not track, and what to do."""
    for layer in model._flatten_layers():
        activation = getattr(layer, "activation", None)
        if isinstance(activation, keras.Layer):
            kind, of = type(layer).__name__, type(activation).__name__
            return (
                f"those of the activation {of} of the layer {layer.name!r}, which Keras neither "
                "trains nor saves",
                f"Give the network a layer keras.layers.{of}() of its own, after {kind}(...) "
                "without activation.",
            )
    names = ", ".join(repr(variable.name) for variable in foreign)
    return names, "Make them in a layer by add_weight."


def check_state(template, name: str) -> bool:
    """Raise a ValueError if a network reads or writes what is not its own.

    Returns
    -------
    may_loop : bool
        Whether the compiled programs can train it; False where it calls Python functions.
    """
    model = template.model

    def forward(inputs):
        return model(inputs, training=True)

    traced = tf.function(forward, autograph=False)
    specs = template.inputs.specs(None)
    if template.sparse:
        (shape,) = template.inputs.shapes
        specs = tf.SparseTensorSpec(shape, template.inputs.dtypes[0])
    graph = traced.get_concrete_function(specs).graph
    own = {id(variable.value) for variable in template.variables}
    own |= {id(variable.value) for variable in [*model.metrics_variables, *template.numbers]}
    foreign = [variable for variable in graph.variables if id(variable) not in own]
    if any(variable is global_seed_generator().state.value for variable in foreign):
        raise ValueError(
            f"A layer of model={name} draws random numbers without a seed of its own, which no "
            "random_state could decide. Give the layer `self.seed_generator = "
            "keras.random.SeedGenerator(seed)` and pass it on: keras.random.normal(..., "
            "seed=self.seed_generator)."
        )
    if foreign:
        whose, remedy = _whose(model, foreign)
        raise ValueError(
            f"The network of model={name} uses variables that are not its own: {whose}. They would "
            f"carry over from one fit to the next. {remedy}"
        )
    definition = graph.as_graph_def()
    nodes = [*definition.node]
    for function in definition.library.function:
        nodes += function.node_def
    for node in nodes:
        if node.op in _RANDOM:
            raise ValueError(
                f"The network of model={name} draws random numbers by TensorFlow's {node.op} "
                f"({node.name!r}), which no random_state decides. Use keras.random with `seed=` "
                "a keras.random.SeedGenerator that is an attribute of the layer."
            )
    return not any(node.op in _PYTHON for node in nodes)
