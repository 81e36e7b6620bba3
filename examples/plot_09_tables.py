"""
Tables as they come: texts, gaps, honest probabilities
======================================================

A table of patients, with texts and missing values, goes into a network as it is. How good the
predicted probabilities are is seen without holding out rows: each member of the ensemble was
trained on other rows.
"""

# %%
# The data: 303 patients of a hospital in Cleveland, and whether they have a heart disease
# (A. Janosi, W. Steinbrunn, M. Pfisterer and R. Detrano, Heart Disease, UCI Machine Learning
# Repository, CC BY 4.0). Seven of the thirteen columns are texts or codes, and six values are
# missing.
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.calibration import CalibrationDisplay
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import cross_val_predict

from skdl import LossCurveDisplay, TabularClassifier

table = pd.read_csv("data/heart.csv")
X, y = table.drop(columns="target"), table["target"]
print(X.dtypes)

# %%
# Fit
# ---
# No column needs to be prepared.
net = TabularClassifier(random_state=0).fit(X, y)
print(len(net.encoder_.get_feature_names_out()), "numbers per patient")

# %%
# Five networks
# -------------
# Each member was trained on four fifths of the patients, and stopped when the loss on the
# remaining fifth did not improve any more. The dots mark the epochs that the members went back to.
LossCurveDisplay.from_estimators(net.members_)

# %%
# Honest scores
# -------------
# ``oof_predictions_`` holds, for each patient, the probabilities by the member that was not
# trained on this patient. Boosted trees need a cross-validation for the same, which costs five
# fits more.
trees = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
as_categories = X.astype({name: "category" for name in X.select_dtypes(exclude="number")})
by_trees = cross_val_predict(trees, as_categories, y, cv=5, method="predict_proba")
scores = {
    name: (accuracy_score(y, p[:, 1] > 0.5), log_loss(y, p))
    for name, p in {"network": net.oof_predictions_, "boosted trees": by_trees}.items()
}
print(pd.DataFrame(scores, index=["accuracy", "log-loss"]).round(3))

# %%
# Can the probabilities be trusted?
# ---------------------------------
# Of the patients with a predicted probability of 0.8, about 80 of 100 should be ill. A network
# that is stopped in time is close to that; the trees say 0 and 1 too often.
_, ax = plt.subplots()
for name, probabilities in {"network": net.oof_predictions_, "boosted trees": by_trees}.items():
    CalibrationDisplay.from_predictions(y, probabilities[:, 1], n_bins=6, name=name, ax=ax)
