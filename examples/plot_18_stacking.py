"""
Stack a network with trees
==========================

Networks and trees make different errors, so that their combination is often better than either of
them. :class:`~sklearn.ensemble.StackingRegressor` learns how much to trust each, from predictions
on rows that they were not trained on.
"""

# %%
# The data are J. H. Friedman's first artificial regression problem: a smooth function of five
# columns, with noise, and five columns that mean nothing. Two steps are added to it, which are easy
# for trees and hard for networks.
import matplotlib.pyplot as plt
from sklearn.datasets import make_friedman1
from sklearn.ensemble import ExtraTreesRegressor, StackingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseRegressor

X, y = make_friedman1(600, n_features=10, noise=1.0, random_state=0)
y += 3 * (X[:, 0] > 0.3) + 3 * (X[:, 5] > 0.6)

# %%
# The network stands behind a scaler, and the stack takes it as it takes any estimator.
network = make_pipeline(StandardScaler(), DenseRegressor((64, 64), epochs=60, random_state=0))
trees = ExtraTreesRegressor(100, random_state=0)
stack = StackingRegressor([("network", network), ("trees", trees)], RidgeCV(), cv=3)
stack.fit(X, y)

# %%
# The weights that the last, linear step gives to the two predictions:
names = dict(zip(["network", "trees"], stack.final_estimator_.coef_.round(2).tolist(), strict=True))
print(names)

# %%
# Errors on the same folds
# ------------------------
folds = KFold(4, shuffle=True, random_state=0)
errors = {
    name: -cross_val_score(model, X, y, cv=folds, scoring="neg_root_mean_squared_error")
    for name, model in {"network": network, "trees": trees, "stack of both": stack}.items()
}
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for i in range(folds.n_splits):
    ax.plot(list(errors), [values[i] for values in errors.values()], "o-", color="0.7")
ax.plot(list(errors), [values.mean() for values in errors.values()], "s", markersize=9)
ax.set(ylabel="root mean squared error", title="each grey line is one fold")
ax.margins(x=0.2)
for name, values in errors.items():
    print(f"{name:14} {values.mean():.2f} +- {values.std():.2f}")
