"""The maps of convolutional networks: layers are cut to them, and none vanishes."""

import re

import numpy as np
import pytest
from convnets import build, images, sizes
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 13, 1), [(1, 11), (1, 5), (1, 3), (1, 1)]),
        ((8, 8, 3), [(6, 6), (3, 3), (1, 1)]),
        ((4, 1, 2), [(2, 1), (1, 1), (1, 1)]),
        ((1, 1, 1), [(1, 1), (1, 1)]),
    ],
)
def test_defaults_fit_any_image(shape, expected):
    model = build(shape)
    assert sizes(model) == expected
    assert np.isfinite(model.predict(images(shape), verbose=0)).all()


def test_kernels_and_pools_are_cut_to_the_map():
    model = build(
        (5, 9, 1), filters=(2, 2), kernel_size=7, dilation_rate=(1, 3), pool_size=(None, 4)
    )
    kernels = [model.get_layer(f"conv_{i}").kernel_size for i in (1, 2)]
    assert kernels == [(5, 7), (1, 1)]
    assert model.get_layer("conv_2_pooling").pool_size == (1, 3)
    dilated = build((5, 9, 1), filters=2, kernel_size=4, dilation_rate=3, pool_size=None)
    assert dilated.get_layer("conv_1").kernel_size == (2, 3)
    assert sizes(dilated) == [(2, 3)]


def _each(values):
    pairs = st.tuples(values, values)
    return values | st.lists(values | pairs, min_size=2, max_size=2)


def vanishes(image, pool_size, **parameters):
    """Tell whether a second convolution meets one pixel with something to step over or to pool."""
    first = {k: v[:1] if isinstance(v, list | tuple) else v for k, v in parameters.items()}
    pool = pool_size[:1] if isinstance(pool_size, list) else pool_size
    map_of_first = build((*image, 1), pool_size=pool, **first).get_layer("flatten").input.shape
    second = (v[1] if isinstance(v, list) else v for v in (pool_size, parameters.get("strides")))
    pools, steps = (np.max(v if v is not None else 1) for v in second)
    given = steps > 1 or (pools > 1 and pool_size != 2)
    return image != (1, 1) and map_of_first[1:3] == (1, 1) and given


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    kernel_size=_each(st.integers(1, 6)),
    steps=_each(st.integers(1, 4)),
    dilated=st.booleans(),
    padding=st.sampled_from(["valid", "same", ("same", "valid")]),
    pool_size=st.none() | _each(st.integers(1, 5)),
)
def test_maps_hold_pixels_or_the_network_is_refused(
    height, width, kernel_size, steps, dilated, padding, pool_size
):
    image = (height, width)
    parameters = {"filters": (1, 2), "kernel_size": kernel_size, "padding": padding}
    parameters["dilation_rate" if dilated else "strides"] = steps
    if vanishes(image, pool_size, **parameters):
        with pytest.raises(ValueError, match="The maps vanish"):
            build((*image, 1), pool_size=pool_size, **parameters)
        parameters.pop("strides", None)  # nothing beyond the defaults is given: all is cut
        assert build((*image, 1), **parameters).count_params() > 0
        return
    model = build((*image, 1), pool_size=pool_size, hidden_layer_sizes=(), **parameters)
    assert all(size >= 1 for pair in sizes(model) for size in pair)
    assert model.count_params() > 0


@pytest.mark.parametrize(
    ("shape", "parameters", "shown"),
    [
        (
            (28, 28, 1),
            {"filters": (8,) * 5, "strides": 3, "pool_size": None},
            "image 28 x 28, convolution 1 9 x 9, convolution 2 3 x 3, convolution 3 1 x 1",
        ),
        (
            (28, 28, 3),
            {"filters": (8,) * 5, "pool_size": 4},
            "image 28 x 28, convolution 1 26 x 26, pooling 6 x 6, convolution 2 4 x 4, pooling 1",
        ),
        (
            (8, 8, 1),
            {"filters": (4, 4, 4), "pool_size": (2, 2, 2)},
            "image 8 x 8, convolution 1 6 x 6, pooling 3 x 3, convolution 2 1 x 1",
        ),
        (
            (1, 5, 1),
            {"strides": (1, (1, 2)), "kernel_size": 4},
            "image 1 x 5, convolution 1 1 x 2, pooling 1 x 1",
        ),
    ],
)
def test_vanishing_maps_are_shown_layer_by_layer(shape, parameters, shown):
    with pytest.raises(ValueError, match=f"The maps vanish: after {shown}") as caught:
        build(shape, **parameters)
    given = {"strides": 1, "pool_size": 2} | parameters
    for part in ("strides", "pool_size"):
        assert caught.match(re.escape(f"{part}={given[part]!r}"))


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ((28, 28, 1), {"filters": (4,) * 7}),  # the default pooling goes as far as it can
        ((28, 28, 1), {"filters": (4,) * 7, "pool_size": [2, 2, 2, *[None] * 4]}),
        ((28, 28, 1), {"filters": (4,) * 4, "strides": 3, "padding": "same", "pool_size": None}),
        ((2, 40, 1), {"filters": (4, 4, 4), "strides": 2, "pool_size": None}),  # narrow, not gone
        ((1, 1, 3), {"filters": (4, 4), "strides": 2, "pool_size": (3, 3)}),  # it was one pixel
    ],
)
def test_maps_that_do_not_vanish(shape, parameters):
    assert min(min(pair) for pair in sizes(build(shape, **parameters))) >= 1
