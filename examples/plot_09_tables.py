"""
A table with texts and missing values, and its probabilities
============================================================

A network accepts a table of patients as it is, with texts and missing values. The quality of its
predicted probabilities can be judged without held-out rows, because each patient was left out by
one member of the ensemble, and they are better calibrated than those of boosted trees.
"""

# %%
# The data are 303 patients of a hospital in Cleveland, and whether they have a heart disease
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
# Each member was trained on four fifths of the patients, and stopped when the loss on the remaining
# fifth no longer improved. The dots mark the epochs whose weights were restored.
LossCurveDisplay.from_estimators(net.members_)

# %%
# Unbiased scores
# ---------------
# ``oof_predictions_`` holds the probabilities of each patient, predicted by the member that was not
# trained on this patient. Boosted trees need a cross-validation to get the same, that is, five more
# fits.
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
# Of the patients with a predicted probability of 0.8, about 80 of 100 should be ill. The network,
# which is stopped early, is close to this; the trees predict values near 0 and 1 too often.
_, ax = plt.subplots()
for name, probabilities in {"network": net.oof_predictions_, "boosted trees": by_trees}.items():
    CalibrationDisplay.from_predictions(y, probabilities[:, 1], n_bins=6, name=name, ax=ax)
