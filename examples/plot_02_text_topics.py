"""
Topics of texts
===============

Texts in, topics out: a network on a bag of words, what a layer that is narrower than the
number of topics does to it, and a search over the number of words and the hidden layers. The
words stay a sparse matrix from the first line to the last.
"""

# %%
# The data: 9100 newswires of the agency Reuters from 1987, of 52 topics of very different
# frequency, where they lie beside this project. Elsewhere a corpus that every reader has: the
# docstrings of scikit-learn, where the topic is the part of the library that they are from.
# Its files are parsed, not imported.
import ast
import sys
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
                found.setdefault(text, topic)  # a text once, though it may be used twice
    table = pd.Series(found, name="category").rename_axis("text").reset_index()
    return table.groupby("category").filter(lambda rows: len(rows) >= 30)


newswires = Path(sys.argv[0]).resolve().parents[2] / "shared" / "data" / "reuters_r52.csv.gz"
if newswires.exists():
    table = pd.read_csv(newswires)
    train, test = (table[table["split"] == part] for part in ("train", "test"))
else:
    table = docstrings()
    train, test = train_test_split(table, stratify=table["category"], random_state=0)
batch_size = 512 if len(train) > 5000 else 64
X_train, y_train, X_test, y_test = train["text"], train["category"], test["text"], test["category"]

print(f"{len(train)} texts to train on, {len(test)} to test on")
print(y_train.value_counts().head(10))
print(X_train.iloc[0][:300])

# %%
# The network: which of the 10,000 most frequent words occur, two layers of 64 units, and as
# many outputs as there are topics. Words are counted in the training texts alone. A fifth of
# these is held out to look at.
settings = {"epochs": 20, "batch_size": batch_size, "metrics": "accuracy", "random_state": 0}
wide = TextBoWClassifier(hidden_layer_sizes=(64, 64), validation_split=0.2, **settings)
wide.fit(X_train, y_train)
wide.model_.summary()

# %%
# The same with four units in the second layer. Everything that the outputs learn of a text
# has to pass through these four numbers: a bottleneck.
narrow = TextBoWClassifier(hidden_layer_sizes=(64, 4), validation_split=0.2, **settings)
narrow.fit(X_train, y_train)

_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for metric, ax in zip(("loss", "accuracy"), axes, strict=True):
    LossCurveDisplay.from_estimators([wide, narrow], labels=["64-64", "64-4"], metric=metric, ax=ax)

# %%
# The wide network ends by knowing its training texts by heart, and the held-out ones well. The
# narrow one is behind at every epoch, on both: it is too small for that many topics. On texts
# that neither has seen:
for name, net in (("64-64", wide), ("64-4", narrow)):
    print(f"{name:6} test accuracy {net.score(X_test, y_test):.3f}")

# %%
# How many words, and which layers? Vectorizer and network in one pipeline, so that every fold
# counts its own words; a grid over both.
pipeline = Pipeline(
    [
        ("words", OneHotTextVectorizer()),
        ("net", DenseClassifier(epochs=8, batch_size=batch_size, random_state=0)),
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
# The best of them, fitted to all training texts, on the test texts: where the most frequent
# topics are taken for one another.
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
