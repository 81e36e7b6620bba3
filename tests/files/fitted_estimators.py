"""A small fitted estimator of each class that loads without being trusted."""

import warnings
from functools import partial

import numpy as np
import scipy.sparse as sp
from sklearn import (
    calibration,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    frozen,
    impute,
    isotonic,
    kernel_approximation,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    preprocessing,
    random_projection,
    svm,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction import text
from sklearn.impute import IterativeImputer
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

rng = np.random.default_rng(0)
X = np.abs(rng.normal(size=(30, 4))) + 0.1
X[:, 3] = rng.integers(0, 3, 30)
y, two = np.arange(30) % 3, np.arange(30) % 2
labels = np.stack([two, np.arange(30) % 3 == 0, np.arange(30) % 5 == 0], axis=1).astype(int)
values, several = X @ [1.0, 2, 3, 4], np.stack([X[:, 0], X[:, 1] + X[:, 2]], axis=1)
holes = np.where(rng.random(X.shape) < 0.1, np.nan, X)
table = np.array([["a", "u"], ["b", "v"], ["c", "u"], ["a", "w"]] * 3, dtype=object)
texts = ["good film", "bad film", "good plot and good film", "bad"] * 5
records = [{"a": 1, "b": 2.0}, {"c": "x"}, {"a": 3}] * 4
logistic = linear_model.LogisticRegression()
ridge = linear_model.Ridge()
scaled = make_pipeline(preprocessing.StandardScaler(), logistic)
# Classes that take the same data, by the data.
PLAIN = [
    (preprocessing, "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer Binarizer "
     "PolynomialFeatures SplineTransformer FunctionTransformer PowerTransformer", X, None),
    (decomposition, "PCA IncrementalPCA TruncatedSVD FactorAnalysis FastICA", X, None),
    (kernel_approximation, "RBFSampler", X, None),
    (feature_selection, "SelectFpr SelectFdr SelectFwe GenericUnivariateSelect VarianceThreshold "
     "SelectPercentile", X, y),
    (linear_model, "LogisticRegression RidgeClassifier RidgeClassifierCV SGDClassifier Perceptron",
     X, y),
    (svm, "LinearSVC", X, y),
    (svm, "LinearSVR", X, values),
    (discriminant_analysis, "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis", X, y),
    (naive_bayes, "GaussianNB MultinomialNB ComplementNB BernoulliNB", X, y),
    (naive_bayes, "CategoricalNB", X.round(), y),
    (dummy, "DummyClassifier", X, y),
    (dummy, "DummyRegressor", X, values),
    (isotonic, "IsotonicRegression", X[:, :1], values),
    (linear_model, "LinearRegression Ridge RidgeCV Lasso LassoCV ElasticNet ElasticNetCV Lars "
     "LarsCV LassoLars LassoLarsCV LassoLarsIC OrthogonalMatchingPursuit "
     "OrthogonalMatchingPursuitCV BayesianRidge ARDRegression SGDRegressor HuberRegressor "
     "QuantileRegressor TheilSenRegressor RANSACRegressor PoissonRegressor GammaRegressor "
     "TweedieRegressor", X, values),
    (linear_model, "MultiTaskLasso MultiTaskLassoCV MultiTaskElasticNet MultiTaskElasticNetCV",
     X, several),
]  # fmt: skip


def unfitted_estimators():
    """Yield estimator, X, y."""
    for module, names, X_, y_ in PLAIN:
        for name in names.split():
            yield getattr(module, name)(), X_, y_
    encoder = preprocessing.OneHotEncoder
    yield encoder(), table, None
    yield encoder(drop="first", sparse_output=False), table, None
    yield encoder(max_categories=2, handle_unknown="infrequent_if_exist"), X.round(), None
    yield preprocessing.OrdinalEncoder(), table, None
    yield preprocessing.TargetEncoder(cv=2), X.round(), two
    yield preprocessing.LabelEncoder(), y.astype(str), None
    yield preprocessing.LabelBinarizer(sparse_output=True), y, None
    yield preprocessing.MultiLabelBinarizer(sparse_output=True), [[1, 2], [3], [1]], None
    yield preprocessing.QuantileTransformer(n_quantiles=10), X, None
    yield preprocessing.KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), X[:, :3], None
    yield preprocessing.KernelCenterer(), X[:4], None
    yield preprocessing.PolynomialFeatures(3), sp.csr_matrix(X), None
    yield preprocessing.FunctionTransformer(partial(np.power, 2.0), np.log2), X, None
    yield impute.SimpleImputer(add_indicator=True), holes, None
    yield impute.MissingIndicator(), holes, None
    yield impute.KNNImputer(n_neighbors=2), holes, None
    yield IterativeImputer(max_iter=2), holes, None
    yield random_projection.GaussianRandomProjection(2, random_state=0), X, None
    yield random_projection.SparseRandomProjection(2, random_state=0), X, None
    yield feature_selection.SelectKBest(k=2), X, y
    yield feature_selection.SelectFromModel(logistic), X, y
    yield feature_selection.RFE(logistic, n_features_to_select=2), X, y
    yield feature_selection.RFECV(logistic, cv=2), X, y
    yield (
        feature_selection.SequentialFeatureSelector(ridge, n_features_to_select=2, cv=2),
        X,
        values,
    )
    yield text.CountVectorizer(), texts, None
    yield text.TfidfVectorizer(), texts, None
    yield text.TfidfTransformer(), sp.csr_matrix(X), None
    yield text.HashingVectorizer(n_features=16), texts, None
    yield feature_extraction.DictVectorizer(), records, None
    yield feature_extraction.FeatureHasher(n_features=16), records, None
    yield make_pipeline(text.CountVectorizer(), logistic), texts, np.arange(20) % 2
    yield (
        linear_model.LogisticRegressionCV(cv=2, l1_ratios=(0.0,), use_legacy_attributes=False),
        X,
        y,
    )
    yield linear_model.SGDClassifier("log_loss", average=True), X, y
    yield linear_model.LogisticRegression(warm_start=True), X, two
    columns = [("scale", preprocessing.StandardScaler(), [0, 1]), ("hot", encoder(), [3])]
    yield ColumnTransformer(columns, remainder="passthrough"), X, None
    union = [("scale", preprocessing.MinMaxScaler()), ("pca", decomposition.PCA(2))]
    yield FeatureUnion(union), X, None
    yield Pipeline([("scale", preprocessing.StandardScaler()), ("model", logistic)]), X, y
    yield TransformedTargetRegressor(ridge, func=np.log1p, inverse_func=np.expm1), X, values
    yield frozen.FrozenEstimator(linear_model.LogisticRegression().fit(X, y)), X, y
    models = [("scaled", scaled), ("bayes", naive_bayes.GaussianNB())]
    yield ensemble.VotingClassifier(models), X, y
    yield ensemble.StackingClassifier(models, cv=2), X, y
    models = [("ridge", ridge), ("lasso", linear_model.Lasso())]
    yield ensemble.VotingRegressor(models), X, values
    yield ensemble.StackingRegressor(models, cv=2), X, values
    yield ensemble.BaggingClassifier(scaled, 2, max_features=0.5, random_state=0), X, y
    yield ensemble.BaggingRegressor(ridge, 2, max_features=0.5, random_state=0), X, values
    yield calibration.CalibratedClassifierCV(logistic, cv=2), X, y
    yield calibration.CalibratedClassifierCV(logistic, cv=2, method="isotonic"), X, two
    yield calibration.CalibratedClassifierCV(logistic, cv=2, method="temperature"), X, y
    yield multiclass.OneVsRestClassifier(scaled), X, y
    yield multiclass.OneVsRestClassifier(scaled), X, two
    yield multiclass.OneVsRestClassifier(logistic), X, labels
    yield multiclass.OneVsOneClassifier(logistic), X, y
    yield multioutput.MultiOutputClassifier(logistic), X, labels
    yield multioutput.ClassifierChain(logistic), X, labels
    yield multioutput.MultiOutputRegressor(ridge), X, several
    yield multioutput.RegressorChain(ridge), X, several
    grid = {"C": [0.1, 1.0]}
    yield (
        GridSearchCV(logistic, grid, cv=KFold(2), scoring=make_scorer(f1_score, average="macro")),
        X,
        y,
    )
    yield (
        RandomizedSearchCV(logistic, grid, n_iter=2, cv=2, scoring=["accuracy"], refit="accuracy"),
        X,
        y,
    )
    yield HalvingGridSearchCV(logistic, grid, cv=2, min_resources=10), X, y
    yield HalvingRandomSearchCV(logistic, grid, cv=2, min_resources=10), X, y
    yield FixedThresholdClassifier(logistic, threshold=0.4), X, two
    yield TunedThresholdClassifierCV(logistic, cv=2, thresholds=5), X, two


def fitted_estimators(names=None):
    """Yield each estimator, or those of some classes, fitted, with the data of its fit."""
    alone = ("LabelEncoder", "LabelBinarizer", "MultiLabelBinarizer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, X_, y_ in unfitted_estimators():
            if names is not None and type(estimator).__name__ not in names:
                continue
            if "random_state" in estimator.get_params(deep=False):
                estimator.set_params(random_state=0)
            alone_ = type(estimator).__name__ in alone
            yield (estimator.fit(X_) if alone_ else estimator.fit(X_, y_)), X_, y_


def used(estimator, X):
    """Return all that an estimator makes of data."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("predict", "predict_proba", "decision_function", "transform"):
            if hasattr(estimator, name):
                made = getattr(estimator, name)(X)
                found[name] = made.toarray() if sp.issparse(made) else np.asarray(made)
    return found
