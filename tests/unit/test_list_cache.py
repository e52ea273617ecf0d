"""The list from which many Agent Ingresses are read."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest

from pulumi_agin.api import errors, models
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.list_cache import ListCache, Listing
from pulumi_agin.base.budget import Budget
from pulumi_agin.base.redaction import Secret
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.wire import Held

IDS = ["agin_1", "agin_2", "agin_3"]


class Account:
    """The list of the account. `meanwhile` runs during each request. `budgets` has the budgets of the lists."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.list_cache = ListCache(self, self.clock)
        self.budgets: list[Budget] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, budget: Budget) -> Listing:
        self.budgets.append(budget)
        self.meanwhile()
        return Listing(
            [
                models.IngressModel.model_validate(
                    {"id": id_, "domain": f"{id_[-1]}.acme.com", "ns_targets": ["a.x"], "created_at": "now"}
                )
                for id_ in IDS
            ]
        )

    def find(self, id_: str, seconds: float = 300) -> str | None:
        """Returns the ID of the ingress, or None if it has to be read by its ID."""
        ingress = self.list_cache.find(id_, Budget(seconds, self.clock)).ingress
        return ingress.id if ingress else None


@pytest.fixture
def listing() -> Account:
    return Account()


def get_one_of_many(client: AgentIngressClient, id_: str, domain: str = "") -> models.IngressModel:
    ingress, _ = client.get_one_of_many(id_, domain=domain)
    return ingress


def fail() -> None:
    raise errors.UnreachableError("no")


def test_reads_after_the_first_share_a_list(listing: Account) -> None:
    assert listing.find("agin_1") is None
    assert listing.budgets == []
    listing.clock.now += 4.9
    assert [listing.find(id_) for id_ in IDS * 10] == IDS * 10
    assert len(listing.budgets) == 1


def test_reads_5_seconds_apart_use_no_list(listing: Account) -> None:
    for id_ in IDS:
        assert listing.find(id_) is None
        listing.clock.now += 5
    assert listing.budgets == []


def test_preview_reads_one_list_with_all_of_its_time(listing: Account) -> None:
    for domain in ("1.acme.com", "2.acme.com", "3.acme.com"):
        found = listing.list_cache.find_in_preview(domain, Budget(300, listing.clock)).ingress
        assert found is not None
        assert found.domain == domain
        listing.clock.now += 60
    assert [budget.seconds for budget in listing.budgets] == [300]
    # A refresh does not use a list of that age.
    listing.find("agin_1")
    assert listing.find("agin_1") == "agin_1"
    assert len(listing.budgets) == 2


def test_preview_reads_one_list_even_if_it_fails(listing: Account) -> None:
    listing.meanwhile = fail
    for _ in range(3):
        with pytest.raises(errors.UnreachableError, match="no"):
            listing.list_cache.find_in_preview("1.acme.com", Budget(300, listing.clock))
        listing.clock.now += 60
    assert len(listing.budgets) == 1


def test_ids_are_those_of_a_list_of_any_age_even_from_before_a_write(listing: Account) -> None:
    def ids() -> object:
        return listing.list_cache.ids(Budget(300, listing.clock))

    listing.meanwhile = listing.list_cache.clear
    assert ids() == set(IDS)
    listing.meanwhile = lambda: None
    for _ in range(2):
        assert ids() == set(IDS)
        listing.clock.now += 60
    assert len(listing.budgets) == 2
    listing.list_cache.clear()
    listing.meanwhile = fail
    with pytest.raises(errors.UnreachableError, match="no"):
        ids()


def test_list_leaves_half_of_the_time_for_a_read_by_id(listing: Account) -> None:
    listing.find("agin_1")
    listing.find("agin_1", seconds=300)
    assert [budget.seconds for budget in listing.budgets] == [150]


def test_list_is_used_until_it_was_unused_for_5_seconds(listing: Account) -> None:
    listing.meanwhile = lambda: listing.clock.sleep(7)
    listing.find("agin_1")
    assert listing.find("agin_1") == "agin_1"
    # A refresh of thousands takes longer than 5 seconds.
    for _ in range(10):
        listing.clock.now += 4.9
        assert listing.find("agin_2") == "agin_2"
    assert len(listing.budgets) == 1
    listing.clock.now += 5
    assert listing.find("agin_2") is None
    assert listing.find("agin_2") == "agin_2"
    assert len(listing.budgets) == 2


def test_failed_list_is_not_repeated_for_5_seconds(listing: Account) -> None:
    listing.meanwhile = fail
    assert [listing.find(id_) for id_ in IDS * 3] == [None] * 9
    assert len(listing.budgets) == 1
    listing.meanwhile = lambda: None
    listing.clock.now += 4.9
    assert listing.find("agin_1") is None
    listing.clock.now += 0.1
    assert listing.find("agin_1") == "agin_1"
    assert len(listing.budgets) == 2


def test_list_that_is_cleared_during_its_request_is_not_used(listing: Account) -> None:
    listing.find("agin_1")
    listing.meanwhile = listing.list_cache.clear
    assert listing.find("agin_1") is None
    listing.meanwhile = lambda: None
    assert listing.find("agin_1") == "agin_1"
    assert len(listing.budgets) == 2


