"""What a notebook shows of an estimator: its attributes, and its network as picture and table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from skdl._common.counts import counted
from skdl._estimators.diagram.graph import graph_of, n_trainable, shapes_of
from skdl._estimators.diagram.picture import picture_of
from skdl._estimators.diagram.planned import planned_graph
from skdl._sklearn import AttrsDict, fitted_attributes

if TYPE_CHECKING:
    import keras

# scikit-learn's style sheet for its tables comes with the diagram.
_SECTION = """
<div class="estimator-table">
  <details>
    <summary>{summary}</summary>
    {content}
  </details>
</div>
"""
_TABLE = """
    <table class="parameters-table">
      <tbody>
        <tr><th>Layer</th><th>Type</th><th>Output shape</th><th>Parameters</th></tr>
        {rows}
      </tbody>
    </table>
"""
_ROW = '<tr class="default">{}</tr>'


class NetworkAttributes(AttrsDict):
    """The fitted attributes of an estimator, shown with its network.

    Parameters
    ----------
    estimator : BaseNetwork or TabularNetworks
        Fitted or not.
    models : list of keras.Model
        What makes up the network from input to output, or is built like it; may be empty.
    doc_link : str
        Address of the estimator's page, may be empty.
    members : int, default=1
        Number of such networks that the estimator holds.
    """

    def __init__(
        self, estimator: Any, models: Sequence[keras.Model], doc_link: str, members: int = 1
    ):
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
        self.models, self.members = models, members

    def _html_repr(self) -> str:
        network = network_section(self.models, self.members) if self.models else ""
        return super()._html_repr() + network


def network_section(models: Sequence[keras.Model], members: int = 1) -> str:
    """Return HTML of a network: a picture of its layers, and a table with all of them."""
    from skdl._networks.keras import keras

    layers = [layer for model in models for layer in model.layers]
    layers = [layer for layer in layers if not isinstance(layer, keras.layers.InputLayer)]
    total, n_trained = sum(model.count_params() for model in models), n_trainable(models)
    summary = f"{counted(len(layers), 'layer')}, {counted(total, 'parameter', spec=',')}"
    if n_trained != total:
        summary += f" ({n_trained:,} trainable)"
    if members > 1:
        summary = f"one of {counted(members, 'member')}, {summary}"
    rows = []
    for layer in layers:
        count = f"{layer.count_params():,}" if layer.built else "not built"
        cells = layer.name, type(layer).__name__, shapes_of(layer), count
        rows.append(_ROW.format("".join(f"<td>{escape(cell)}</td>" for cell in cells)))
    graph = graph_of(models)
    picture = "" if graph is None else picture_of(graph, f"Layers of the network: {summary}")
    content = picture + _TABLE.format(rows="\n        ".join(rows))
    return _SECTION.format(summary=f"Network: {summary}", content=content)


def with_planned_network(parameters: Any, estimator: Any) -> Any:
    """Let the table of parameters of an estimator that is not fitted show its network, too."""
    graph = None if estimator.__sklearn_is_fitted__() else planned_graph(estimator)
    if graph is None:
        return parameters
    members = getattr(estimator, "n_members", 1)
    each = f", each of {members} members" if members > 1 else ""
    picture = picture_of(graph, "Layers of the network", fitted=False)
    known = "" if hasattr(estimator, "model") else " (their shapes follow from the data)"
    section = _SECTION.format(summary=f"Layers before fit{each}{known}", content=picture)
    table = parameters._html_repr()
    parameters._html_repr = lambda: table + section
    return parameters
