"""Texts and word indices, and the rows that they become."""

TEXTS = ["a good film, good plot", "bad film", "", "bad, bad film: uncanny"]
REVIEWS = [[1, 4, 5, 4], [1, 7, 2, 5], [], [1, 5, 5, 9]]
WORD_INDEX = {"the": 1, "film": 2, "good": 3, "bad": 4, "uncanny": 5, "plot": 6}
