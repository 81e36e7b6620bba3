"""What the attributes of audited classes must fulfil beyond their shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl.exceptions import InvalidFileError

_MAX_CHOSEN = 64  # of columns or degrees, the fewer; for 64 of 128 it is 10**37 products


def _require(holds: Any, what: str) -> None:
    if not holds:
        raise InvalidFileError(f"its {what}")


def _is_whole(value: Any, end: float, start: int = 0) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and start <= value < end


def _check_vocabulary(each: Any, words: Any) -> None:
    """Require that each word has a column of its own, and every column a word."""
    name = type(each).__name__
    _require(isinstance(words, dict), f"{name} has a vocabulary that is not a dict")
    columns = list(words.values())
    _require(
        all(_is_whole(c, len(columns)) for c in columns),
        f"{name} has words for columns that it does not have",
    )
    _require(len(set(columns)) == len(columns), f"{name} has several words for one column")


def vocabulary(each: Any) -> None:
    """Check the columns of words, by which sparse matrices are made."""
    if (words := vars(each).get("vocabulary_")) is not None:
        _check_vocabulary(each, words)


def multilabels(each: Any) -> None:
    """Check the columns of classes, by which sparse matrices are made."""
    cached, classes = vars(each).get("_cached_dict"), vars(each).get("classes_")
    if isinstance(classes, np.ndarray):
        _require(
            len(set(classes.tolist())) == len(classes),
            "MultiLabelBinarizer has a class twice, and so fewer columns than places",
        )
    if cached is not None:
        _check_vocabulary(each, cached)
        _require(len(cached) == np.size(classes), "MultiLabelBinarizer has other classes")


def categories(each: Any) -> None:
    """Check the order of categories, by which they are searched, and the columns of each."""
    found = vars(each).get("categories_")
    if found is None:
        return
    name = type(each).__name__
    fits = isinstance(found, list) and len(found) == each.n_features_in_
    _require(fits, f"{name} has other categories than columns")
    for array in found:
        kind = getattr(getattr(array, "dtype", None), "kind", "")
        _require(
            kind and kind in "biufUSO" and array.ndim == 1,
            f"{name} has categories of an unknown type",
        )
        if kind in "biuf" and len(array) > 1:
            known = array[:-1] if np.isnan(array[-1]) else array
            _require((known[1:] > known[:-1]).all(), f"{name} has categories out of order")
    _check_infrequent(each, name, found)
    if name == "OneHotEncoder":
        _check_columns(each, found)


def _check_infrequent(each, name, found):
    """Check where rare categories are, which share a column, and the column of each category."""
    if not vars(each).get("_infrequent_enabled"):
        return
    lists = each._infrequent_indices, each._default_to_infrequent_mappings
    _require(
        all(len(listed) == len(found) for listed in lists), f"{name} has lists of other lengths"
    )
    for rare, columns, all_ in zip(*lists, found, strict=True):
        _require(
            (rare is None) == (columns is None), f"{name} has rare categories without a column"
        )
        if rare is None:
            continue
        sizes = rare.shape == (len(rare),) and len(rare) and columns.shape == all_.shape
        _require(
            sizes and rare.dtype.kind + columns.dtype.kind == "ii", f"{name} has no rare categories"
        )
        fits = rare.min() >= 0 and rare.max() < len(all_) and len(set(rare.tolist())) == len(rare)
        n_columns = len(all_) - len(rare) + 1
        fits = fits and columns.min() >= 0 and columns.max() < n_columns
        _require(fits, f"{name} has rare categories for columns that it does not have")


def _check_columns(each, found):
    drop, rare = each._drop_idx_after_grouping, [None] * len(found)
    if each._infrequent_enabled:
        rare = each._infrequent_indices
    sizes = [len(c) - (0 if r is None else len(r) - 1) for c, r in zip(found, rare, strict=True)]
    for dropped in (drop, each.drop_idx_):
        if dropped is None:
            continue
        fits = isinstance(dropped, np.ndarray) and dropped.shape == (len(found),)
        _require(fits, "OneHotEncoder drops categories of columns that it does not have")
        pairs = zip(
            dropped.tolist(), map(len, found) if dropped is not drop else sizes, strict=True
        )
        _require(
            all(i is None or _is_whole(i, size) for i, size in pairs),
            "OneHotEncoder drops a category that it does not have",
        )
    outs = each._n_features_outs
    _require(
        isinstance(outs, list) and outs == each._compute_n_features_outs(),
        "OneHotEncoder has other numbers of columns than categories",
    )


def binned(each: Any) -> None:
    """Require that the edges of bins are arrays, one per column."""
    if (edges := vars(each).get("bin_edges_")) is not None:
        fits = all(isinstance(e, np.ndarray) and e.ndim == 1 and e.dtype.kind == "f" for e in edges)
        _require(fits, "KBinsDiscretizer has edges that are not numbers")


def polynomial(each: Any) -> None:
    """Compare the number of columns, by which memory is asked for, with that of the degrees."""
    if "_n_out_full" not in vars(each):
        return
    low, high = each._min_degree, each._max_degree
    _require(
        _is_whole(low, 2**31) and _is_whole(high, 2**31), "PolynomialFeatures has invalid degrees"
    )
    # More would be counted for hours, and no array has as many columns.
    fits = min(high, each.n_features_in_) <= _MAX_CHOSEN
    _require(fits, "PolynomialFeatures has degrees and columns that need too much memory")
    count = {
        "n_features": each.n_features_in_, "interaction_only": each.interaction_only,
        "include_bias": each.include_bias,
    }  # fmt: skip
    few = each._num_combinations(min_degree=low, max_degree=high, **count)
    full = each._num_combinations(min_degree=0, max_degree=high, **count)
    fits = (each.n_output_features_, each._n_out_full) == (few, full)
    _require(fits, "PolynomialFeatures has another number of columns than its degrees give")


def splines(each: Any) -> None:
    """Require as many splines as columns."""
    found = vars(each).get("bsplines_")
    if found is None:
        return
    n_features, widths = each.n_features_in_, {s.c.shape[1] for s in found}
    _require(len(found) == n_features and len(widths) == 1, "SplineTransformer has other splines")
    _require(
        _is_whole(each.n_features_out_, n_features * (max(widths) + 1) + 1),
        "SplineTransformer has another number of columns than its splines give",
    )
    _require(
        all(s.k == each.degree for s in found), "SplineTransformer has splines of other degrees"
    )


def piecewise(each: Any) -> None:
    """Require increasing knots, one more than each column has bins, and columns that there are."""
    found = vars(each).get("knots_")
    if found is None:
        return
    name = "PiecewiseLinearEncoder"
    fits = isinstance(found, list) and len(found) == each.n_features_in_
    _require(fits, f"{name} has knots of other columns than it has")
    for knots, n_bins in zip(found, each.n_bins_.tolist(), strict=True):
        fits = isinstance(knots, np.ndarray) and knots.ndim == 1 and knots.dtype == np.float64
        _require(fits and n_bins == max(len(knots) - 1, 0), f"{name} has other knots than bins")
        _require((np.diff(knots) > 0).all(), f"{name} has knots out of order")
    missing = each.missing_features_.tolist()
    fits = all(_is_whole(column, each.n_features_in_) for column in missing)
    _require(
        fits and missing == sorted(set(missing)),
        f"{name} has indicators for columns that it does not have",
    )


def spline(each: Any) -> None:
    """Require a spline that its constructor takes as it is."""
    from scipy.interpolate import BSpline

    attributes = vars(each)
    t, c, k = (attributes.get(n, attributes.get(f"_{n}")) for n in "tck")
    fits = all(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in (t, c))
    _require(fits and _is_whole(k, len(t)) and attributes.get("axis") == 0, "BSpline is invalid")
    made = BSpline(t, c, k, attributes.get("extrapolate"))
    _require(c.ndim == 2 and c.shape[0] == len(t) - k - 1 and made.k == k, "BSpline is invalid")


def sgd(each: Any) -> None:
    """Compare weights with their averages, which compiled code takes to be of one size."""
    given = [vars(each).get(f"_{kind}_coef") for kind in ("standard", "average")]
    sizes = {
        np.size(weights) for weights in (*given, vars(each).get("coef_")) if weights is not None
    }
    _require(len(sizes) <= 1, f"{type(each).__name__} has weights and averages of other sizes")


def linear_classes(each: Any) -> None:
    """Require one row of weights for two classes, otherwise one per class."""
    weights, classes = vars(each).get("coef_"), vars(each).get("classes_")
    if weights is None or not isinstance(classes, np.ndarray):
        return
    rows = 1 if np.ndim(weights) == 1 else weights.shape[0]
    _require(
        rows == (1 if len(classes) <= 2 else len(classes)),
        f"{type(each).__name__} has {rows} rows of weights for {len(classes)} classes",
    )


def cold(each: Any) -> None:
    """Refuse weights to start from, which coordinate descent believes to be as many as columns."""
    _require(not each.warm_start, f"{type(each).__name__} has warm_start=True: set it to False")


_LOSS_OF = {
    "PoissonRegressor": {"HalfPoissonLoss"},
    "GammaRegressor": {"HalfGammaLoss"},
    "TweedieRegressor": {"HalfTweedieLoss", "HalfTweedieLossIdentity"},
}


def generalized(each: Any) -> None:
    """Require that the loss by which a model scores is its own, with one number per row."""
    loss = vars(each).get("_base_loss")
    if loss is None:
        return
    fits = type(loss).__name__ in _LOSS_OF[type(each).__name__]
    fits = fits and type(vars(loss).get("closs")).__name__ == f"Cy{type(loss).__name__}"
    _require(fits and np.ndim(each.coef_) == 1, f"{type(each).__name__} has another loss")


_RESPONSES = {"predict", "predict_proba", "predict_log_proba", "decision_function", "default"}


def scorer(each: Any) -> None:
    """Require that a scorer calls a method that predicts."""
    found = vars(each).get("_response_method", "default")
    found = found if isinstance(found, list | tuple) else (found,)
    _require(set(found) <= _RESPONSES, f"scorer calls {found!r}")


def stacked(each: Any) -> None:
    """Require that a stack calls methods that predict."""
    found = vars(each).get("stack_method_", [])
    _require(set(found) <= _RESPONSES, f"{type(each).__name__} calls {found!r}")


# Transformers that return a row for each row: their arrays have been seen to have the shapes that
# allow nothing else.
_KEEPING_ROWS = {
    *("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "OneHotEncoder", "PCA"),
    *("OrdinalEncoder", "SimpleImputer", "TruncatedSVD", "PolynomialFeatures", "SelectKBest"),
    *("VarianceThreshold", "Normalizer", "CountVectorizer", "TfidfVectorizer", "TfidfTransformer"),
    *("QuantileTransformer", "PowerTransformer", "KBinsDiscretizer", "ImageReshaper"),
    *("OneHotTextVectorizer", "TokenSequencer", "PretrainedFeatureExtractor"),
    "PiecewiseLinearEncoder",
}


def _one_number_a_row(each: Any) -> bool:
    """Tell whether an estimator surely gives one number per row for one of two classes."""
    name = type(each).__name__
    if name == "Pipeline":
        *before, last = (step for _, step in each.steps)
        kept = all(s in (None, "passthrough") or _keeps_rows(s) for s in before)
        return kept and _one_number_a_row(last)
    if name in ("GridSearchCV", "RandomizedSearchCV"):
        return _one_number_a_row(vars(each).get("best_estimator_"))
    if type(each).__module__.startswith("skdl") or name == "_ConstantPredictor":
        return True
    weights = vars(each).get("coef_") if hasattr(each, "__dict__") else None
    return weights is not None and np.size(weights) == vars(each).get("n_features_in_")


def _keeps_rows(each: Any) -> bool:
    if type(each).__name__ in ("Pipeline", "FeatureUnion"):
        steps = vars(each).get("steps") or vars(each).get("transformer_list")
        return all(s in ("drop", "passthrough", None) or _keeps_rows(s) for _, s, *_ in steps)
    if type(each).__name__ == "ColumnTransformer":
        steps = vars(each).get("transformers_", ())
        return all(isinstance(s, str) or _keeps_rows(s) for _, s, *_ in steps)
    plain = type(each).__name__ == "FunctionTransformer" and each.func is None
    return plain or type(each).__name__ in _KEEPING_ROWS


def one_vs_rest(each: Any) -> None:
    """Check estimators of whose rows a sparse matrix is made, which is so but for many classes."""
    if vars(each).get("estimators_") is None or each.label_binarizer_.y_type_ == "multiclass":
        return
    _require(
        all(map(_one_number_a_row, each.estimators_)),
        "OneVsRestClassifier is of estimators that might give other rows than they get. If you "
        "know who made the file, pass trusted=['sklearn.multiclass.OneVsRestClassifier']",
    )


def chunked(each: Any) -> None:
    """Require the one metric that this class is for."""
    _require(each.metric == "nan_euclidean", "KNNImputer has another metric")


def own_inputs(each: Any) -> None:
    """Require that the columns of each input of a user's network are columns of X."""
    name, columns = type(each).__name__, vars(each).get("_columns")
    shape = vars(each).get("input_shape_", ())
    fits = isinstance(shape, tuple) and all(_is_whole(size, 2**31) for size in shape)
    _require(fits, f"{name} has rows of the shape {shape!r}")
    if columns is None:
        return
    _require(isinstance(columns, dict), f"{name} has inputs that are not a dict")
    for found in columns.values():
        fits = isinstance(found, np.ndarray) and found.ndim == 1 and found.dtype.kind == "i"
        fits = fits and all(_is_whole(column, each.n_features_in_) for column in found)
        _require(fits, f"{name} has an input of other columns than X has")


