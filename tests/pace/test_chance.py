"""429s by chance and 429s of a limit, told apart by how many come how close together."""

from __future__ import annotations

import random

import pytest

from target_userflow.pace.chance import Chance, is_unlikely


@pytest.mark.parametrize(
    ("refused", "answers", "noise"), [(2, 2, 0.0001), (4, 4, 0.03), (3, 3, 0.005), (20, 300, 0.01)]
)
def test_429s_in_a_row_or_far_more_than_usual_show_a_limit(
    refused: int, answers: int, noise: float
) -> None:
    """The more noise there is, the more it takes."""
    assert is_unlikely(refused, answers, noise)


@pytest.mark.parametrize(
    ("refused", "answers", "noise"),
    [(1, 1, 0.0001), (2, 2, 0.01), (3, 200, 0.01), (30, 1000, 0.03)],
)
def test_few_429s_or_no_more_than_usual_may_be_chance(
    refused: int, answers: int, noise: float
) -> None:
    """One alone always may."""
    assert not is_unlikely(refused, answers, noise)


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.03])
def test_noise_is_seldom_taken_for_a_limit(noise: float) -> None:
    """Not in 50,000 answers after the first thousand; and how much there is becomes known."""
    chance, at_random, limits = Chance(), random.Random(1), 0  # noqa: S311 - the same in every run
    for number in range(51_000):
        if at_random.random() >= noise:
            chance.let_in(is_below=True)
        elif chance.refused(is_below=True):
            limits += number >= 1000
    assert limits == 0
    assert chance.noise == pytest.approx(noise, rel=0.7)


@pytest.mark.parametrize(("noise", "every"), [(0.0, 20), (0.01, 12)])
def test_a_limit_that_is_exceeded_a_little_is_noticed(noise: float, every: int) -> None:
    """Refused is then what is too much, here and there: within 500 answers that is clear."""
    chance, at_random = Chance(), random.Random(1)  # noqa: S311 - the same in every run
    for _ in range(2000):
        if at_random.random() < noise:
            chance.refused(is_below=True)
        else:
            chance.let_in(is_below=True)
    shown = 0
    for number in range(500):
        if number % every == 0:
            shown += bool(chance.refused(is_below=False))
        else:
            chance.let_in(is_below=False)
    assert shown


def test_the_429s_of_a_limit_are_no_noise() -> None:
    """Else each limit that is met would make the next one harder to notice."""
    chance = Chance()
    for _ in range(50):
        for _ in range(40):
            chance.let_in(is_below=True)
        while not chance.refused(is_below=True):
            pass
    assert chance.noise <= 0.001
