"""What a notebook shows of a fitted estimator: its attributes, and the layers of its network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from skdl._sklearn import AttrsDict, fitted_attributes

if TYPE_CHECKING:
    import keras

# scikit-learn's style sheet for its tables comes with the diagram.
_TABLE = """
<div class="estimator-table">
  <details>
    <summary>Network: {summary}</summary>
    <table class="parameters-table">
      <tbody>
        <tr><th>Layer</th><th>Type</th><th>Output shape</th><th>Parameters</th></tr>
        {rows}
      </tbody>
    </table>
  </details>
</div>
"""
_ROW = '<tr class="default">{}</tr>'


class NetworkAttributes(AttrsDict):
    """The fitted attributes of an estimator, shown with the table of its network's layers.

    Parameters
    ----------
    estimator : BaseNetwork
        Fitted or not.
    models : list of keras.Model
        What makes up the network from input to output, or is built like it; may be empty.
    doc_link : str
        Address of the estimator's page, may be empty.
    """

    def __init__(self, estimator: Any, models: Sequence[keras.Model], doc_link: str):
        # scikit-learn looks at all attributes, and would so build the Keras model in `model_`,
        # of which the table tells more. Its `dir` looks at them, too.
        ending = {name for name in object.__dir__(estimator) if name.endswith("_")} - {"model_"}
        names = [name for name in ending if name[0] != "_" and hasattr(estimator, name)]
        shown = SimpleNamespace(**{name: getattr(estimator, name) for name in names})
        super().__init__(
            fitted_attrs=dict(fitted_attributes(shown)),
            estimator_class=type(estimator),
            doc_link=doc_link,
        )
        self.models = models

    def _html_repr(self) -> str:
        return super()._html_repr() + (layers_table(self.models) if self.models else "")


def layers_table(models: Sequence[keras.Model]) -> str:
    """Return an HTML table of layers, their output shapes and numbers of parameters."""
    from skdl._networks.keras import keras

    layers = [layer for model in models for layer in model.layers]
    layers = [layer for layer in layers if not isinstance(layer, keras.layers.InputLayer)]
    total = sum(model.count_params() for model in models)
    trained = [variable for model in models for variable in model.trainable_variables]
    n_trained = sum(math.prod(variable.shape) for variable in trained)
    summary = f"{len(layers)} layer{'s'[: len(layers) > 1]}, {total:,} parameters"
    if n_trained != total:
        summary += f" ({n_trained:,} trainable)"
    rows = []
    for layer in layers:
        count = f"{layer.count_params():,}"
        cells = layer.name, type(layer).__name__, _shapes(layer), count
        rows.append(_ROW.format("".join(f"<td>{escape(cell)}</td>" for cell in cells)))
    return _TABLE.format(summary=summary, rows="\n        ".join(rows))


def _shapes(layer):
    """Return the shapes of a layer's outputs, without the axis of rows; "" where not known."""
    from skdl._networks.keras import keras

    try:
        outputs = keras.tree.flatten(layer.output)
    except AttributeError:  # used in several places, or in a network that is a class of its own
        return ""
    return "; ".join(
        " x ".join("?" if size is None else str(size) for size in tensor.shape[1:])
        for tensor in outputs
    )
