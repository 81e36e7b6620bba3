"""The picture of a network in an estimator's diagram: its boxes and the lines between them."""

import itertools
import re
import xml.etree.ElementTree as ET
from importlib import util

import keras
import numpy as np
import pytest
from keras import layers

from skdl import (
    ConvNetClassifier,
    DenseClassifier,
    DenseRegressor,
    KerasClassifier,
    PretrainedFeatureClassifier,
    TabularClassifier,
    TextBoWClassifier,
)

shows_what_is_fitted = pytest.mark.skipif(
    util.find_spec("sklearn.callback") is None,
    reason="needs scikit-learn 1.9, whose diagrams show what is fitted",
)


class Picture:
    """The boxes of a picture as texts and rectangles, and its lines as pairs of boxes."""

    def __init__(self, estimator):
        html = estimator._repr_html_()
        found = re.findall(r"<svg role.*?</svg>", html, flags=re.DOTALL)
        self.summaries = re.findall(r"<summary>((?:Network|Layers).*?)</summary>", html)
        self.n_pictures, self.boxes, self.frames, self.lines = len(found), [], [], set()
        if not found:
            return
        svg = ET.fromstring(found[-1])
        _, _, self.width, self.height = map(float, svg.get("viewBox").split())
        (shifted,) = svg
        self.shift = float(re.match(r"translate\(([\d.]+) 0\)", shifted.get("transform"))[1])
        for group in shifted.findall("g"):
            self.boxes.append([text.text for text in group.findall("text")])
            rect = group.find("rect")
            self.frames.append([float(rect.get(key)) for key in ("x", "y", "width", "height")])
        paths = [p.get("d") for p in shifted.findall("path")]
        for line, tip in zip(paths[::2], paths[1::2], strict=True):
            start = [float(number) for number in re.match(r"M(\S+) (\S+?)[CV]", line).groups()]
            end = [float(number) for number in re.search(r"L(\S+) (\S+?)Z", tip).groups()]
            self.lines.add((self.at(*start), self.at(*end)))

    def at(self, x, y):
        """Return the name of the box at whose edge a point is."""
        (found,) = [
            name_of(box)
            for box, (left, top, width, height) in zip(self.boxes, self.frames, strict=True)
            if abs(left + width / 2 - x) < 0.2 and min(abs(top - y), abs(top + height - y)) < 0.2
        ]
        return found

    def check_drawing(self):
        """Check that boxes lie apart, and within the picture."""
        frames = np.array(self.frames)
        assert (frames[:, 0] + self.shift >= 0).all()
        assert (frames[:, 0] + frames[:, 2] + self.shift <= self.width).all()
        assert (frames[:, 1] + frames[:, 3] <= self.height).all()
        for i, (left, top, width, height) in enumerate(frames):
            others = np.delete(frames, i, axis=0)
            apart = np.abs(others[:, 0] - left) >= width + 1
            assert (apart | (np.abs(others[:, 1] - top) >= height + 1)).all()


def name_of(box):
    return box[2] if " parameters" in box[1] else box[1]


def names_of(picture):
    return [name_of(box) for box in picture.boxes]


def built(function, X, y, **parameters):
    return KerasClassifier(function, epochs=1, random_state=0, **parameters).fit(X, y)


def output(n_outputs, activation):
    return layers.Dense(n_outputs, activation=activation, name="out")


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:64] / 16, digits[1][:64]


@shows_what_is_fitted
def test_boxes_have_the_layers_shapes_and_numbers_of_parameters(data):
    net = ConvNetClassifier((4, 6), hidden_layer_sizes=(9,), dropout=0.1, epochs=1).fit(*data)
    picture = Picture(net)
    expected = [["Input", "inputs", "8 x 8 x 1"]]
    for layer in net.model_.layers:
        n = layer.count_params()
        shape = " x ".join(map(str, layer.output.shape[1:]))
        kind = [type(layer).__name__]
        expected.append([*kind, *([f"{n:,} parameters"] if n else []), layer.name, shape])
    assert picture.boxes == expected
    names = names_of(picture)
    assert picture.lines == set(itertools.pairwise(names))
    picture.check_drawing()


@shows_what_is_fitted
def test_branches_nested_networks_operations_and_shared_layers(data):
    def network(input_shape, n_outputs, output_activation):
        inputs = keras.Input(input_shape, name="<all> & more")
        shared = layers.Dense(8, name="shared")
        deep = shared(layers.Dense(64, name="deep")(inputs))
        joined = layers.Add(name="joined")([deep, shared(inputs)])
        inner = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(4)], name="in")
        return keras.Model(inputs, output(n_outputs, output_activation)(inner(joined * 2)))

    net = built(network, *data)
    picture = Picture(net)
    picture.check_drawing()
    assert picture.n_pictures == 1
    multiply = next(box[1] for box in picture.boxes if box[0] == "Multiply")
    assert picture.lines == {
        ("<all> & more", "deep"), ("<all> & more", "shared"), ("deep", "shared"),
        ("shared", "joined"), ("joined", multiply), (multiply, "in"), ("in", "out"),
    }  # fmt: skip
    boxes = {tuple(box) for box in picture.boxes}
    assert ("Sequential, 2 layers", "56 parameters", "in", "4") in boxes
    # A layer that is used twice is drawn twice, and its parameters are counted once.
    assert sorted(box for box in boxes if "shared" in box) == [
        ("Dense", "520 parameters", "shared", "8"),
        ("Dense", "shared", "8, shared"),
    ]


