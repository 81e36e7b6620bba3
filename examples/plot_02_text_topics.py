"""
A bottleneck layer costs accuracy on many topics
================================================

A network on a bag of words classifies texts by topic. A hidden layer that is much narrower than the
number of topics makes it worse, on the training texts as well as on new ones. A grid search then
chooses the number of words and the hidden layers. The words stay a sparse matrix throughout.
"""

# %%
# The data are a corpus that every reader has: the docstrings of scikit-learn. Their topic is the
# part of the library to which they belong. The files are parsed, not imported.
import ast
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import sklearn
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import Pipeline

from skdl import DenseClassifier, LossCurveDisplay, OneHotTextVectorizer, TextBoWClassifier


def docstrings():
    """Return the docstrings of scikit-learn and the subpackage of each."""
    documented = (ast.ClassDef, ast.FunctionDef)
    root = Path(sklearn.__file__).parent
    found = {}
    for path in sorted(root.glob("*/**/*.py")):
        topic, *rest = path.relative_to(root).parts
        if topic in ("externals", "tests", "_build_utils") or "tests" in rest:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.get_docstring(node) if isinstance(node, documented) else None
            if text and len(text) > 100:
                found.setdefault(text, topic)  # keep each text only once
    table = pd.Series(found, name="category").rename_axis("text").reset_index()
    return table.groupby("category").filter(lambda rows: len(rows) >= 30)


table = docstrings()
train, test = train_test_split(table, stratify=table["category"], random_state=0)
X_train, y_train, X_test, y_test = train["text"], train["category"], test["text"], test["category"]

print(f"{len(train)} texts to train on, {len(test)} to test on")
print(y_train.value_counts().head(10))
print(X_train.iloc[0][:300])

# %%
# The inputs of the network tell which of the 10,000 most frequent words occur in a text. Two layers
# of 64 units follow, and one output per topic. The vocabulary is learned from the training texts
# only. A fifth of these texts is held out for validation.
settings = {"epochs": 20, "batch_size": 64, "metrics": "accuracy", "random_state": 0}
wide = TextBoWClassifier(hidden_layer_sizes=(64, 64), validation_split=0.2, **settings)
wide.fit(X_train, y_train)
wide.model_.summary()

# %%
# A second network has only four units in the second layer. All information about a text has to pass
# through these four numbers: a bottleneck.
narrow = TextBoWClassifier(hidden_layer_sizes=(64, 4), validation_split=0.2, **settings)
narrow.fit(X_train, y_train)

_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for metric, ax in zip(("loss", "accuracy"), axes, strict=True):
    LossCurveDisplay.from_estimators([wide, narrow], labels=["64-64", "64-4"], metric=metric, ax=ax)

# %%
# The wide network overfits, but is still good on the held-out texts. The narrow network is worse at
# every epoch, on both sets: it is too small for this many topics. On texts that neither network has
# seen:
for name, net in (("64-64", wide), ("64-4", narrow)):
    print(f"{name:6} test accuracy {net.score(X_test, y_test):.3f}")

# %%
# How many words, and which layers? With the vectorizer and the network in one pipeline, each fold
# learns its own vocabulary, and one grid covers the parameters of both.
pipeline = Pipeline(
    [
        ("words", OneHotTextVectorizer()),
        ("net", DenseClassifier(epochs=8, batch_size=64, random_state=0)),
    ]
)
grid = {
    "words__max_words": [100, 1000, 10_000],
    "net__hidden_layer_sizes": [(64, 4), (64,), (64, 64)],
}
search = GridSearchCV(pipeline, grid, cv=KFold(2, shuffle=True, random_state=0))
search.fit(X_train, y_train)

results = pd.DataFrame(search.cv_results_)
results["layers"] = ["-".join(map(str, p)) for p in results["param_net__hidden_layer_sizes"]]
print(
    results.pivot_table(
        index="param_words__max_words", columns="layers", values="mean_test_score"
    ).round(3)
)

# %%
# The best combination, fitted to all training texts, is evaluated on the test texts. The confusion
# matrix shows which of the most frequent topics it confuses.
print(search.best_params_)
print(f"test accuracy: {search.score(X_test, y_test):.3f}")

frequent = y_test.value_counts().index[:10]
rows = y_test.isin(frequent)
_, ax = plt.subplots(figsize=(6, 6), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test[rows],
    search.predict(X_test[rows]),
    labels=sorted(frequent),
    xticks_rotation="vertical",
    colorbar=False,
    ax=ax,
)
plt.show()
