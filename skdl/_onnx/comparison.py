"""What a converted model computes, compared with the predictions of the estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier

if TYPE_CHECKING:
    from onnx import ModelProto


def check_predictions(
    model: ModelProto, estimator: BaseEstimator, X: Any, feeds: dict[str, Any], tolerance: float
) -> None:
    """Raise a ValueError where ONNX Runtime and the estimator differ on rows."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        found = dict(zip(names, session.run(None, feeds), strict=True))
    except Exception as error:  # of ONNX Runtime, which has many classes of its own
        raise ValueError(f"ONNX Runtime cannot run the converted model on X: {error}") from error
    if not is_classifier(estimator):
        method = "predict" if hasattr(estimator, "predict") else "transform"
        expected = getattr(estimator, method)(X)
        expected = expected.toarray() if issparse(expected) else np.asarray(expected)
        scale = max(1.0, np.abs(expected).max())
        got = found[names[0]].reshape(expected.shape)
        _check_close(method, got / scale, expected / scale, tolerance)
        return
    sure: Any = slice(None)
    labels = np.asarray(estimator.predict(X))
    if hasattr(estimator, "predict_proba"):
        got, expected = found["probabilities"], estimator.predict_proba(X)
        if isinstance(expected, list):  # one array an output
            for part, wanted in zip(got, expected, strict=True):
                _check_close("predict_proba", part, wanted, tolerance)
            sure = np.stack([_first_is_sure(wanted, tolerance) for wanted in expected], axis=1)
        else:
            _check_close("predict_proba", got, expected, tolerance)
            several = labels.ndim == 2
            sure = (
                np.abs(expected - 0.5) > tolerance
                if several
                else (_first_is_sure(expected, tolerance))
            )
    if not np.array_equal(found["label"][sure], labels[sure]):
        raise ValueError("The converted model's labels differ from those of predict on X.")


def _first_is_sure(probabilities, tolerance):
    """Return for each row whether its most probable class stays so within the tolerance."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities), bool)
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    return first - second > 2 * tolerance


def _check_close(method, got, expected, tolerance):
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    difference = np.where(same, 0, np.abs(got - expected)).max()
    if not difference <= tolerance:
        raise ValueError(
            f"On rows of X, ONNX Runtime differs from {method} by {difference:.1e}, above "
            f"tolerance={tolerance}. Give X as float64 if it is float32: steps before the network "
            "then compute in it. Or accept the difference, which networks fitted in bfloat16 need, "
            "by a larger tolerance. A large one means that skl2onnx takes a step for another: "
            "convert the network without it."
        )
