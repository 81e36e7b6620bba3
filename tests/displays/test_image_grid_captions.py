"""Captions that wrap, pictures of nothing, and the most wrong images first."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import ImageGridDisplay

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (6, 5, 5), dtype=np.uint8)
Y_TRUE = np.array([0, 1, 2, 0, 1, 2])
Y_PRED = np.array([0, 1, 0, 0, 2, 1])
#                   of 0  of 1  of 2
PROBA = np.array([[0.90, 0.05, 0.05], [0.20, 0.50, 0.30], [0.50, 0.10, 0.40],
                  [0.60, 0.30, 0.10], [0.10, 0.02, 0.88], [0.04, 0.95, 0.01]])  # fmt: skip
LOSS = -np.log(PROBA[np.arange(6), Y_TRUE])


def drawn(**options):
    return ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, **options)


@pytest.mark.parametrize(
    ("only", "rows"), [("errors", [2, 4, 5]), ("correct", [0, 1, 3]), (None, range(6))]
)
def test_the_most_wrong_come_first(plt, only, rows):
    display = drawn(only=only, y_proba=PROBA, order="loss")
    rows = np.array(rows)
    assert_array_equal(display.index, rows[np.argsort(-LOSS[rows])])
    assert display.ax_.get_title().endswith("most wrong first")
    assert_array_equal(drawn(y_proba=PROBA).index, [5, 4, 2])  # by the label that was predicted


def test_labels_that_the_network_does_not_know_are_most_wrong(plt):
    y_true = np.where(Y_TRUE == 1, 7, Y_TRUE)
    display = ImageGridDisplay.from_predictions(
        X, y_true, Y_PRED, y_proba=PROBA, classes=[0, 1, 2], order="loss"
    )
    assert set(display.index[:2]) == {1, 4}


def test_the_order_is_checked(plt):
    with pytest.raises(ValueError, match=r"order must be 'confidence' or 'loss', .*order='best'"):
        drawn(order="best")
    with pytest.raises(ValueError, match="order='loss' requires probabilities"):
        drawn(order="loss")


def test_captions_wrap(plt):
    names = ["a very long name of a class", "another long name with many words", "bag"]
    display = drawn(display_labels=names, y_proba=PROBA)
    captions = [cell.get_title() for cell in display.axes_]
    assert max(len(line) for text in captions for line in text.split("\n")) <= 22
    assert " ".join(captions[0].split("\n")) == f"pred {names[1]} (95%) true bag (1%)"
    display.figure_.canvas.draw()
    boxes = [cell.title.get_window_extent() for cell in display.axes_]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])
    assert all(0 <= box.y0 < box.y1 <= display.figure_.bbox.height for box in boxes)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([0, 1, 3], {}, "None of the 3 images is predicted wrong."),
        ([2, 4], {"only": "correct"}, "None of the 2 images is predicted right."),
        ([0], {}, "The only image is not predicted wrong."),
    ],
)
def test_a_sentence_where_there_is_nothing_to_draw(plt, rows, options, message):
    display = ImageGridDisplay.from_predictions(X[rows], Y_TRUE[rows], Y_PRED[rows], **options)
    (text,) = display.ax_.texts
    assert text.get_text() == message
    display.figure_.canvas.draw()
    box, page = text.get_window_extent(), display.figure_.bbox
    assert 0 <= box.x0 < box.x1 <= page.width
    assert len(display.axes_) == 0


def test_one_image(plt):
    display = ImageGridDisplay.from_predictions(X[:1], Y_TRUE[:1], Y_PRED[:1], only=None)
    assert display.ax_.get_title() == "1 image"
    assert display.ax_.texts[:] == []
