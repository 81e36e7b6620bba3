"""Gradients of kernels and biases of convolutions, as TensorFlow has them."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from skdl._engine.compiled.convolutions import _kernel_gradient, _sum_of_pixels

RNG = np.random.default_rng(0)


def assert_gradient_of_kernel(images, kernel, strides, padding, dilation):
    """Compare with the gradient that TensorFlow takes in its own way."""
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        maps = tf.nn.conv2d(images, kernel, strides, padding, dilations=dilation)
    upstream = tf.constant(RNG.normal(size=maps.shape).astype("f"))
    layer = SimpleNamespace(
        kernel=kernel, kernel_size=tuple(kernel.shape[:2]), strides=strides,
        dilation_rate=dilation, filters=kernel.shape[-1],
    )  # fmt: skip
    ours, theirs = _kernel_gradient(layer, images, upstream), tape.gradient(maps, kernel, upstream)
    message = f"{kernel.shape} {strides} {padding} {dilation}"
    assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3, err_msg=message)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_gradients_of_kernels_are_those_of_tensorflow(padding):
    kernels, steps = [(3, 3), (1, 1), (2, 4), (5, 1)], [(1, 1), (2, 2), (1, 2), (3, 2), (4, 4)]
    for kernel_size, strides, channels in itertools.product(kernels, steps, (1, 3)):
        for dilation in [(1, 1), (2, 3)] if strides == (1, 1) else [(1, 1)]:
            kernel = tf.constant(RNG.normal(size=(*kernel_size, channels, 4)).astype("f"))
            images = tf.constant(RNG.normal(size=(2, 11, 14, channels)).astype("f"))
            assert_gradient_of_kernel(images, kernel, strides, padding, dilation)
            if strides == (1, 1):
                assert_gradient_of_kernel(images, kernel[..., :1], strides, padding, dilation)


@pytest.mark.parametrize(("kernel_size", "dilation"), [((3, 3), (1, 1)), ((2, 4), (3, 2))])
def test_gradients_over_large_maps_of_many_channels(kernel_size, dilation):
    images = tf.constant(RNG.normal(size=(3, 30, 34, 32)).astype("f"))
    kernel = tf.constant(RNG.normal(size=(*kernel_size, 32, 5)).astype("f"))
    for padding in ("SAME", "VALID"):
        assert_gradient_of_kernel(images, kernel, (1, 1), padding, dilation)


def test_gradients_of_biases_are_sums_over_pixels():
    maps = RNG.normal(size=(3, 5, 7, 4)).astype("f")
    assert_allclose(_sum_of_pixels(tf.constant(maps)), maps.sum((0, 1, 2)), rtol=1e-5, atol=1e-5)
