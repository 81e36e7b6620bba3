"""Fits whose sums are long enough to be divided among threads; run as a program, in many."""

import json
import zlib
from unittest import mock

import numpy as np
import scipy.sparse

from skdl import ConvNetClassifier, DenseClassifier
from skdl._engine.compiled import programs

WORDS = scipy.sparse.random(600, 3000, 0.02, "csr", np.float32, np.random.default_rng(0))
IMAGES = np.random.default_rng(1).normal(size=(256, 28, 28)).astype(np.float32)
PHOTOS = np.random.default_rng(2).normal(size=(40, 65, 70, 3)).astype(np.float32)


def bits_of(net, X, y):
    net.set_params(random_state=0, dropout=0.1).fit(X, y)
    return [net.training_program_, zlib.crc32(net.predict_proba(X).tobytes())] + [
        zlib.crc32(weights.tobytes()) for weights in net.model_.get_weights()
    ]


def bits_of_all():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 300)).astype(np.float32), np.arange(600) % 3
    one_filter = ConvNetClassifier((4, 1), pool_size=None, batch_size=128, epochs=2)
    on_photos = ConvNetClassifier((32, 16), batch_normalization=True, batch_size=16, epochs=2)
    bits = [
        bits_of(ConvNetClassifier((4, 3), image_shape=(15, 20), epochs=2), X, y),
        bits_of(one_filter, IMAGES, y[:256]),
        bits_of(on_photos, PHOTOS, y[:40]),
        bits_of(DenseClassifier((300, 300), batch_size=16, epochs=2), X, y),
        bits_of(DenseClassifier((64, 8), batch_size=256, epochs=2), WORDS, y),
        bits_of(DenseClassifier((8,), batch_size=256, epochs=2), WORDS.toarray(), y),
    ]
    with mock.patch.object(programs, "choose_program", return_value="xla"):  # as for more epochs
        for batch_size in (16, 400):
            net = DenseClassifier((300, 300), batch_size=batch_size, epochs=4)
            bits.append(bits_of(net, X, y))
    return bits


if __name__ == "__main__":
    print(json.dumps(bits_of_all()))
