"""Packages around scikit-learn, each with a short use of networks, for the page of clients.

A recipe is given two functions: one that makes a classifier, one that makes a regressor, both with
an `epochs` parameter, so that it can be run with estimators of scikit-learn as well.
"""

import copy
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

RECIPES = {}
X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
X_iris, y_iris = load_iris(return_X_y=True)
X_iris = scale(X_iris)
X_values, values = load_diabetes(return_X_y=True)
X_values, values = scale(X_values), scale(values)
RATES = (1e-4, 1e-1)


def recipe(package, what):
    """Enrol a function as what is run with a package."""

    def enrol(function):
        RECIPES[package] = what, function
        return function

    return enrol


@recipe("scikit-learn", "`clone`, `deepcopy`, `set_params`, `sample_weight`, read-only arrays")
def run_sklearn(classifier, regressor):
    rows, labels, weight = X.copy(), y.copy(), np.ones(len(y))
    for array in (rows, labels, weight):
        array.flags.writeable = False
    net = classifier()
    for each in (clone(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        each.set_params(epochs=3).fit(rows, labels, sample_weight=weight)
        assert (each.predict(rows) == each.classes_[each.predict_proba(rows).argmax(1)]).all()


@recipe("pandas", "`set_output`, columns by name")
def run_pandas(classifier, regressor):
    table = pd.DataFrame(X[:, :3], columns=list("abc"))
    model = make_pipeline(StandardScaler(), classifier()).set_output(transform="pandas")
    assert list(model.fit(table, pd.Series(y))[-1].feature_names_in_) == list("abc")


@recipe("polars", "a `DataFrame` as X and a `Series` as y")
def run_polars(classifier, regressor):
    import polars as pl

    table = pl.DataFrame(X[:, :3], schema=list("abc"))
    net = classifier().fit(table, pl.Series(y))
    assert list(net.feature_names_in_) == list("abc")


@recipe("joblib", "`dump` and `load`, memory-mapped")
def run_joblib(classifier, regressor):
    import joblib

    net = classifier().fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(net, Path(folder) / "net")
        loaded = joblib.load(Path(folder) / "net", mmap_mode="r")
        assert (loaded.predict_proba(X) == net.predict_proba(X)).all()
        loaded.partial_fit(X, y)
        del loaded


@recipe("skops", "`dumps` and `loads` with `trusted_types()`")
def run_skops(classifier, regressor):
    import skops.io

    from skdl import trusted_types

    net = classifier().fit(X, y)
    loaded = skops.io.loads(skops.io.dumps(net), trusted=trusted_types())
    assert (loaded.predict_proba(X) == net.predict_proba(X)).all()


@recipe("onnxruntime", "a network by `to_onnx`")
def run_onnxruntime(classifier, regressor):
    import onnxruntime

    from skdl import to_onnx

    net, rows = classifier().fit(X, y), X.astype(np.float32)
    session = onnxruntime.InferenceSession(to_onnx(net, rows[:1]).SerializeToString())
    labels = session.run(None, {session.get_inputs()[0].name: rows})[0]
    assert (labels == net.predict(rows)).mean() > 0.99


@recipe("distributed", "`GridSearchCV` on a cluster of threads")
def run_distributed(classifier, regressor):
    import joblib
    from distributed import Client, LocalCluster

    with (
        LocalCluster(1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        GridSearchCV(classifier(), {"epochs": [1, 2]}, cv=2).fit(X, y)


@recipe("dask-ml", "`GridSearchCV`, `ParallelPostFit`, `Incremental`")
def run_dask_ml(classifier, regressor):
    import dask
    import dask.array as da
    from dask_ml.model_selection import GridSearchCV as DaskSearch
    from dask_ml.wrappers import Incremental, ParallelPostFit

    rows, labels = da.from_array(X, chunks=(200, 30)), da.from_array(y, chunks=200)
    with dask.config.set(scheduler="threads"):
        assert DaskSearch(classifier(), {"epochs": [1, 3]}, cv=2).fit(X, y).best_score_ > 0.5
        net = ParallelPostFit(classifier()).fit(X, y)
        assert net.predict_proba(rows).compute().shape == (569, 2)
        Incremental(classifier()).fit(rows, labels, classes=[0, 1]).predict(rows).compute()


@recipe("scikit-optimize", "`BayesSearchCV`")
def run_skopt(classifier, regressor):
    from skopt import BayesSearchCV

    drawn = {"learning_rate": (*RATES, "log-uniform"), "epochs": (1, 5)}
    BayesSearchCV(classifier(), drawn, n_iter=3, cv=2, random_state=0).fit(X, y)


@recipe("hyperopt", "`fmin` over `cross_val_score`")
def run_hyperopt(classifier, regressor):
    from hyperopt import fmin, hp, tpe

    def loss(parameters):
        return -cross_val_score(classifier().set_params(**parameters), X, y, cv=2).mean()

    fmin(loss, {"learning_rate": hp.loguniform("learning_rate", -8, -2)}, algo=tpe.suggest,
         max_evals=2, rstate=np.random.default_rng(0), show_progressbar=False)  # fmt: skip


@recipe("sklearn-genetic-opt", "`GASearchCV`")
def run_genetic(classifier, regressor):
    from sklearn_genetic import GASearchCV
    from sklearn_genetic.space import Continuous, Integer

    drawn = {"learning_rate": Continuous(*RATES, distribution="log-uniform"),
             "epochs": Integer(1, 4)}  # fmt: skip
    GASearchCV(classifier(), cv=2, param_grid=drawn, population_size=3, generations=2,
               verbose=False).fit(X, y)  # fmt: skip


@recipe("flaml", "`AutoML` with a learner of its own")
def run_flaml(classifier, regressor):
    from flaml import AutoML, tune
    from flaml.automl.model import SKLearnEstimator

    class Net(SKLearnEstimator):
        def __init__(self, task="binary", **config):
            config.pop("n_jobs", None)
            super().__init__(task, **config)
            self.estimator_class = type(classifier())

        @classmethod
        def search_space(cls, data_size, task):
            return {"epochs": {"domain": tune.randint(1, 5), "init_value": 2}}

    search = AutoML()
    search.add_learner("net", Net)
    search.fit(X, y, task="classification", estimator_list=["net"], max_iter=2, time_budget=30,
               verbose=0, eval_method="cv", n_splits=2)  # fmt: skip
    assert search.predict_proba(X).shape == (569, 2)


@recipe("TPOT", "a search space of scaler and network")
def run_tpot(classifier, regressor):
    import tpot
    from ConfigSpace import ConfigurationSpace
    from tpot.search_spaces.nodes import EstimatorNode
    from tpot.search_spaces.pipelines import SequentialPipeline

    net = EstimatorNode(method=type(classifier()), space=ConfigurationSpace({"epochs": [1, 3]}))
    space = SequentialPipeline([EstimatorNode(method=StandardScaler, space={}), net])
    search = tpot.TPOTEstimator(
        search_space=space, scorers=["accuracy"], scorers_weights=[1], classification=True, cv=2,
        population_size=2, generations=1, n_jobs=1, random_state=0, verbose=0,
    )  # fmt: skip
    assert search.fit(X, y).predict(X).shape == (569,)


@recipe("feature-engine", "encoders before, `SelectByShuffling` around a network")
def run_feature_engine(classifier, regressor):
    from feature_engine.encoding import OneHotEncoder
    from feature_engine.imputation import MeanMedianImputer
    from feature_engine.selection import SelectByShuffling

    table = pd.DataFrame(X[:, :4], columns=list("abcd"))
    SelectByShuffling(classifier(), scoring="accuracy", cv=2, random_state=0).fit(table, y)
    table["kind"] = np.where(X[:, 5] > 0, "u", "v")
    model = make_pipeline(MeanMedianImputer(), OneHotEncoder(), classifier()).fit(table, y)
    assert model.predict_proba(table).shape == (569, 2)


@recipe("category-encoders", "`TargetEncoder` before a network")
def run_category_encoders(classifier, regressor):
    from category_encoders import TargetEncoder

    table = pd.DataFrame({"a": X[:, 0], "kind": np.where(X[:, 5] > 0, "u", "v")})
    assert make_pipeline(TargetEncoder(), classifier()).fit(table, y).score(table, y) > 0.6


@recipe("sktime", "`make_reduction`, recursive and multioutput")
def run_sktime(classifier, regressor):
    from sktime.forecasting.compose import make_reduction

    series = pd.Series(np.sin(np.arange(60) / 3))
    for strategy in ("recursive", "multioutput"):
        model = make_reduction(regressor(), window_length=6, strategy=strategy)
        assert np.size(model.fit(series, fh=[1, 2, 3]).predict()) == 3


@recipe("skforecast", "`ForecasterRecursive`, backtesting")
def run_skforecast(classifier, regressor):
    from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster
    from skforecast.recursive import ForecasterRecursive

    series, folds = pd.Series(np.sin(np.arange(60) / 3)), TimeSeriesFold(10, 40, refit=True)
    model = ForecasterRecursive(regressor(), lags=6)
    model.fit(y=series, store_in_sample_residuals=True)
    assert model.predict_interval(3).shape == (3, 3)
    backtesting_forecaster(model, series, folds, metric="mean_absolute_error", show_progress=False)


@recipe("river", "`convert_sklearn_to_river`, one row at a time")
def run_river(classifier, regressor):
    from river.compat import convert_sklearn_to_river

    model = convert_sklearn_to_river(classifier(), classes=[0, 1])
    for row, label in zip(X[:20], y[:20].tolist(), strict=True):
        model.learn_one(dict(enumerate(row)), label)
    assert set(model.predict_proba_one(dict(enumerate(X[0])))) == {0, 1}


@recipe("mlxtend", "voting, stacking, selection of features, bias and variance")
def run_mlxtend(classifier, regressor):
    from mlxtend.classifier import EnsembleVoteClassifier, StackingCVClassifier
    from mlxtend.evaluate import bias_variance_decomp
    from mlxtend.feature_selection import SequentialFeatureSelector
    from sklearn.linear_model import LogisticRegression

    net = classifier()
    assert EnsembleVoteClassifier([net, net], voting="soft").fit(X, y).score(X, y) > 0.8
    stack = StackingCVClassifier([net], LogisticRegression(), cv=2, random_state=0)
    assert stack.fit(X, y).score(X, y) > 0.8
    SequentialFeatureSelector(net, k_features=2, cv=2).fit(X_iris, y_iris)
    bias_variance_decomp(net, X[:400], y[:400], X[400:], y[400:], num_rounds=2, random_seed=0)


@recipe("scikit-lego", "`Thresholder`, `GroupedPredictor`, `DecayEstimator`")
def run_sklego(classifier, regressor):
    from sklego.meta import DecayEstimator, GroupedPredictor, Thresholder

    assert Thresholder(classifier(), threshold=0.4).fit(X, y).score(X, y) > 0.8
    assert DecayEstimator(classifier()).fit(X, y).score(X, y) > 0.8
    table = pd.DataFrame(X_iris, columns=list("abcd")).assign(group=np.arange(150) % 2)
    GroupedPredictor(classifier(), groups="group").fit(table, y_iris).predict(table)


@recipe("yellowbrick", "`ROCAUC`, `ResidualsPlot`")
def run_yellowbrick(classifier, regressor):
    from yellowbrick.classifier import ROCAUC
    from yellowbrick.regressor import ResidualsPlot

    ResidualsPlot(regressor()).fit(X_values, values).score(X_values, values)
    assert ROCAUC(classifier(), binary=True).fit(X, y).score(X, y) > 0.8


@recipe("LIME", "an explanation by `predict_proba`")
def run_lime(classifier, regressor):
    from lime.lime_tabular import LimeTabularExplainer

    explainer, net = LimeTabularExplainer(X, random_state=0), classifier().fit(X, y)
    explained = explainer.explain_instance(X[0], net.predict_proba, num_samples=200)
    assert len(explained.as_list()) == 10


@recipe("evidently", "a report on predictions")
def run_evidently(classifier, regressor):
    from evidently import DataDefinition, Dataset, MulticlassClassification, Report
    from evidently.presets import ClassificationPreset

    table = pd.DataFrame({"y": y, "found": classifier().fit(X, y).predict(X)})
    kind = MulticlassClassification(target="y", prediction_labels="found")
    data = Dataset.from_pandas(table, DataDefinition(classification=[kind]))
    Report([ClassificationPreset()]).run(data, None)


@recipe("nannyml", "`CBPE` from probabilities")
def run_nannyml(classifier, regressor):
    from nannyml import CBPE

    net = classifier().fit(X, y)
    table = pd.DataFrame({"y": y, "found": net.predict(X), "p": net.predict_proba(X)[:, 1]})
    estimated = CBPE(y_true="y", y_pred="found", y_pred_proba="p", chunk_size=100,
                     problem_type="classification_binary", metrics=["accuracy"])  # fmt: skip
    estimated.fit(table).estimate(table)


@recipe("eli5", "`PermutationImportance`")
def run_eli5(classifier, regressor):
    from eli5.sklearn import PermutationImportance

    net = PermutationImportance(classifier().fit(X, y), n_iter=2, random_state=0).fit(X, y)
    assert net.feature_importances_.shape == (30,)


@recipe("skore", "`EstimatorReport`, `CrossValidationReport`")
def run_skore(classifier, regressor):
    import skore

    parts = {"X_train": X[:400], "y_train": y[:400], "X_test": X[400:], "y_test": y[400:]}
    assert skore.EstimatorReport(classifier(), **parts).metrics.accuracy() > 0.8
    skore.CrossValidationReport(classifier(), X=X, y=y).metrics.accuracy()


@recipe("crepes", "`WrapClassifier`, `WrapRegressor`")
def run_crepes(classifier, regressor):
    from crepes import WrapClassifier, WrapRegressor

    for cls, net, rows, target in (
        (WrapClassifier, classifier(), X, y),
        (WrapRegressor, regressor(), X_values, values),
    ):
        model = cls(net)
        model.fit(rows[:200], target[:200])
        model.calibrate(rows[200:300], target[200:300])
        (model.predict_set if cls is WrapClassifier else model.predict_int)(rows)


@recipe("venn-abers", "`VennAbersCalibrator`")
def run_venn_abers(classifier, regressor):
    from venn_abers import VennAbersCalibrator

    model = VennAbersCalibrator(classifier(), inductive=True, cal_size=0.3, random_state=0)
    model.fit(X, y)
    assert model.predict_proba(X).shape == (569, 2)


@recipe("EconML", "`LinearDML`, `TLearner`")
def run_econml(classifier, regressor):
    from econml.dml import LinearDML
    from econml.metalearners import TLearner

    model = LinearDML(model_y=regressor(), model_t=classifier(), discrete_treatment=True, cv=2)
    model.fit(X[:, 1], y, X=X[:, 2:5]).effect(X[:2, 2:5])
    TLearner(models=regressor()).fit(X[:, 1], y, X=X[:, 2:5]).effect(X[:2, 2:5])


@recipe("DoubleML", "`DoubleMLIRM`")
def run_doubleml(classifier, regressor):
    from doubleml import DoubleMLData, DoubleMLIRM

    data = DoubleMLData.from_arrays(X[:, 2:6], X[:, 0], y)
    assert np.isfinite(DoubleMLIRM(data, regressor(), classifier(), n_folds=2).fit().coef).all()


@recipe("modAL-python", "`ActiveLearner`")
def run_modal(classifier, regressor):
    from modAL.models import ActiveLearner

    learner = ActiveLearner(classifier(), X_training=X[:50], y_training=y[:50])
    chosen, _ = learner.query(X[50:])
    learner.teach(X[50 + chosen], y[50 + chosen])


@recipe("scikit-activeml", "`SklearnClassifier`, `UncertaintySampling`")
def run_activeml(classifier, regressor):
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling

    known = np.where(np.arange(len(y)) < 50, y, np.nan)
    net = SklearnClassifier(classifier(), classes=[0, 1], random_state=0).fit(X, known)
    assert len(UncertaintySampling(random_state=0).query(X, known, net, batch_size=2)) == 2
