"""Two sums of hashes tell what differs from what was listed, and are never wrong about it."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_userflow.compare.fingerprints import Fingerprints, Sums, changed, sums_of

names = st.sampled_from(["plan", "seats", "name", "country"])
objects = st.dictionaries(names, st.sampled_from(["s", "sa", "sb", "n1", "n2"]))


@settings(max_examples=300, deadline=None, print_blob=True)
@given(objects, objects)
@example({"plan": "sa"}, {"plan": "sb"})
@example({"plan": "sa"}, {})
@example({"plan": "sa"}, {"name": "sa"})
@example({"plan": "sa", "name": "sb"}, {"plan": "sb", "name": "sa"})
def test_one_attribute_that_differs_is_named(there: dict[str, str], sent: dict[str, str]) -> None:
    """None is named where none differs; where several may, all that may are, or it is not known."""
    differing = {name for name in {*there, *sent} if there.get(name) != sent.get(name)}
    found = changed(sums_of(there.items()), sent, ["plan", "seats", "name", "country"])
    assert (found == set()) == (not differing)
    assert found is None or found >= differing
    if len(differing) == 1:
        assert found is not None
        assert found - differing <= {"plan", "seats", "name", "country"} - sent.keys()


def test_fingerprints_are_kept_by_key() -> None:
    """The last one of a key counts; marks are apart."""
    store = Fingerprints()
    store.put([(key, key, 1) for key in range(-1_000, 1_000)])
    store.put([(7, 2**60, 2)])
    store.mark([7, 8])
    store.mark([8])
    assert store.get([-1_000, 7, 5_000]) == {-1_000: Sums(-1_000, 1), 7: Sums(2**60, 2)}
    assert store.marked([6, 7, 8, 9]) == {7, 8}
