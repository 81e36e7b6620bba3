"""
Searching a network like any other estimator
============================================

A dense network on images of digits, searched over the number of epochs and the size of its
hidden layer with :class:`~sklearn.model_selection.GridSearchCV`, inside a pipeline that
standardises the pixels.
"""

# %%
# The data: 8 x 8 images of handwritten digits, one row of 64 pixels each. A quarter is kept
# for the end.
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The grid has nine networks; three folds make 27 fits, and the best is fitted once more. Only
# three compiled programs are needed for them: networks that differ in their epochs alone share one.
search = GridSearchCV(
    Pipeline([("scale", StandardScaler()), ("net", DenseClassifier(random_state=0))]),
    {"net__epochs": [1, 5, 10], "net__hidden_layer_sizes": [32, 64, 256]},
    cv=3,
    return_train_score=True,
).fit(X_train, y_train)
search

# %%
# Mean scores over the folds, epochs down and units across.
results = pd.DataFrame(search.cv_results_).rename(
    columns={
        "param_net__epochs": "epochs",
        "param_net__hidden_layer_sizes": "units",
        "mean_train_score": "train",
        "mean_test_score": "test",
    }
)
print(results.pivot_table(index="epochs", columns="units", values=["train", "test"]).round(3))

# %%
# The best network, on the images that the search never saw.
print("best:", search.best_params_)
print(f"test accuracy: {search.score(X_test, y_test):.3f}")