def test_threads_share_one_list(listing: Account) -> None:
    all_wait = threading.Event()

    def find(id_: str) -> str | None:
        with listing.clock.at_work():
            return listing.find(id_)

    listing.meanwhile = lambda: None if all_wait.wait(20) else pytest.fail("no thread waits")
    listing.find("agin_1")
    # This thread is at work, so the clock stands still.
    with ThreadPoolExecutor(8) as threads, listing.clock.at_work():
        reads = [threads.submit(find, id_) for id_ in IDS * 100]
        listing.clock.wait_until_asleep(7)
        all_wait.set()
        assert [read.result(20) for read in reads] == IDS * 100
    assert len(listing.budgets) == 1


def test_wait_for_another_threads_list_leaves_half_of_the_time(listing: Account) -> None:
    listed, may_end = threading.Event(), threading.Event()

    def hang() -> None:
        listed.set()
        may_end.wait(20)

    # An old list is not used meanwhile.
    assert [listing.find("agin_2"), listing.find("agin_2")] == [None, "agin_2"]
    listing.clock.now += 5
    listing.meanwhile = hang
    listing.find("agin_1")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(listing.find, "agin_1")
        assert listed.wait(20)
        assert listing.find("agin_2", seconds=4) is None
        assert listing.clock.slept == [2]
        may_end.set()
        assert first.result(20) == "agin_1"


@pytest.mark.parametrize(("reads", "account"), [(1, 101), (2, 2), (102, 102)])
def test_reads_of_many_are_one_read_and_one_list(reads: int, account: int, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    made = [client.create({"domain": f"d{number}.acme.com"}) for number in range(account)]
    emulator.clear_requests()
    with ThreadPoolExecutor(4) as threads:
        read = list(threads.map(lambda each: get_one_of_many(client, each.id, each.domain), made[:reads]))
    assert read == made[:reads]
    assert len(emulator.requests()) == 1 + (0 if reads == 1 else ceil(account / 100))


def test_only_a_read_by_id_finds_an_ingress_gone(emulator: Emulator) -> None:
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    made = [client.create({"domain": f"d{number}.acme.com"}) for number in range(3)]
    client.get_one_of_many(made[0].id)
    # A list that lacks the first, and has the second with another domain.
    moved = {**made[1].plain(), "domain": "moved.acme.com"}
    emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": [moved]})
    assert get_one_of_many(client, made[1].id, made[1].domain) == made[1]
    assert get_one_of_many(client, made[0].id) == made[0]
    emulator.delete_ingress(made[2].id)
    emulator.clear_requests()
    with pytest.raises(errors.NotFoundError):
        client.get_one_of_many(made[2].id)
    with pytest.raises(errors.BadResponseError, match="it describes another Agent Ingress"):
        client.get_one_of_many(made[1].id, domain="another.acme.com")
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 2}


def test_odd_ingress_is_neither_read_again_nor_gone(emulator: Emulator) -> None:
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    made = [client.create({"domain": f"d{number}.acme.com"}) for number in range(50)]
    emulator.set_ingress(made[20].id, {"ns_targets": ["ns 1"]})
    emulator.clear_requests()
    for each in [*made[:20], *made[21:]]:
        assert get_one_of_many(client, each.id, each.domain) == each
    message = r"d20\.acme\.com .* is invalid: ns_targets: 0: "
    with pytest.raises(errors.UnreadableIngressError, match=message) as odd:
        client.get_one_of_many(made[20].id, domain=made[20].domain)
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1, "GET /agent_ingresses": 1}
    assert client.get_one_of_many(made[0].id) == (made[0], [odd.value])
    assert client.list_cache.find_in_preview(made[0].domain, client.budget()) == (made[0], [odd.value])
    # A read by its ID has the same message.
    with pytest.raises(errors.UnreadableIngressError, match=f"^{re.escape(str(odd.value))}$"):
        client.get(made[20].id)


@pytest.mark.parametrize("when", ["as it begins", "as it ends"])
def test_list_read_during_a_write_is_not_used_after_it(when: str, emulator: Emulator) -> None:
    network = Held(emulator, "PATCH", after=when == "as it begins")
    client = AgentIngressClient(Secret(API_KEY), emulator.url, clock=Clock(), http_client=network)
    ingress = client.create({"domain": "connect.acme.com"})
    client.get_one_of_many(ingress.id)
    during_it = "new" if when == "as it begins" else ""
    if during_it:
        # The write is carried out immediately, and its response comes later. So the list from before it must go at its
        # beginning. Otherwise, the list is first read during the write, and must go at its end.
        client.get_one_of_many(ingress.id)
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(client.update, ingress.id, {"description": "new"})
        assert network.is_held.wait(20)
        assert get_one_of_many(client, ingress.id).description == during_it
        network.may_go_on.set()
        assert writing.result().description == "new"
    assert get_one_of_many(client, ingress.id).description == "new"


def test_next_read_sees_our_own_write(emulator: Emulator) -> None:
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    ingress = client.create({"domain": "connect.acme.com"})
    for number in range(3):
        client.get_one_of_many(ingress.id)
        client.update(ingress.id, {"description": str(number)})
        assert get_one_of_many(client, ingress.id).description == str(number)
    client.delete(ingress.id)
    with pytest.raises(errors.NotFoundError):
        client.get_one_of_many(ingress.id)
