"""The shapes of the arrays that each audited class holds.

Shapes are written as letters, one for each dimension: "n" is `n_features_in_`, "c" the number of
classes, any other letter a size that is the same wherever it stands in one object. "|" separates
shapes of which one must fit, "" is a number, and "*" allows texts and objects beside numbers.
"""

_LINEAR = {"coef_": "n|r n", "intercept_": "|r"}
_COUNTS = {"class_count_": "c", "class_log_prior_": "c"}
_COUNTS |= {"feature_count_": "c n", "feature_log_prob_": "c n"}
SHAPES = {
    "StandardScaler": {"mean_": "n", "var_": "n", "scale_": "n", "n_samples_seen_": "|n"},
    "MinMaxScaler": {name: "n" for name in ("min_", "scale_", "data_min_", "data_max_")}
    | {"data_range_": "n", "n_samples_seen_": ""},
    "MaxAbsScaler": {"scale_": "n", "max_abs_": "n", "n_samples_seen_": ""},
    "RobustScaler": {"center_": "n", "scale_": "n"},
    "PowerTransformer": {"lambdas_": "n"},
    "QuantileTransformer": {"references_": "q", "quantiles_": "q n"},
    "KBinsDiscretizer": {"n_bins_": "n", "bin_edges_": "n*"},
    "KernelCenterer": {"K_fit_rows_": "n", "K_fit_all_": ""},
    "PiecewiseLinearEncoder": {"mean_": "n", "scale_": "n", "n_bins_": "n"}
    | {"missing_features_": "m"},
    "SimpleImputer": {"statistics_": "n*"},
    "MissingIndicator": {"features_": "m"},
    "KNNImputer": {"_fit_X": "s n", "_mask_fit_X": "s n", "_valid_mask": "n"},
    "IterativeImputer": {"n_features_with_missing_": ""},
    "_BasePCA": {"components_": "k n", "mean_": "n", "explained_variance_": "k"}
    | {"explained_variance_ratio_": "k", "singular_values_": "k", "noise_variance_": ""},
    "IncrementalPCA": {"var_": "n", "n_samples_seen_": ""},
    "TruncatedSVD": {"components_": "k n", "explained_variance_": "k", "singular_values_": "k"},
    "FastICA": {"components_": "k n", "mean_": "n", "mixing_": "n k", "whitening_": "k n"},
    "FactorAnalysis": {"components_": "k n", "mean_": "n", "noise_variance_": "n"},
    "BaseRandomProjection": {"components_": "k n", "inverse_components_": "n k"},
    "RBFSampler": {"random_weights_": "n k", "random_offset_": "k"},
    "_BaseFilter": {"scores_": "n", "pvalues_": "n"},
    "VarianceThreshold": {"variances_": "n"},
    "RFE": {"support_": "n", "ranking_": "n"},
    "SequentialFeatureSelector": {"support_": "n"},
    "TfidfTransformer": {"idf_": "n"},
    "LinearModel": _LINEAR,
    "LinearClassifierMixin": _LINEAR,
    "_GeneralizedLinearRegressor": {"coef_": "n", "intercept_": ""},
    "BaseSGD": _LINEAR
    | {f"_{kind}_{name}": shape for kind in ("standard", "average") for name, shape in
       (("coef", "n|r n"), ("intercept", "1|r"))}
    | {"_expanded_class_weight": "c"},
    "LinearDiscriminantAnalysis": {"means_": "c n", "xbar_": "n", "scalings_": "n k"},
    "QuadraticDiscriminantAnalysis": {"means_": "c n", "priors_": "c"},
    "GaussianNB": {"theta_": "c n", "var_": "c n", "class_prior_": "c", "class_count_": "c"},
    "_BaseDiscreteNB": {"class_count_": "c", "class_log_prior_": "c"},
    "MultinomialNB": _COUNTS,
    "ComplementNB": _COUNTS | {"feature_all_": "n"},
    "BernoulliNB": _COUNTS,
    "IsotonicRegression": {"X_thresholds_": "t", "y_thresholds_": "t"},
    "_SigmoidCalibration": {"a_": "", "b_": ""},
    "_TemperatureScaling": {"beta_": ""},
    "Scale": {"mean": "k", "deviation": "k"},
}  # fmt: skip
