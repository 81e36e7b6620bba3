"""Threads that use estimators while the first of them still loads Keras."""

import subprocess
import sys

import pytest

PROGRAM = """
import copy, pickle, sys, threading, time
from sklearn.base import clone
from sklearn.datasets import load_iris
from skdl import DenseClassifier

X, y = load_iris(return_X_y=True)
X_tiny, y_tiny = X[::10], y[::10]
net = DenseClassifier(3, epochs=1, random_state=0)
assert "keras" not in sys.modules
first = threading.Thread(target=clone(net).fit, args=(X_tiny, y_tiny))
first.start()
while "keras" not in sys.modules:
    time.sleep(0.0005)
early = sys.modules["keras"].__spec__._initializing
copies = [clone(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
first.join()
want = net.fit(X_tiny, y_tiny).predict_proba(X)
assert all((each.fit(X_tiny, y_tiny).predict_proba(X) == want).all() for each in copies)
print("early" if early else "late")
"""


@pytest.mark.slow  # loads TensorFlow anew
@pytest.mark.processes(workers=False)
def test_copies_wait_for_keras():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["early"]  # Keras takes seconds to load
