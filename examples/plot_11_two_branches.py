"""
A network of your own with two inputs
=====================================

Any Keras network can be an estimator. This one reads two groups of columns, each with layers of its
own, before it joins them, and is used in a pipeline and a cross-validation like a linear model.
"""

# %%
# The data are scikit-learn's 442 patients with diabetes: age, sex, body mass index and blood
# pressure, and six values of a blood test. The target is the progression of the disease after one
# year.
import keras
import matplotlib.pyplot as plt
from keras import layers
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import KerasRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
print(X.columns.tolist())


# %%
# The function
# ------------
# It receives the arguments that its signature names: ``input_shape`` is a dictionary here, because
# there are two inputs. ``units`` and ``dropout`` are hyperparameters of its own, which a search can
# tune as ``model__units`` and ``model__dropout``.
def two_branches(input_shape, n_outputs, units=16, dropout=0.3):
    """Return a network with the inputs "body" and "blood"."""
    body = keras.Input(input_shape["body"], name="body")
    blood = keras.Input(input_shape["blood"], name="blood")
    from_blood = layers.Dense(units, activation="relu", name="compress")(blood)
    joined = layers.Concatenate(name="join")([body, from_blood])
    hidden = layers.Dense(units, activation="relu", name="hidden")(joined)
    hidden = layers.Dropout(dropout, name="drop")(hidden)
    return keras.Model([body, blood], layers.Dense(n_outputs, name="progression")(hidden))


# %%
# ``inputs`` says which columns belong to which input. Columns keep their names behind the scaler,
# because its output is a DataFrame. The target is standardized for the network, too, because its
# values of up to 346 are large for one.
network = KerasRegressor(
    two_branches,
    inputs={"body": ["age", "sex", "bmi", "bp"], "blood": ["s1", "s2", "s3", "s4", "s5", "s6"]},
    model_params={"units": 16},
    learning_rate=0.003,
    epochs=30,
    random_state=0,
)
scaled = TransformedTargetRegressor(network, transformer=StandardScaler())
model = make_pipeline(StandardScaler().set_output(transform="pandas"), scaled)
model.fit(X, y)

# %%
# Unfold *KerasRegressor* and *Network* to see the two branches.

# %%
# Compared with a linear model
# ----------------------------
# Both are tested on the same folds. With so few patients a linear model is hard to beat, and the
# network comes close to it: a function for the layers is all that the comparison needed.
folds = KFold(5, shuffle=True, random_state=0)
models = {"two branches": model, "ridge regression": make_pipeline(StandardScaler(), RidgeCV())}
scores = {name: cross_val_score(each, X, y, cv=folds) for name, each in models.items()}
figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for row, (name, values) in enumerate(scores.items()):
    ax.plot(values, [row] * len(values), "o", alpha=0.6)
    ax.plot(values.mean(), row, "k|", markersize=25)
    print(f"{name:17} R2 {values.mean():.2f} +- {values.std():.2f}")
ax.set(yticks=range(len(scores)), yticklabels=scores, xlabel="R2 of each fold, and their mean")
ax.margins(y=0.4)
