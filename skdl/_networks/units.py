"""Metrics in the units of y, of a network that is trained on standardised y."""

from __future__ import annotations

from typing import Any

from skdl._networks.keras import keras


class Units(keras.metrics.Metric):
    """The offset and the scale of each output, as variables that metrics read.

    It measures nothing itself. Keras hands its variables on with those of the metrics, so that
    networks whose units differ share their compiled programs.
    """

    def __init__(self, n_outputs: int):
        super().__init__(name="units")
        self.offset = self.add_variable((n_outputs,), "zeros", name="offset")
        self.scale = self.add_variable((n_outputs,), "ones", name="scale")

    def of(self, standardised: Any) -> Any:
        """Return targets or outputs in the units of y."""
        scale, offset = (
            keras.ops.cast(each, standardised.dtype) for each in (self.scale, self.offset)
        )
        return standardised * scale + offset

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the units do not depend on the rows."""

    def reset_state(self) -> None:
        """Do nothing: the units stay as they are from epoch to epoch."""

    def result(self) -> dict[str, Any]:
        """Return no number, so that none comes into the logs."""
        return {}


def measure_in_units(model: keras.Model, n_outputs: int) -> None:
    """Let the metrics of a compiled model see targets and outputs in the units of y."""
    units = Units(n_outputs)
    model._metrics.append(units)
    compute = model.compute_metrics

    def compute_metrics(x, y, y_pred, sample_weight=None):
        y = keras.ops.convert_to_tensor(y, y_pred.dtype)
        return compute(x, units.of(y), units.of(y_pred), sample_weight)

    model.compute_metrics = compute_metrics


def units_of(model: keras.Model) -> Units | None:
    """Return the units in which a model's metrics are measured, None where it has none."""
    return next((each for each in model.metrics if isinstance(each, Units)), None)
