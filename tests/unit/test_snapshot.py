"""Reading many Agent Ingresses out of one list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest

from pulumi_agin.api import errors, models
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.retry import Deadline
from pulumi_agin.api.snapshot import Page, Query, Snapshot
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.wire import Held

IDS = ["agin_1", "agin_2", "agin_3"]


class Listing:
    """The account, in one page unless `page_size` is less. A list takes no time unless `meanwhile` does.

    `deadlines` are those of the pages asked for.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.deadlines: list[Deadline] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.ids = IDS
        self.page_size = len(IDS) + 1
        self.goes_round = False

    def __call__(self, query: Query, deadline: Deadline) -> Page:
        self.deadlines.append(deadline)
        asked_at = self.clock.now
        self.meanwhile()
        start = int(query["from"])
        end = start + self.page_size
        ingresses = [
            models.AgentIngress.from_answer(
                {"id": id_, "domain": f"{id_[-1]}.acme.com", "ns_targets": ["a.x"], "created_at": "now"}
            )
            for id_ in self.ids[start:end]
        ]
        # A page that is full names a next one, which may be empty.
        next_page = {"from": "0" if self.goes_round else str(end)}
        return Page(asked_at, None, ingresses, next_page if len(ingresses) == self.page_size else None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def listing(clock: Clock) -> Listing:
    return Listing(clock)


@pytest.fixture
def shot(listing: Listing) -> Snapshot:
    return Snapshot(listing, {"from": "0"}, listing.clock)


def fail() -> None:
    raise errors.UnreachableError("no")


def find(shot: Snapshot, clock: Clock, id_: str, seconds: float = 300) -> str | None:
    """The id of what was found; None where it has to be asked for by its id."""
    ingress = shot.find(id_, Deadline(seconds, clock))
    return ingress.id if ingress else None


def test_the_first_read_is_one_of_its_own_and_those_that_follow_share_a_list(
    shot: Snapshot, clock: Clock, listing: Listing
) -> None:
    assert find(shot, clock, "agin_1") is None
    assert listing.deadlines == []
    clock.now += 4.9
    assert [find(shot, clock, id_) for id_ in IDS * 10] == IDS * 10
    assert len(listing.deadlines) == 1


def test_what_the_list_has_is_found_while_another_read_lists_on(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    listing.page_size = 1
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_1") == "agin_1"
    found = []
    listing.meanwhile = lambda: found.append(find(shot, clock, "agin_1"))
    assert find(shot, clock, "agin_2") == "agin_2"
    assert found == ["agin_1"]
    assert clock.slept == []


def test_single_reads_now_and_then_cost_no_list(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    for id_ in IDS:
        assert find(shot, clock, id_) is None
        clock.now += 5
    assert listing.deadlines == []


def test_a_list_is_never_older_than_five_seconds_since_it_was_asked_for(
    shot: Snapshot, clock: Clock, listing: Listing
) -> None:
    listing.meanwhile = lambda: clock.sleep(3)
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_1") == "agin_1"
    clock.now += 1.9
    assert find(shot, clock, "agin_2") == "agin_2"
    assert len(listing.deadlines) == 1
    clock.now += 0.1
    assert find(shot, clock, "agin_2") == "agin_2"
    assert len(listing.deadlines) == 2


def test_a_write_drops_the_list(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    find(shot, clock, "agin_1")
    find(shot, clock, "agin_1")
    shot.note_write()
    assert find(shot, clock, "agin_1") == "agin_1"
    assert len(listing.deadlines) == 2


def test_a_list_during_which_something_was_written_is_not_used(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    listing.meanwhile = shot.note_write
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_1") is None
    listing.meanwhile = lambda: None
    assert find(shot, clock, "agin_1") == "agin_1"
    assert len(listing.deadlines) == 2


def test_what_a_list_lacks_is_asked_for_by_its_id(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_9") is None
    assert find(shot, clock, "agin_3") == "agin_3"
    assert len(listing.deadlines) == 1


def test_a_list_that_failed_is_not_asked_for_again_for_five_seconds(
    shot: Snapshot, clock: Clock, listing: Listing
) -> None:
    listing.meanwhile = fail
    assert [find(shot, clock, id_) for id_ in IDS * 3] == [None] * 9
    assert len(listing.deadlines) == 1
    listing.meanwhile = lambda: None
    clock.now += 4.9
    assert find(shot, clock, "agin_1") is None
    clock.now += 0.1
    assert find(shot, clock, "agin_1") == "agin_1"
    assert len(listing.deadlines) == 2


def test_a_list_that_took_too_long_is_as_good_as_one_that_failed(
    shot: Snapshot, clock: Clock, listing: Listing
) -> None:
    listing.meanwhile = lambda: clock.sleep(5)
    assert [find(shot, clock, id_) for id_ in IDS * 3] == [None] * 9
    assert len(listing.deadlines) == 1


def test_a_list_is_read_on_as_far_as_it_takes(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    listing.page_size = 1
    find(shot, clock, "agin_1")
    for id_, pages in (("agin_2", 2), ("agin_1", 2), ("agin_3", 3), ("agin_9", 4), ("agin_9", 4)):
        assert find(shot, clock, id_) == (id_ if id_ in IDS else None)
        assert len(listing.deadlines) == pages


def test_a_list_is_read_on_however_long_it_takes_and_only_a_page_that_is_too_old_again(
    shot: Snapshot, clock: Clock, listing: Listing
) -> None:
    listing.page_size = 1
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_1") == "agin_1"
    listing.meanwhile = lambda: clock.sleep(4)
    assert find(shot, clock, "agin_3") == "agin_3"
    assert len(listing.deadlines) == 3
    # The first and the second page are 12 and 8 seconds old.
    listing.meanwhile = lambda: None
    for id_, pages in (("agin_1", 4), ("agin_1", 4), ("agin_3", 4), ("agin_2", 5), ("agin_2", 5)):
        assert find(shot, clock, id_) == id_
        assert len(listing.deadlines) == pages


def test_what_has_left_its_page_is_asked_for_by_its_id(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_1") == "agin_1"
    clock.now += 4.9
    assert find(shot, clock, "agin_2") == "agin_2"
    clock.now += 0.1
    listing.ids = IDS[1:]
    assert find(shot, clock, "agin_1") is None
    assert find(shot, clock, "agin_2") == "agin_2"
    assert len(listing.deadlines) == 2


def test_a_page_that_failed_leaves_what_the_ones_before_it_held(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    listing.page_size = 1
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_1") == "agin_1"
    listing.meanwhile = fail
    assert [find(shot, clock, id_) for id_ in (*IDS, *IDS)] == ["agin_1", None, None] * 2
    assert len(listing.deadlines) == 2


def test_pages_that_go_round_in_a_circle_end(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    listing.page_size, listing.goes_round = 1, True
    find(shot, clock, "agin_1")
    assert find(shot, clock, "agin_9") is None
    assert len(listing.deadlines) == 1


def test_half_of_the_time_is_left_to_ask_by_id(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    find(shot, clock, "agin_1")
    find(shot, clock, "agin_1", seconds=300)
    assert listing.deadlines[0].seconds == 150


def test_many_threads_share_one_list(shot: Snapshot, clock: Clock, listing: Listing) -> None:
    everyone_is_there = threading.Event()
    listing.meanwhile = lambda: None if everyone_is_there.wait(20) else pytest.fail("nobody came")
    find(shot, clock, "agin_1")
    # Nobody's time runs out, as this thread is at work.
    with ThreadPoolExecutor(8) as threads, clock.at_work():
        reads = [threads.submit(find_at_work, shot, clock, id_) for id_ in IDS * 100]
        clock.wait_until_asleep(7)
        everyone_is_there.set()
        assert [read.result(20) for read in reads] == IDS * 100
    assert len(listing.deadlines) == 1


def find_at_work(shot: Snapshot, clock: Clock, id_: str) -> str | None:
    with clock.at_work():
        return find(shot, clock, id_)


def test_nobody_waits_for_anothers_list_until_its_own_time_is_over(
    shot: Snapshot, clock: Clock, listing: Listing
) -> None:
    listed, may_end = threading.Event(), threading.Event()

    def hang() -> None:
        listed.set()
        may_end.wait(20)

    listing.meanwhile = hang
    find(shot, clock, "agin_1")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(find, shot, clock, "agin_1")
        assert listed.wait(20)
        assert find(shot, clock, "agin_2", seconds=4) is None
        assert clock.slept == [2]
        may_end.set()
        assert first.result(20) == "agin_1"


# -- the client -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reads", "account"), [(1, 1), (1, 101), (2, 2), (2, 100), (30, 99), (100, 100), (205, 205)])
def test_reading_many_takes_one_request_and_the_pages_of_one_list(reads: int, account: int, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    made = [client.create({"domain": f"d{number}.acme.com"}) for number in range(account)]
    emulator.clear_requests()
    with ThreadPoolExecutor(4) as threads:
        read = list(threads.map(lambda each: client.get_one_of_many(each.id, domain=each.domain), made[:reads]))
    assert read == made[:reads]
    assert len(emulator.requests()) == 1 + (0 if reads == 1 else ceil(account / 100))


def test_a_list_that_the_limit_holds_up_is_still_one(emulator: Emulator, clock: Clock) -> None:
    emulator.configure(limit=0)
    client = AgentIngressClient(Secret(API_KEY), emulator.url, clock=clock)
    made = [client.create({"domain": f"d{number}.acme.com"}) for number in range(205)]
    emulator.clear_requests()
    # The second page comes when the first has become too old, so that one is read again.
    emulator.add_fault("GET", "answer", skip=2, status=429, headers={"Retry-After": "6"})

    def read(thread: int) -> list[models.AgentIngress]:
        with clock.at_work():
            return [client.get_one_of_many(each.id, domain=each.domain) for each in made[thread::4]]

    with ThreadPoolExecutor(4) as threads, clock.at_work():
        reads = [threads.submit(read, thread) for thread in range(4)]
    assert [each.result() for each in reads] == [made[thread::4] for thread in range(4)]
    assert emulator.faults() == []
    counts = emulator.counts()
    assert counts.pop("GET /agent_ingresses/{id}") == 1
    # Three pages, the one that was refused, and of those that became too old each once more at most.
    assert 3 + 1 < counts.pop("GET /agent_ingresses") <= 3 + 1 + 3
    assert counts == {}


def test_one_is_gone_only_when_it_was_asked_for_by_its_id(emulator: Emulator) -> None:
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    made = [client.create({"domain": f"d{number}.acme.com"}) for number in range(3)]
    client.get_one_of_many(made[0].id)
    # A list that lacks all, and one that has an id with another domain.
    moved = {**made[1].outputs(), "id": made[1].id, "domain": "moved.acme.com"}
    emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [moved]})
    assert client.get_one_of_many(made[1].id, domain=made[1].domain) == made[1]
    assert client.get_one_of_many(made[0].id) == made[0]
    emulator.delete_ingress(made[2].id)
    emulator.clear_requests()
    with pytest.raises(errors.NotFoundError):
        client.get_one_of_many(made[2].id)
    with pytest.raises(errors.BadAnswerError, match="about another Agent Ingress"):
        client.get_one_of_many(made[1].id, domain="another.acme.com")
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 2}


@pytest.mark.parametrize("when", ["as it begins", "as it ends"])
def test_what_was_read_while_a_write_was_under_way_is_not_used_after_it(
    when: str, emulator: Emulator, clock: Clock
) -> None:
    network = Held(emulator, "PATCH", after=when == "as it begins")
    client = AgentIngressClient(Secret(API_KEY), emulator.url, clock=clock, exchanges=network)
    ingress = client.create({"domain": "connect.acme.com"})
    client.get_one_of_many(ingress.id)
    during_it = "new" if when == "as it begins" else ""
    if during_it:
        # It is carried out at once, and answered later.
        client.get_one_of_many(ingress.id)
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(client.update, ingress.id, {"description": "new"})
        assert network.is_held.wait(20)
        assert client.get_one_of_many(ingress.id).description == during_it
        network.may_go_on.set()
        assert writing.result().description == "new"
    assert client.get_one_of_many(ingress.id).description == "new"


def test_a_write_of_our_own_is_seen_by_the_next_read(emulator: Emulator) -> None:
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    ingress = client.create({"domain": "connect.acme.com"})
    for number in range(3):
        client.get_one_of_many(ingress.id)
        client.update(ingress.id, {"description": str(number)})
        assert client.get_one_of_many(ingress.id).description == str(number)
    client.delete(ingress.id)
    with pytest.raises(errors.NotFoundError):
        client.get_one_of_many(ingress.id)
