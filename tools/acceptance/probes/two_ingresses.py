"""Questions about the second ingress, which gets a policy and is deleted."""

from __future__ import annotations

from tools.acceptance.probes.probe import Probe
from tools.acceptance.service import Answer, CouldNotAskError, Request
from tools.acceptance.session import (
    POLICY,
    STATUS,
    WATCH_SECONDS,
    Seen,
    Session,
    job_in,
    listed_in,
    object_in,
    outcome,
    spelling_of,
)

JOB_SECONDS = 60
"""How long to wait for the job of a certificate."""


def _spelling(session: Session) -> Seen:
    return spelling_of(session.second.creates[0])


def _read(session: Session) -> Answer:
    return session.ask(Request(path=session.second.path))


def _set_policy(session: Session, key_type: str | None) -> Answer:
    policy = {"authority": "letsencrypt"} | ({"private_key_type": key_type} if key_type else {})
    answer = session.ask(Request("PATCH", session.second.path, json={POLICY: policy}))
    if answer.id is None:
        raise CouldNotAskError(f"a policy was refused with {outcome(answer).found}: {answer.msg}")
    return answer


def _key_type(session: Session) -> Seen:
    return Seen(f"private_key_type: {object_in(_set_policy(session, None).fields, POLICY).get('private_key_type')}")


def _null_policy(session: Session) -> Seen:
    _set_policy(session, None)
    answer = session.ask(Request("PATCH", session.second.path, json={POLICY: None}))
    if answer.id is None:
        return outcome(answer)
    read = _read(session)
    after = ["gone" if not object_in(each.fields, POLICY) else "still there" for each in (answer, read)]
    return Seen(f"{answer.status}, the policy is {after[0]}; in the next read it is {after[1]}")


def _restart(session: Session) -> Seen:
    clock = session.service.clock
    _set_policy(session, "rsa")
    end = clock.monotonic() + JOB_SECONDS
    while not (job := job_in(_read(session))):
        if clock.monotonic() > end:
            raise CouldNotAskError(f"a certificate had no job within {JOB_SECONDS} seconds")
        clock.sleep(2)
    same = _starts_again(session, "rsa", job["started_at"])
    other = _starts_again(session, "ecdsa", job["started_at"])
    return Seen(f"the same policy: {same}; another one: {other}")


def _starts_again(session: Session, key_type: str, started_at: str) -> str:
    answers = [_set_policy(session, key_type)]
    session.service.clock.sleep(WATCH_SECONDS)
    answers.append(_read(session))
    jobs = [job_in(answer) for answer in answers]
    is_pending = any(answer.fields.get(STATUS) is None for answer in answers)
    is_new = is_pending or any(job and job["started_at"] > started_at for job in jobs)
    return "the certificate starts again" if is_new else "it goes on"


def _delete(session: Session) -> Seen:
    deleted = session.ask(Request("DELETE", session.second.path))
    return Seen(outcome(deleted).found + ("" if deleted.content is None else ", with a body"), deleted.msg)


def _read_deleted(session: Session) -> Seen:
    return outcome(_read(session))


def _delete_again(session: Session) -> Seen:
    return outcome(session.ask(Request("DELETE", session.second.path)))


def _before_deleted(session: Session) -> Seen:
    ids = f'obj.id == "{session.first.id}" || obj.id == "{session.second.id}"'
    page = session.find(ids, before_id=session.second.id)
    if page.status != 200:
        return outcome(page)
    found = [each.get("id") for each in listed_in(page)] == [session.first.id]
    return Seen(f"200, the older ingress is {'there' if found else 'not there'}")


WITH_TWO_INGRESSES = (
    Probe("spelling", "a domain in mixed case, with a dot at the end", _spelling),
    Probe("key-type", "a policy without a private key type", _key_type),
    Probe("null-policy", "PATCH with a null policy", _null_policy),
    Probe("policy-restart", "the same policy again, and then another one", _restart),
    Probe("at-once", "a delete", _delete),
    Probe("unknown-id", "the id of a deleted ingress", _read_deleted),
    Probe("unknown-id", "a second delete", _delete_again),
    Probe("before-id", "the id of a deleted ingress as before_id", _before_deleted),
)
