"""Gradients of strided convolutions, which are taken from parts of the maps, as Keras has them."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from skdl._engine.compiled.kernels import _kernel_gradient, _sum_of_pixels

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_gradients_of_kernels_are_those_of_tensorflow(padding):
    kernels, steps = [(3, 3), (1, 1), (2, 4), (5, 1)], [(1, 1), (2, 2), (1, 2), (3, 2), (4, 4)]
    for kernel_size, strides, channels in itertools.product(kernels, steps, (1, 3)):
        for dilation in [(1, 1), (2, 3)] if strides == (1, 1) else [(1, 1)]:
            kernel = tf.constant(RNG.normal(size=(*kernel_size, channels, 4)).astype("f"))
            images = tf.constant(RNG.normal(size=(2, 11, 14, channels)).astype("f"))
            with tf.GradientTape() as tape:
                tape.watch(kernel)
                maps = tf.nn.conv2d(images, kernel, strides, padding, dilations=dilation)
            upstream = tf.constant(RNG.normal(size=maps.shape).astype("f"))
            layer = SimpleNamespace(
                kernel=kernel, kernel_size=kernel_size, strides=strides,
                dilation_rate=dilation, filters=4,
            )  # fmt: skip
            ours = _kernel_gradient(layer, images, upstream)
            theirs = tape.gradient(maps, kernel, upstream)
            message = f"{kernel_size} {strides} {channels} {dilation}"
            assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4, err_msg=message)


def test_gradients_of_biases_are_sums_over_pixels():
    maps = RNG.normal(size=(3, 5, 7, 4)).astype("f")
    assert_allclose(_sum_of_pixels(tf.constant(maps)), maps.sum((0, 1, 2)), rtol=1e-5, atol=1e-5)
