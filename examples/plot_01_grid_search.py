"""
Search a network like any other estimator
=========================================

:class:`~sklearn.model_selection.GridSearchCV` tunes the number of epochs and the size of the hidden
layer of a dense network, inside a pipeline that standardizes the inputs. The 27 fits on images of
digits need only three compiled programs, so the search takes seconds.
"""

# %%
# The data are 8 x 8 images of handwritten digits, with one row of 64 pixels per image. A quarter of
# them is held out as a test set.
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, SearchDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The grid has nine combinations. Three folds make 27 fits, and the best combination is fitted once
# more. Networks that differ only in their number of epochs share a compiled program.
search = GridSearchCV(
    Pipeline([("scale", StandardScaler()), ("net", DenseClassifier(random_state=0))]),
    {"net__epochs": [1, 5, 10], "net__hidden_layer_sizes": [32, 64, 256]},
    cv=3,
    return_train_score=True,
).fit(X_train, y_train)
search

# %%
# The table shows the mean scores over the folds, with epochs as rows and units as columns.
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
# :class:`~skdl.SearchDisplay` draws the scores on the test folds as a map.
SearchDisplay.from_search(search)

# %%
# Finally, the best network is evaluated on the test set, which the search has not used.
print("best:", search.best_params_)
print(f"test accuracy: {search.score(X_test, y_test):.3f}")
