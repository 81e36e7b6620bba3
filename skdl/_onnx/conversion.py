"""Fitted estimators and pipelines as ONNX models: `to_onnx`."""

from __future__ import annotations

import copy
from importlib import import_module
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skdl._onnx.comparison import check_predictions
from skdl._onnx.parts import check_categories, check_known, classes_of, free_axes

if TYPE_CHECKING:
    from onnx import ModelProto

_OUTPUTS = ("label", "probabilities", "variable")
_CHECKED_ROWS = 100
# What skl2onnx raises where it cannot convert something.
_FAILURES = (RuntimeError, TypeError, AssertionError, AttributeError, LookupError)
_SKIPPED = (None, "passthrough")  # steps of a pipeline that do nothing


def to_onnx(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    target_opset: int = 18,
    tolerance: float | None = 1e-5,
) -> ModelProto:
    """Convert a fitted estimator or pipeline to one ONNX model.

    Preprocessing, network and labels become one model that ONNX Runtime runs without Python,
    scikit-learn or Keras. The parts from scikit-learn are converted by skl2onnx, and the networks
    by skdl. The result is checked by `onnx.checker`, and by ONNX Runtime on rows of X.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of skdl, a `Pipeline` or `TransformedTargetRegressor` that contains one,
        an ensemble that skl2onnx converts (voting, stacking, bagging, calibration, one-vs-rest,
        several outputs), or a search over these, whose best estimator is converted. It is left
        unchanged.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those that the model will be given, at least one; images may be of shape
        (n_samples, height, width) or (n_samples, height, width, channels), and the rows of a
        `KerasClassifier` or `KerasRegressor` may have any shape. Their dtype and shape become those
        of the model's input; an axis along which such a network takes any length stays free. A
        DataFrame gives one input per column, of shape (n_samples, 1) and with the name of the
        column.
    target_opset : int, default=18
        Version of ONNX's operators, from 15 to the newest with which skl2onnx was tested (22 for
        skl2onnx 1.20). 18 is supported by ONNX Runtime 1.14 of 2023 and later.
    tolerance : float, default=1e-5
        Largest accepted difference, on the first 100 rows of X, between the results of ONNX Runtime
        and the predictions of the estimator: absolute for probabilities, and for values relative to
        the largest of them if that is above 1. None: no comparison.

    Returns
    -------
    model : onnx.ModelProto
        Its input is "X", or one per column for a DataFrame. The outputs of a classifier are
        "label", of shape (n_samples,) or (n_samples, n_outputs), and "probabilities", of shape
        (n_samples, n_classes), as `predict` and `predict_proba` return them; for a
        `MultiOutputClassifier`, the probabilities are a sequence with one such array per output.
        The output of a regressor is "variable", float64 of shape (n_samples, n_outputs), even for a
        single output.

    Raises
    ------
    ImportError
        If onnx, skl2onnx or onnxruntime is missing: `pip install 'skdl[onnx]'`.
    ValueError
        If a step, layer, activation or type, which the message names, cannot be converted; or if
        the converted model gives other predictions for X.

    See Also
    --------
    register_onnx_converters : Makes skl2onnx's own functions take networks.
    build_dense : Builds the networks of the dense estimators.
    build_convnet : Builds convolutional networks.
    KerasClassifier : Takes a network of your own; the user guide lists the layers that convert.

    Notes
    -----
    A network computes in float32, or in float64 if it was fitted with `dtype="float64"`; operators
    that ONNX Runtime does not implement in float64, such as convolutions, stay in float32. Networks
    in bfloat16 are converted to float32, which agrees with their own predictions to about two
    digits: pass a larger `tolerance`. Preprocessing computes in the dtype of X.

    References
    ----------
    .. [1] ONNX: Open Neural Network Exchange. https://onnx.ai

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdl import DenseClassifier, to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), DenseClassifier(epochs=5, random_state=0)).fit(X, y)
    >>> session = onnxruntime.InferenceSession(to_onnx(net, X).SerializeToString())
    >>> label, probabilities = session.run(None, {"X": X})
    >>> bool(np.abs(probabilities - net.predict_proba(X)).max() < 1e-5)
    True
    """
    _import_onnx(needs_runtime=tolerance is not None)
    import onnx
    import skl2onnx

    from skdl._onnx import columns
    from skdl._onnx import converters as ours
    from skdl._onnx.tensor_types import tensor_type

    newest = skl2onnx.get_latest_tested_opset_version()
    if not isinstance(target_opset, Integral) or not 15 <= target_opset <= newest:
        raise ValueError(
            f"target_opset must be an integer from 15 to {newest}, received "
            f"target_opset={target_opset!r}."
        )
    if tolerance is not None and not (isinstance(tolerance, Real) and tolerance >= 0):
        raise ValueError(
            f"tolerance must be at least 0, or None, received tolerance={tolerance!r}."
        )
    check_is_fitted(estimator)
    plain = _plain(estimator, ours)
    classes = classes_of(plain)
    ours.register()
    for cls in classes:
        check_known(cls, skl2onnx)
    X = _rows(X)
    check_categories(plain)
    try:
        model = skl2onnx.convert_sklearn(
            plain,
            name=type(estimator).__name__,
            initial_types=_input_types(X, tensor_type, free_axes(plain)),
            target_opset={"": int(target_opset), "ai.onnx.ml": 3},
            custom_conversion_functions=columns.CONVERTERS,
            custom_shape_calculators=columns.SHAPE_CALCULATORS,
            options=_options(plain, ours),
        )
        _name_inputs(model, X)
        next(o for o in model.opset_import if not o.domain).version = int(target_opset)
        onnx.checker.check_model(model, full_check=True)
    except (*_FAILURES, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        theirs = sorted(cls.__name__ for cls in classes if not ours.converts(cls))
        raise ValueError(
            f"skl2onnx {skl2onnx.__version__} cannot convert this {type(estimator).__name__}, "
            f"of which it converts {', '.join(theirs) or 'nothing alone'}: {error}. Another dtype "
            "of X may help, or another preprocessing."
        ) from error
    if tolerance is not None:
        X = X[:_CHECKED_ROWS]
        check_predictions(model, estimator, X, _feeds(X), tolerance)
    return model


def register_onnx_converters() -> None:
    """Register the networks of skdl with skl2onnx, for calls of its own functions.

    Afterwards, `skl2onnx.to_onnx` and `skl2onnx.convert_sklearn` accept pipelines and ensembles
    that contain estimators of skdl. `skdl.to_onnx` does not need this call. Existing classes
    derived from skdl's are registered as well: call the function again after defining others.

    Raises
    ------
    ImportError
        If onnx or skl2onnx is missing: `pip install 'skdl[onnx]'`.

    See Also
    --------
    to_onnx : Converts an estimator and checks what became of it.

    Notes
    -----
    The probabilities and values of a network then have the dtype of the inputs, float32 or float64,
    as with skl2onnx's own converters; with `skdl.to_onnx` they are float64. Nothing is compared
    with the estimator's predictions. The converters of skl2onnx itself, such as that of
    `StandardScaler`, are not changed.

    Examples
    --------
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdl import DenseClassifier, register_onnx_converters
    >>> X, y = load_iris(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), DenseClassifier(epochs=1)).fit(X, y)
    >>> register_onnx_converters()
    >>> model = skl2onnx.to_onnx(net, X[:1], options={"zipmap": False})
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    _import_onnx(needs_runtime=False)
    from skdl._onnx import converters

    converters.register()


def _import_onnx(needs_runtime):
    try:
        for name in ("onnx", "skl2onnx", "onnxruntime")[: 3 if needs_runtime else 2]:
            import_module(name)
    except ImportError as error:
        raise ImportError(
            f"skdl.to_onnx needs {name}, which cannot be imported: pip install 'skdl[onnx]'"
        ) from error


def _rows(X):
    """Return X as a DataFrame, CSR matrix or array of two dimensions or more."""
    if isinstance(X, pd.DataFrame):
        return X
    X = X.tocsr() if issparse(X) else np.asarray(X)
    if X.ndim < 2:
        raise ValueError(
            f"X must have rows of features, received an array of shape {X.shape}. Texts are "
            "converted from the matrix of their words, X=vectorizer_.transform(texts), and images "
            "from arrays of their pixels."
        )
    return X


def _plain(estimator, ours):
    """Return pipelines of fitted steps in place of searches and transformed targets."""
    if hasattr(estimator, "best_estimator_"):
        return _plain(estimator.best_estimator_, ours)
    if hasattr(estimator, "cv_results_"):
        raise ValueError(
            f"{type(estimator).__name__}(refit=False) holds no fitted estimator. Search with "
            "refit=True, or convert an estimator that was fitted with its best_params_."
        )
    if isinstance(estimator, TransformedTargetRegressor):
        inverse = ours.Inverse(estimator.transformer_)
        steps = [("regressor", _plain(estimator.regressor_, ours)), ("inverse", inverse)]
        return Pipeline(steps)
    if isinstance(estimator, Pipeline):
        steps = [(name, step) for name, step in estimator.steps if step not in _SKIPPED]
        return Pipeline([(name, _plain(step, ours)) for name, step in steps])
    if isinstance(estimator, VotingClassifier):  # skl2onnx refuses what is for `transform` alone
        estimator = copy.copy(estimator)
        estimator.flatten_transform = False
    return estimator


def _options(plain, ours):
    """Return skl2onnx's options: arrays of probabilities, and float64 as networks predict."""
    options, last = {}, plain
    if is_classifier(plain):
        options[id(plain)] = {"zipmap": False}
    while isinstance(last, Pipeline):
        last = last[-1]
    if isinstance(last, ours.NETWORKS):
        options[id(last)] = options.get(id(last), {}) | {ours.IN_FLOAT64: True}
    return options


def _input_types(X, tensor_type, free=()):
    if not isinstance(X, pd.DataFrame):
        if X.dtype == object and pd.api.types.infer_dtype(X.ravel()) != "string":
            raise ValueError(
                "X is an array of objects that are not all strings. Give columns of different "
                "types as a DataFrame."
            )
        shape = [None if i in free else n for i, n in enumerate(X.shape)]
        return [("X", tensor_type(X.dtype, [None, *shape[1:]]))]
    taken = [name for name in X.columns if str(name) in _OUTPUTS]
    if taken or X.columns.has_duplicates:
        raise ValueError(
            f"The columns of X become inputs of the same names: they must differ from each other "
            f"and from {_OUTPUTS}, received {[*X.columns]!r}. Rename them before fit."
        )
    return [(str(name), tensor_type(_dtype(name, X[name]), [None, 1])) for name in X.columns]


def _name_inputs(model, X):
    """Give inputs the names of their columns, which skl2onnx writes without special characters."""
    if not isinstance(X, pd.DataFrame):
        return
    names = {info.name: str(column) for info, column in zip(model.graph.input, X, strict=True)}
    for info in model.graph.input:
        info.name = names[info.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def _dtype(name, column):
    """Return the NumPy dtype in which scikit-learn sees a column."""
    values = column.dtype
    if isinstance(values, pd.CategoricalDtype):
        values = values.categories.dtype
    if pd.api.types.is_bool_dtype(values):
        return np.dtype(bool)
    if pd.api.types.is_integer_dtype(values):
        return np.dtype("float64" if column.isna().any() else "int64")
    if pd.api.types.is_float_dtype(values):
        return np.dtype("float32" if values.itemsize == 4 else "float64")
    if pd.api.types.infer_dtype(column.astype(object), skipna=True) != "string":
        raise ValueError(
            f"Column {name!r} of X, of dtype {column.dtype}, holds neither numbers nor strings. "
            "Turn it into one of these before fit."
        )
    return np.dtype(object)


def _feeds(X):
    """Return what ONNX Runtime takes for X; missing strings are empty ones."""
    if not isinstance(X, pd.DataFrame):
        return {"X": X.toarray() if issparse(X) else X}
    feeds = {}
    for name, column in X.items():
        dtype = _dtype(name, column)
        if dtype.kind == "O":
            column = column.astype(object).where(column.notna(), "")
        feeds[str(name)] = column.to_numpy(dtype=dtype)[:, None]
    return feeds


to_onnx.__module__ = register_onnx_converters.__module__ = "skdl"  # the public place
