"""How records are dealt out to runs: each key to one of them, always the same."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_userflow.mapping.shards import Shard

parts = st.integers(1, 64)


@given(key=st.text(), parts=parts)
def test_each_key_is_in_exactly_one_shard(key: str, parts: int) -> None:
    """Nothing is delivered twice, and nothing by nobody."""
    assert sum(Shard(number, parts).has(key) for number in range(1, parts + 1)) == 1


def test_the_shards_of_many_keys_are_about_equal() -> None:
    """No run has twice the work of another."""
    keys = [f"user {number}" for number in range(8_000)]
    sizes = Counter(n for key in keys for n in range(1, 9) if Shard(n, 8).has(key))
    assert max(sizes.values()) < 1.2 * min(sizes.values())


def test_a_key_keeps_its_shard_for_good() -> None:
    """Written down once: another machine or version must not deal differently."""
    keys = ["user ada", "user grace", "group acme", "user \udc80"]
    dealt = [next(n for n in range(1, 9) if Shard(n, 8).has(key)) for key in keys]
    assert dealt == [5, 4, 8, 4]


def test_without_a_setting_one_run_delivers_everything() -> None:
    """No shard is all of it."""
    assert Shard.of(None).has("user ada")
    assert Shard.of("1/1").has("user ada")
    assert Shard.of("3/8") == (3, 8)


@pytest.mark.parametrize("setting", ["0/8", "9/8", "3", "3/", "a/b", "3/0"])
def test_a_shard_that_is_none_is_refused(setting: str) -> None:
    """A run that delivered nothing, or everything, would go unnoticed."""
    with pytest.raises(ValueError, match=r".+"):
        Shard.of(setting)
