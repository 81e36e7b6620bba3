"""What a saved estimator may be made of, and why it is harmless.

A file can give an object of these classes any attributes, and call these functions (and the
constructors of what is callable) with any arguments. So each of them must do no more than hold
attributes or compute: run no code from its attributes, read or write no file, import nothing. And
where its compiled code counts on numbers among the attributes, `skdl._files.attributes` checks
them. What nobody has looked at is not here, so that it has to be trusted by name.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

import numpy as np
import scipy.special

from skdl._common.loaded import loaded

# (what they are, public module, names)
ESTIMATORS = [
    ("Networks and their transformers", "skdl",
     "DenseClassifier DenseRegressor TextBoWClassifier ConvNetClassifier OneHotTextVectorizer "
     "TabularClassifier TabularRegressor TokenSequencer ImageReshaper PiecewiseLinearEncoder "
     "PretrainedFeatureClassifier PretrainedFeatureExtractor"),
    ("Networks of your own, where the function that builds them is trusted", "skdl",
     "KerasClassifier KerasRegressor"),
    ("Scaling and encoding", "sklearn.preprocessing",
     "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer Binarizer OneHotEncoder "
     "OrdinalEncoder TargetEncoder LabelEncoder LabelBinarizer MultiLabelBinarizer "
     "PolynomialFeatures SplineTransformer QuantileTransformer PowerTransformer "
     "KBinsDiscretizer KernelCenterer FunctionTransformer"),
    ("Missing values", "sklearn.impute", "SimpleImputer MissingIndicator KNNImputer"),
    ("Missing values", "sklearn.impute._iterative", "IterativeImputer"),
    ("Pipelines and columns", "sklearn.pipeline", "Pipeline FeatureUnion"),
    ("Pipelines and columns", "sklearn.compose", "ColumnTransformer TransformedTargetRegressor"),
    ("Pipelines and columns", "sklearn.frozen", "FrozenEstimator"),
    ("Fewer dimensions", "sklearn.decomposition",
     "PCA IncrementalPCA TruncatedSVD FastICA FactorAnalysis"),
    ("Fewer dimensions", "sklearn.random_projection",
     "GaussianRandomProjection SparseRandomProjection"),
    ("Fewer dimensions", "sklearn.kernel_approximation", "RBFSampler"),
    ("Selection of features", "sklearn.feature_selection",
     "SelectKBest SelectPercentile SelectFpr SelectFdr SelectFwe GenericUnivariateSelect "
     "VarianceThreshold SelectFromModel RFE RFECV SequentialFeatureSelector"),
    ("Texts and dicts", "sklearn.feature_extraction.text",
     "CountVectorizer TfidfVectorizer TfidfTransformer HashingVectorizer"),
    ("Texts and dicts", "sklearn.feature_extraction", "DictVectorizer FeatureHasher"),
    ("Linear models", "sklearn.linear_model",
     "LogisticRegression LogisticRegressionCV RidgeClassifier RidgeClassifierCV SGDClassifier "
     "Perceptron LinearRegression Ridge RidgeCV Lasso LassoCV ElasticNet ElasticNetCV "
     "MultiTaskLasso MultiTaskLassoCV MultiTaskElasticNet MultiTaskElasticNetCV Lars LarsCV "
     "LassoLars LassoLarsCV LassoLarsIC OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV "
     "BayesianRidge ARDRegression SGDRegressor HuberRegressor QuantileRegressor "
     "TheilSenRegressor RANSACRegressor PoissonRegressor GammaRegressor TweedieRegressor"),
    ("Linear models", "sklearn.svm", "LinearSVC LinearSVR"),
    ("Linear models", "sklearn.discriminant_analysis",
     "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis"),
    ("Other models", "sklearn.naive_bayes",
     "GaussianNB MultinomialNB ComplementNB BernoulliNB CategoricalNB"),
    ("Trees, where `sklearn.tree._tree.Tree` is trusted", "sklearn.tree",
     "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor"),
    ("Trees, where `sklearn.tree._tree.Tree` is trusted", "sklearn.ensemble",
     "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor"),
    ("Other models", "sklearn.dummy", "DummyClassifier DummyRegressor"),
    ("Other models", "sklearn.isotonic", "IsotonicRegression"),
    ("Models of models", "sklearn.ensemble",
     "VotingClassifier VotingRegressor StackingClassifier StackingRegressor BaggingClassifier "
     "BaggingRegressor"),
    ("Models of models", "sklearn.calibration", "CalibratedClassifierCV"),
    ("Models of models", "sklearn.multiclass", "OneVsRestClassifier OneVsOneClassifier"),
    ("Models of models", "sklearn.multioutput",
     "MultiOutputClassifier MultiOutputRegressor ClassifierChain RegressorChain"),
    ("Searches", "sklearn.model_selection",
     "GridSearchCV RandomizedSearchCV FixedThresholdClassifier TunedThresholdClassifierCV"),
    ("Searches", "sklearn.model_selection._search_successive_halving",
     "HalvingGridSearchCV HalvingRandomSearchCV"),
]  # fmt: skip
_SPLITTERS = (
    "KFold StratifiedKFold GroupKFold StratifiedGroupKFold ShuffleSplit StratifiedShuffleSplit "
    "GroupShuffleSplit RepeatedKFold RepeatedStratifiedKFold TimeSeriesSplit LeaveOneOut "
    "LeavePOut LeaveOneGroupOut LeavePGroupsOut PredefinedSplit _CVIterableWrapper"
)
_SELECTORS = "chi2 f_classif f_regression f_oneway r_regression"
# Of generalised linear models, which look at their own loss when they score.
_LOSSES = "HalfGammaLoss HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity"
_OF_SGD = "HalfBinomialLoss HuberLoss"
_SGD_LOSSES = "EpsilonInsensitive Hinge ModifiedHuber SquaredEpsilonInsensitive SquaredHinge"
_CALLBACKS = {"early_stopping": "EarlyStopping", "reduce_lr_on_plateau": "ReduceLROnPlateau"}
_CALLBACKS |= {"terminate_on_nan": "TerminateOnNaN"}

# (why they are harmless, module, names)
OBJECTS = [
    ("the labels of a classifier", "skdl._estimators.fit.targets", "ClassTargets ValueTargets"),
    ("the same", "skdl._estimators.custom.targets", "OwnClassTargets OwnValueTargets"),
    ("the scale of a regressor's values; arrays", "skdl._estimators.fit.scale", "Scale"),
    ("the encoders of a table's columns, and what each column holds",
     "skdl._transformers.table_encoder", "TableEncoder"),
    ("the description of a backbone and its weights",
     "skdl._networks.builders.backbones", "Backbone"),
    ("a callback of searches; it holds nothing", "skdl", "SearchProgress"),
    ("the cv of a search; they hold numbers and yield positions",
     "sklearn.model_selection._split", _SPLITTERS),
    ("the scoring of a search; they call a function that is itself known, on an estimator",
     "sklearn.metrics._scorer", "_Scorer _PassthroughScorer _MultimetricScorer _CurveScorer"),
    ("the columns of a ColumnTransformer, by a pattern or by dtypes",
     "sklearn.compose._column_transformer", "make_column_selector"),
    ("the classifiers within CalibratedClassifierCV; they hold estimators and numbers",
     "sklearn.calibration", "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling"),
    ("a class that is always the same, within OneVsRestClassifier",
     "sklearn.multiclass", "_ConstantPredictor"),
    ("losses and link functions of linear models; they hold numbers",
     "sklearn._loss.loss", _LOSSES),
    ("the same", "sklearn._loss.link", "IdentityLink Interval LogLink"),
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
# Functions of two and more numbers in scipy.special that take any in a short time: others loop,
# or keep tables, as far as an order among their arguments says.
_OF_TWO = "boxcox boxcox1p inv_boxcox inv_boxcox1p xlogy xlog1py huber pseudo_huber"
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
    "TupleNode": {"builtins.tuple", "sklearn.impute._iterative._ImputerTriplet"},
    "SetNode": {"builtins.set", "builtins.frozenset"},
    "SliceNode": {"builtins.slice"},
    "JsonNode": {"builtins.str"},
    "PartialNode": {"functools.partial"},  # of a known function, with known arguments
}
# Of those, the one that copies its arrays when it is loaded.
COPYING = {"sklearn.isotonic.IsotonicRegression"}
# Why a name is not on the lists, where people will ask.
_FOLLOWS = "its compiled code follows indices from the file without looking"
_REASONS = {
    name: _FOLLOWS
    for name in (
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        *(f"sklearn.svm._classes.{name}" for name in ("SVC", "SVR", "NuSVC", "NuSVR")),
        "sklearn.svm._classes.OneClassSVM",
    )
} | {"keras.layers.Lambda": "it runs code that the file brings"}
_NOT_LOOKED_AT = "skdl does not check what its compiled code does with numbers from a file"


def reason_for(name: str) -> str | None:
    """Return why a name is not known, where people will ask."""
    return _REASONS.get(name, _NOT_LOOKED_AT if name.startswith("sklearn.") else None)


def _full(listed):
    return {f"{module}.{name}" for _, module, names in listed for name in names.split()}


def _estimators():
    """Return the estimators by the names of the modules that define them."""
    classes = [
        getattr(import_module(module), name)
        for _, module, names in ESTIMATORS
        if module != "skdl"
        for name in names.split()
    ]
    ours = _full(each for each in ESTIMATORS if each[1] == "skdl")
    return ours | {f"{cls.__module__}.{cls.__qualname__}" for cls in classes}


@cache
def known_names() -> dict[str, set[str]]:
    """Return the names that each kind of node in skops's schema may have."""
    losses = {f"sklearn._loss._loss.Cy{name}" for name in f"{_LOSSES} {_OF_SGD}".split()}
    return {
        **CONTAINERS,
        "ObjectNode": _estimators() | _full(OBJECTS),
        "FunctionNode": _full(FUNCTIONS) | _scores() | _elementwise(),
        "TypeNode": _full(TYPES),
        "LossNode": losses | {f"sklearn.linear_model._sgd_fast.{n}" for n in _SGD_LOSSES.split()},
    }