def test_large_networks_are_cut():
    inputs = x = keras.Input((8,))
    for _ in range(40):
        x = layers.Add()([x, layers.Dense(8)(x)])
    deep = keras.Model(inputs, x)
    inputs = keras.Input((64,))
    parts = [layers.Dense(2)(inputs[:, i : i + 1]) for i in range(64)]
    wide = keras.Model(inputs, layers.Concatenate()(parts))
    for model, at_most in ((deep, 20), (wide, 11)):
        picture = Picture(KerasClassifier(model))
        picture.check_drawing()
        assert 8 < len(picture.boxes) <= at_most
        texts = [" ".join(box) for box in picture.boxes]
        counts = [re.search(r"([\d,]+) parameters", text) for text in texts]
        total = sum(int(count[1].replace(",", "")) for count in counts if count)
        assert total == model.count_params()
        n_hidden = sum(int(box[0].split()[0]) for box in picture.boxes if "more" in box[0])
        n_drawn = sum("more" not in box[0] for box in picture.boxes)
        assert n_hidden + n_drawn == len(model.operations)
    assert "61 more" in [box[0] for box in picture.boxes]


@shows_what_is_fitted
def test_what_is_joined_within_a_class_has_no_lines(data):
    class Own(keras.Model):
        def __init__(self, n_outputs):
            super().__init__()
            self.hidden = layers.Dense(8, name="hidden")
            self.last = output(n_outputs, "softmax")
            self.unused = layers.Dense(3, name="unused")  # has no weights, as it is never called

        def build(self, input_shape):
            self.hidden.build(input_shape)
            self.last.build((None, 8))

        def call(self, x):
            return self.last(self.hidden(x))

    picture = Picture(built(lambda n_outputs: Own(n_outputs), *data))
    assert names_of(picture) == ["hidden", "out", "unused"]
    assert picture.lines == set()


@pytest.mark.slow
@shows_what_is_fitted
def test_a_backbone_is_one_box_and_an_ensemble_one_member(data):
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Conv2D(4, 3)], name="base"
    )
    net = PretrainedFeatureClassifier(base, weights=None, image_shape=(8, 8), epochs=1).fit(*data)
    picture = Picture(net)
    assert ["Sequential, 2 layers", "188 parameters", "base", "4 x 4 x 4"] in picture.boxes
    assert {("inputs", "base"), ("base", "flatten"), ("flatten", "hidden_1")} <= picture.lines
    net = TabularClassifier(n_members=2, epochs=1, random_state=0).fit(*data)
    picture = Picture(net)
    n = net.members_[0].model_.count_params()
    assert picture.summaries == [f"Network: one of 2 members, 3 layers, {n:,} parameters"]
    assert len(picture.boxes) == 4


@shows_what_is_fitted
@pytest.mark.parametrize(
    "net",
    [
        DenseClassifier((8, 4), dropout=[0.1, 0], batch_normalization=True, epochs=1),
        DenseRegressor(3, epochs=1),
        TextBoWClassifier(hidden_layer_sizes=(4,), dropout=0.2, epochs=1),
        ConvNetClassifier(
            (3, 2), conv_dropout=[0.1, 0], batch_normalization=True, pool_size=[2, None],
            hidden_layer_sizes=(4, 3), dropout=0.1, augmentation={"flip": "horizontal"}, epochs=1,
        ),
    ],
    ids=lambda net: type(net).__name__,
)  # fmt: skip
def test_before_fit_the_same_layers_without_shapes(net, data):
    planned = Picture(net)
    assert planned.summaries == ["Layers before fit (their shapes follow from the data)"]
    assert not any(" parameters" in text for box in planned.boxes for text in box)
    X, y = data
    X = [["one", "two"][i % 2] for i in y] if isinstance(net, TextBoWClassifier) else X
    fitted = Picture(net.fit(X, y))
    left_out = {"rescaling"}  # follows from the pixels
    same = [name for name in names_of(fitted) if name not in left_out]
    assert names_of(planned) == same
    assert [box[0] for box in planned.boxes] == [
        box[0] for box in fitted.boxes if not left_out & {*box}
    ]


def test_before_fit_of_what_is_known_by_name_or_not_at_all():
    boxes = Picture(PretrainedFeatureClassifier(pooling="avg")).boxes
    assert boxes[1:3] == [
        ["Backbone", "VGG16", "imagenet weights"], ["GlobalAveragePooling2D", "pooling"],
    ]  # fmt: skip
    assert Picture(TabularClassifier(n_members=3)).summaries == [
        "Layers before fit, each of 3 members (their shapes follow from the data)"
    ]
    assert Picture(KerasClassifier(lambda n_outputs: None)).n_pictures == 0
    assert Picture(DenseClassifier(hidden_layer_sizes=(3, -1))).n_pictures == 0
    assert Picture(DenseClassifier(8, dropout=[0.1, 0.2])).n_pictures == 0
    assert Picture(ConvNetClassifier(8, pool_size="x")).n_pictures == 0
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="last")])
    assert Picture(KerasClassifier(model)).boxes[1] == ["Dense", "8 parameters", "last", "2"]


def test_names_are_escaped():
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten()])
    base.name = 'a<b>"&c'
    boxes = Picture(PretrainedFeatureClassifier(base)).boxes  # a parser of XML reads them
    assert boxes[1][:2] == ["Backbone", 'a<b>"&c']
