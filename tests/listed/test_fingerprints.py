"""Three sums of hashes tell what differs from what was listed, and are never wrong about it."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_userflow.listed.fingerprints import Fingerprints, Sums, changed, sums_of

names = st.sampled_from(["plan", "seats", "name", "country"])
objects = st.dictionaries(names, st.sampled_from(["s", "sa", "sb", "n1", "n2"]))


@settings(max_examples=300, deadline=None, print_blob=True)
@given(objects, objects)
@example({"plan": "sa"}, {"plan": "sb"})
@example({"plan": "sa"}, {})
@example({"plan": "sa"}, {"name": "sa"})
@example({"plan": "sa", "name": "sb"}, {"plan": "sb", "name": "sa"})
@example({"plan": "sa", "name": "sb"}, {})
@example({"plan": "sa", "name": "sb", "seats": "n1"}, {"plan": "sb", "name": "sa", "seats": "n2"})
def test_one_or_two_attributes_that_differ_are_named(
    there: dict[str, str], sent: dict[str, str]
) -> None:
    """None is named where none differs; where several may, all that may are, or it is not known."""
    differing = {name for name in {*there, *sent} if there.get(name) != sent.get(name)}
    found = changed(sums_of(there.items()), sent, ["plan", "seats", "name", "country"])
    assert (found == set()) == (not differing)
    assert found is None or found >= differing
    if 0 < len(differing) <= 2:
        assert found is not None
        assert found - differing <= {"plan", "seats", "name", "country"} - sent.keys()


def test_fingerprints_are_kept_by_key() -> None:
    """The last one of a key counts; marks are apart."""
    store = Fingerprints()
    store.put([(key, key, 1, 3) for key in range(-1_000, 1_000)])
    store.put([(7, 2**60, 2, 4)])
    store.mark([7, 8])
    store.mark([8])
    assert store.get([-1_000, 7, 5_000]) == {-1_000: Sums(-1_000, 1, 3), 7: Sums(2**60, 2, 4)}
    assert store.marked([6, 7, 8, 9]) == {7, 8}
