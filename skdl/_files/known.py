"""What a saved estimator may be made of, and why it is harmless.

A file can give an object of these classes any attributes, and call these functions (and the
constructors of what is callable) with any arguments. So each of them must do no more than hold
attributes or compute: run no code from its attributes, read or write no file, import nothing.

Left out on purpose, though common: the trees of forests and boosting (`sklearn.tree._tree.Tree`,
`TreePredictor`) and of neighbours (`KDTree`, `BallTree`). Their compiled code follows indices from
the file without looking, so that a hostile file could make it read or write any memory.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import scipy.special

_SPLITTERS = (
    "KFold StratifiedKFold GroupKFold StratifiedGroupKFold ShuffleSplit StratifiedShuffleSplit "
    "GroupShuffleSplit RepeatedKFold RepeatedStratifiedKFold TimeSeriesSplit LeaveOneOut "
    "LeavePOut LeaveOneGroupOut LeavePGroupsOut PredefinedSplit _CVIterableWrapper"
)
_SELECTORS = "chi2 f_classif f_regression f_oneway r_regression"
_LOSSES = "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss "
_LOSSES += "HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss "
_LOSSES += "PinballLoss"
_SGD_LOSSES = "EpsilonInsensitive Hinge ModifiedHuber SquaredEpsilonInsensitive SquaredHinge"
_LINKS = "HalfLogitLink IdentityLink Interval LogitLink LogLink MultinomialLogit"
_CALLBACKS = {"early_stopping": "EarlyStopping", "reduce_lr_on_plateau": "ReduceLROnPlateau"}
_CALLBACKS |= {"terminate_on_nan": "TerminateOnNaN"}

# (why they are harmless, module, names)
OBJECTS = [
    ("estimators that exist only after an experimental import; they hold attributes",
     "sklearn.model_selection._search_successive_halving",
     "HalvingGridSearchCV HalvingRandomSearchCV"),
    ("the same", "sklearn.impute._iterative", "IterativeImputer _ImputerTriplet"),
    ("estimators; they hold attributes", "skdl",
     "DenseClassifier DenseRegressor TextBoWClassifier ConvNetClassifier OneHotTextVectorizer "
     "ImageReshaper PretrainedFeatureClassifier PretrainedFeatureExtractor"),
    ("the labels of a classifier", "skdl._estimators.targets", "ClassTargets ValueTargets"),
    ("the description of a backbone and its weights", "skdl._networks.backbones", "Backbone"),
    ("the cv of a search; they hold numbers and yield positions",
     "sklearn.model_selection._split", _SPLITTERS),
    ("the scoring of a search; they call a function that is itself known, on an estimator",
     "sklearn.metrics._scorer", "_Scorer _PassthroughScorer _MultimetricScorer"),
    ("what set_fit_request and the like note; names and booleans",
     "sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest"),
    ("the columns of a ColumnTransformer, by a pattern or by dtypes",
     "sklearn.compose._column_transformer", "make_column_selector"),
    ("the classifiers within CalibratedClassifierCV; they hold estimators and numbers",
     "sklearn.calibration", "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling"),
    ("the bins of HistGradientBoosting*; arrays",
     "sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
    ("losses and link functions of linear models; they hold numbers",
     "sklearn._loss.loss", _LOSSES),
    ("the same", "sklearn._loss.link", _LINKS),
    ("the splines of SplineTransformer; arrays", "scipy.interpolate._bsplines", "BSpline"),
    *(("callbacks that only look at the loss and set the learning rate", f"keras.src.callbacks.{m}",
       name) for m, name in _CALLBACKS.items()),
]  # fmt: skip
FUNCTIONS = [
    ("scores of columns, for SelectKBest and the like",
     "sklearn.feature_selection._univariate_selection", _SELECTORS),
    ("the same", "sklearn.feature_selection._mutual_info",
     "mutual_info_classif mutual_info_regression"),
    ("what a BSpline makes arrays with", "scipy._lib.array_api_compat.numpy._aliases", "asarray"),
]  # fmt: skip
# The types of keys of dicts, of columns, of what transformers return.
_SCALARS = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str_"
TYPES = [
    ("plain types; calling one converts a value", "builtins", "str int float bool object"),
    ("types of numbers; calling one converts a value", "numpy", f"{_SCALARS} bool_"),
    ("what RepeatedKFold repeats", "sklearn.model_selection._split", "KFold StratifiedKFold"),
]
CONTAINERS = {
    "DictNode": {"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "SetNode": {"builtins.set", "builtins.frozenset"},
    "SliceNode": {"builtins.slice"},
    "JsonNode": {"builtins.str"},
    "PartialNode": {"functools.partial"},  # of a known function, with known arguments
}
# Of those, the one that copies its arrays when it is loaded.
COPYING = {"sklearn.isotonic.IsotonicRegression"}
# Why a name is not on the lists, where people will ask.
REASONS = {
    name: "its compiled code follows indices from the file without looking"
    for name in (
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
    )
} | {"keras.layers.Lambda": "it runs code that the file brings"}


def _full(listed):
    return {f"{module}.{name}" for _, module, names in listed for name in names.split()}


@cache
def known_names() -> dict[str, set[str]]:
    """Return the names that each kind of node in skops's schema may have."""
    from sklearn.utils import all_estimators

    estimators = {f"{cls.__module__}.{cls.__qualname__}" for _, cls in all_estimators()}
    estimators = {name for name in estimators if name.startswith("sklearn.")}
    losses = {f"sklearn._loss._loss.Cy{name}" for name in _LOSSES.split()}
    return {
        **CONTAINERS,
        "ObjectNode": estimators | _full(OBJECTS),
        "FunctionNode": _full(FUNCTIONS) | _metrics() | _elementwise(),
        "TypeNode": _full(TYPES),
        "LossNode": losses | {f"sklearn.linear_model._sgd_fast.{n}" for n in _SGD_LOSSES.split()},
    }


def _metrics():
    """Return the functions of sklearn.metrics, which compute one value from two arrays."""
    import sklearn.metrics

    found = (getattr(sklearn.metrics, name) for name in sklearn.metrics.__all__)
    return {
        f"{f.__module__}.{f.__name__}" for f in found if callable(f) and not isinstance(f, type)
    }


def _elementwise():
    """Return the functions of NumPy and SciPy from numbers to numbers, for FunctionTransformer."""
    found = [
        (module, name)
        for module in (np, scipy.special)
        for name in dir(module)
        if isinstance(getattr(module, name), np.ufunc)
    ]
    places = {np: ("numpy",), scipy.special: ("scipy.special", "scipy.special._ufuncs")}
    return {f"{place}.{name}" for module, name in found for place in places[module]}


def is_known(kind: str, name: str) -> bool:
    """Tell whether a node of this kind may have this name."""
    if name in known_names().get(kind, ()):
        return True
    if kind == "FunctionNode" and name.startswith("keras.") and "keras" in sys.modules:
        from skdl._networks.names import function_names

        return name in function_names()
    return False
