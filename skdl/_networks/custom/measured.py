"""Metrics of a user's network that ends in logits: Keras's own are given probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from skdl._networks.keras import keras
from skdl._networks.suited import identify, is_of_logits


def measure_probabilities(metrics: Iterable[keras.metrics.Metric], link: str) -> None:
    """Let metrics see the probabilities that logits become.

    That is as Keras documents each of them: a threshold of one half, or a logarithm, means
    probabilities. What is made for logits, and what users write, sees the outputs as they are.

    Parameters
    ----------
    metrics : iterable of keras.metrics.Metric
        Those of a compiled network.
    link : {"sigmoid", "softmax"}
        What makes probabilities of the network's outputs.
    """
    for metric in metrics:
        name, settings = identify("metrics", metric)
        if name is not None and not is_of_logits(name, settings):
            metric.update_state = _of_probabilities(metric.update_state, link)


def _of_probabilities(update: Callable, link: str) -> Callable:
    activation = keras.activations.get(link)

    def update_state(y, outputs, sample_weight=None):
        outputs = keras.ops.convert_to_tensor(outputs)
        dtype = keras.backend.result_type(outputs.dtype, "float32")
        return update(y, activation(keras.ops.cast(outputs, dtype)), sample_weight=sample_weight)

    return update_state
