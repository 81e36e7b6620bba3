"""
Serve a model without Python or Keras
=====================================

A pipeline with a network becomes one ONNX file, with its preprocessing. A service needs only
onnxruntime to answer, which is small, starts in a fraction of a second, and is fast for single
rows.
"""

# %%
# The data are 8 x 8 images of handwritten digits.
import tempfile
import timeit
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import DenseClassifier, to_onnx

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(StandardScaler(), DenseClassifier((64,), epochs=20, random_state=0))
model.fit(X_train, y_train)

# %%
# Export
# ------
# The file holds the scaler and the network.
exported = to_onnx(model, X_train[:1])
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.onnx"
    path.write_bytes(exported.SerializeToString())
    print(f"{path.stat().st_size / 1024:.0f} kB")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

# %%
# The same answers
# ----------------
(given,) = session.get_inputs()
as_given = {"tensor(float)": np.float32, "tensor(double)": np.float64}[given.type]
labels, probabilities = session.run(None, {given.name: X_test.astype(as_given)})
print("same labels:", np.array_equal(labels, model.predict(X_test)))
print(f"largest difference: {np.abs(probabilities - model.predict_proba(X_test)).max():.1e}")

# %%
# Single rows
# -----------
# A request is often one row. Most of the time in Python goes into checking it.
row = X_test[:1]
calls = {
    "pipeline": lambda: model.predict_proba(row),
    "onnxruntime": lambda: session.run(None, {given.name: row.astype(as_given)}),
}
milliseconds = {
    name: min(timeit.repeat(call, number=20, repeat=5)) / 20 * 1000 for name, call in calls.items()
}
figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
bars = ax.barh(list(milliseconds), list(milliseconds.values()))
ax.bar_label(bars, fmt="%.2f ms", padding=4)
ax.set(xlabel="milliseconds for one row", title="The same probabilities, from Python and from ONNX")
ax.margins(x=0.15)