def own_classes(each: Any) -> None:
    """Require as many classes as the units of a user's network stand for."""
    found, name = vars(each), "network has"
    n_units, kind = found["n_units"], found["kind"]
    n_classes = {"binary": 2, "multiclass": n_units, "multilabel": n_units}.get(kind)
    _require(_is_whole(n_units, 2**31, 1) and n_classes, f"{name} targets of an unknown kind")
    _require(kind != "binary" or n_units == 1, f"{name} {n_units} units for two classes")
    _require(np.shape(found["classes"]) == (n_classes,), f"{name} other classes than units")
    _require(found["link"] in (None, "sigmoid", "softmax"), f"{name} outputs of an unknown kind")
    flags = (found["one_hot"], found["each_for_itself"], found.get("by_loss", False))
    _require(all(isinstance(flag, bool) for flag in flags), f"{name} targets of an unknown form")


# By the names of classes, those that inherit from them included.
RULES: dict[str, Callable[[Any], None]] = {
    "CountVectorizer": vocabulary,
    "DictVectorizer": vocabulary,
    "OneHotTextVectorizer": vocabulary,
    "TextBoWClassifier": vocabulary,
    "MultiLabelBinarizer": multilabels,
    "_BaseEncoder": categories,
    "KBinsDiscretizer": binned,
    "PolynomialFeatures": polynomial,
    "SplineTransformer": splines,
    "PiecewiseLinearEncoder": piecewise,
    "BSpline": spline,
    "BaseSGD": sgd,
    "LinearClassifierMixin": linear_classes,
    "ElasticNet": cold,
    "_GeneralizedLinearRegressor": generalized,
    "_BaseScorer": scorer,
    "_BaseStacking": stacked,
    "OneVsRestClassifier": one_vs_rest,
    "KNNImputer": chunked,
    "OwnNetworkEstimator": own_inputs,
    "OwnClassTargets": own_classes,
}