def _scores():
    """Return the functions that compare targets with predictions, as scorers call them.

    Not those of `sklearn.metrics.pairwise`: compiled code believes the matrices that some take.
    """
    import sklearn.metrics

    found = (getattr(sklearn.metrics, name) for name in sklearn.metrics.__all__)
    places = {f"sklearn.metrics._{name}" for name in ("classification", "ranking", "regression")}
    places |= {"sklearn.metrics.cluster._supervised"}
    return {
        f"{f.__module__}.{f.__name__}"
        for f in found
        if callable(f) and not isinstance(f, type) and f.__module__ in places
    }


def _elementwise():
    """Return the functions of NumPy and SciPy from numbers to numbers, for FunctionTransformer."""
    of_numpy = {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)}
    of_scipy = {
        name
        for name in dir(scipy.special)
        if isinstance(found := getattr(scipy.special, name), np.ufunc)
        and (found.nin == 1 or name in _OF_TWO.split())
    }
    # Where NumPy 2.0 and later, and SciPy, say that their functions are.
    places = {
        **dict.fromkeys(("numpy", "numpy._core._multiarray_umath"), of_numpy),
        **dict.fromkeys(("scipy.special", "scipy.special._ufuncs"), of_scipy),
    }
    return {f"{place}.{name}" for place, names in places.items() for name in names}


def is_known(kind: str, name: str) -> bool:
    """Tell whether a node of this kind may have this name."""
    if name in known_names().get(kind, ()):
        return True
    if kind == "FunctionNode" and name.startswith("keras.") and loaded("keras"):
        from skdl._networks.names import function_names

        return name in function_names()
    return False
