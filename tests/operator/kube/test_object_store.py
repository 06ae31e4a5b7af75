"""A store of objects: whatever the order of its inputs, it ends in the state of the API server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob_operator.kube import Key, ObjectStore

NAMES = ("a", "b")


def raw(name: str, uid: str, version: int, value: int = 0, group: str = "g") -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, "value": value, "group": group}


def store(clock: Any = lambda: 0.0) -> ObjectStore[int]:
    def group(found: Any) -> Key:
        return ("ns", found["group"])

    return ObjectStore(lambda found: int(found["value"]), group, clock)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, int]]:
    """What happened to two names, as events in the server's order, and the state in the end."""
    events: list[tuple[str, dict[str, Any]]] = []
    alive: dict[str, dict[str, Any]] = {}
    for version in range(1, draw(st.integers(2, 14))):
        name = draw(st.sampled_from(NAMES))
        group = draw(st.sampled_from("gh"))
        if name not in alive:
            alive[name] = raw(name, f"{name}-{version}", version, version, group)
            events.append(("ADDED", alive[name]))
        elif draw(st.booleans()):
            uid = alive[name]["metadata"]["uid"]
            alive[name] = raw(name, uid, version, version, group)
            events.append(("MODIFIED", alive[name]))
        else:
            gone = alive.pop(name)
            uid = gone["metadata"]["uid"]
            events.append(("DELETED", raw(name, uid, version, version)))
    return events, {name: found["value"] for name, found in alive.items()}


def put(kept: ObjectStore[int], event: str, found: dict[str, Any]) -> None:
    if event == "DELETED":
        kept.remove(("ns", found["metadata"]["name"]), found["metadata"]["uid"])
    else:
        kept.apply(found)


@given(histories(), st.data())
def test_any_order_of_events_and_answers_ends_in_the_servers_state(
    history: tuple[list[tuple[str, dict[str, Any]]], dict[str, int]], data: st.DataObject
) -> None:
    """Events come out of order and twice, and each may also come as the answer to an own write."""
    events, state = history
    kept = store()
    for event, found in data.draw(st.permutations(events + data.draw(st.permutations(events)))):
        put(kept, event, found)
    assert {name: kept.get(("ns", name)) for name in state} == state
    assert sorted(kept.values()) == sorted(state.values())
    grouped = [value for group in "gh" for value in kept.of_group(("ns", group))]
    assert sorted(grouped) == sorted(state.values())


@given(histories(), st.data())
def test_a_list_makes_up_for_lost_events(
    history: tuple[list[tuple[str, dict[str, Any]]], dict[str, int]], data: st.DataObject
) -> None:
    events, state = history
    kept = store()
    for event, found in data.draw(st.permutations(events)):
        if data.draw(st.booleans()):
            put(kept, event, found)
    newest = {found["metadata"]["name"]: found for _, found in events}
    listed = [newest[name] for name in state]
    for found in listed:
        kept.apply(found)
    kept.retain("ns", {found["metadata"]["uid"] for found in listed}, len(events) + 1)
    assert {name: kept.get(("ns", name)) for name in state} == state
    assert len(kept.values()) == len(state)


def test_an_older_event_does_not_undo_an_own_write() -> None:
    kept = store()
    assert kept.apply(raw("a", "u", 1, 1))
    assert kept.apply(raw("a", "u", 3, 3)), "the answer to a write"
    assert not kept.apply(raw("a", "u", 2, 2)) and not kept.apply(raw("a", "u", 3, 3))
    assert (kept.get(("ns", "a")), kept.identity(("ns", "a"))) == (3, ("u", 3))


def test_what_a_read_brought_is_a_change_when_its_event_comes() -> None:
    kept = store()
    kept.apply(raw("a", "u", 1, 1))
    kept.apply_read(raw("a", "u", 1, 1))
    assert not kept.apply(raw("a", "u", 1, 1)), "the read brought nothing new"
    kept.apply_read(raw("a", "u", 3, 3))
    assert kept.get(("ns", "a")) == 3
    assert kept.apply(raw("a", "u", 3, 3)) and not kept.apply(raw("a", "u", 3, 3))
    kept.apply_read(raw("a", "u", 5, 5))
    kept.remove(("ns", "a"), "u")
    assert kept.apply(raw("a", "v", 6, 5)) and not kept.apply(raw("a", "v", 7, 5))


def test_an_object_created_after_a_list_was_made_survives_it() -> None:
    kept = store()
    kept.apply(raw("a", "old", 1))
    kept.apply(raw("b", "new", 9))
    assert kept.retain("ns", set(), 5) == [(("ns", "a"), ("ns", "g"))]
    assert kept.get(("ns", "b")) is not None


def test_a_list_of_one_namespace_says_nothing_about_another() -> None:
    kept = store()
    kept.apply(raw("a", "u", 1))
    assert kept.retain("other", set(), 5) == [] and kept.retain(None, set(), 5) != []


def test_a_change_of_what_is_not_kept_is_none() -> None:
    kept = store()
    kept.apply(raw("a", "u", 1, value=7))
    assert not kept.apply(raw("a", "u", 2, value=7)), "only the version differs"
    assert kept.identity(("ns", "a")) == ("u", 2)
    assert kept.apply(raw("a", "again", 3, value=7)), "another object of that name"


def test_uids_of_deleted_objects_are_forgotten_after_a_while() -> None:
    now = [0.0]
    kept = store(lambda: now[0])
    kept.remove(("ns", "a"), "u")
    assert not kept.apply(raw("a", "u", 1))
    now[0] = 1000.0
    kept.remove(("ns", "b"), "v")
    assert list(kept._gone) == ["v"]


@pytest.mark.parametrize("known", [True, False])
def test_a_removal_of_another_uid_changes_nothing(known: bool) -> None:
    kept = store()
    if known:
        kept.apply(raw("a", "u", 1))
    assert not kept.remove(("ns", "a"), "other")
    assert (kept.get(("ns", "a")) is not None) is known
