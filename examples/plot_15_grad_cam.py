"""
Where does the network look? Grad-CAM
=====================================

Each image holds two digits at random places, and its class says whether a seven is one of them.
Nobody tells the network where the seven is. :class:`~skdl.GradCAMDisplay` shows that it has found
out: the score of the class depends on that place of the image.
"""

# %%
# The images have 20 x 20 pixels and are made of scikit-learn's digits. Half of them have a seven in
# one of two places that do not overlap.
import numpy as np
from sklearn.datasets import load_digits

from skdl import ConvNetClassifier, FeatureMapDisplay, GradCAMDisplay

rng = np.random.default_rng(0)
digits = load_digits()
sevens, others = digits.images[digits.target == 7], digits.images[digits.target != 7]


def compose(n, sevens, others):
    """Return n images with two digits each, and whether one of them is a seven."""
    images, y = np.zeros((n, 20, 20)), rng.integers(2, size=n)
    for image, has_seven in zip(images, y, strict=True):
        first = rng.choice(sevens if has_seven else others)
        places = rng.permutation([0, 11])  # upper or lower half
        for place, digit in zip(places, (first, rng.choice(others)), strict=True):
            top, left = place + rng.integers(2), rng.integers(13)
            image[top : top + 8, left : left + 8] = digit
    return images, np.where(y, "seven", "none")


X, y = compose(2000, sevens[:120], others[:1200])
X_test, y_test = compose(300, sevens[120:], others[1200:])

# %%
# The network
# -----------
# It sees only images and classes.
net = ConvNetClassifier((16, 32), pool_size=[2, None], epochs=12, random_state=0).fit(X, y)
print(f"accuracy on new images, of digits that it has not seen: {net.score(X_test, y_test):.3f}")

# %%
# What speaks for a seven
# -----------------------
# Bright places raise the score of the class "seven". In images without a seven hardly anything
# does, but each image has a scale of its own, so that some place is always the brightest: look at
# the images that are predicted to have one.
with_seven = X_test[(net.predict(X_test) == "seven") & (y_test == "seven")]
GradCAMDisplay.from_estimator(net, with_seven, target="seven", max_images=12)

# %%
# The maps behind it
# ------------------
# The overlay is a weighted sum of what single filters find. Some answer to horizontal strokes,
# some to diagonal ones, and it is their combination that makes a seven.
FeatureMapDisplay.from_estimator(net, with_seven, layer=1, max_images=3, max_maps=8)
