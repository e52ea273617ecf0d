"""The limit of messages: what a user reads of ours, beside the service's words, values and the command to paste.

The fixture `messages_are_short` records the messages that each test provokes, and holds them against the limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from pulumi_agin.lifecycle.operation import Failed, InputFailure
from pulumi_agin.lifecycle.services import Services

# The messages of the running test so far. Those of a plugin's process are recorded where they arrive: in `plugin.py`.
shown: list[str] = []

MOST_SENTENCES = 3
MOST_CHARACTERS = 400

# What is not ours: the words of a service, with their code and operation ID, values of the user, and code to paste.
_NOT_OURS = [
    r"(?<=responded )\d{3}(?:.*?\(operation \w+\)|[^.;]*)",
    r'(?:body begins|ngrok reports) ".*?"(?=[);,. ]|$)',
    r"urn:\S+?(?=[.,;:)`]*(?:\s|$))",
    r"\bagin_\w+",
    # The path of our program.
    r"(?<=`)[^`\s]*/(?=pulumi-agin )",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z",
    r"https?://[^\s,;)`]+",
    # The code of a DNS server, and the failure of a second request.
    r"the server returned \w+|(?<=reading the records back failed: ).*?(?=\. [A-Z]|$)",
    # Domains and the values of NS records.
    r"(?:[\w-]+\.)+[a-z]{2,}\b(?:\.(?=[,;:)]| \())?",
    r"`[\w-]+[=:]? ?[{\"][^`]*`|`pulumi-agin explain [a-z-]+`",
]
_END_OF_SENTENCE = re.compile(r"\.(?= [A-Z`]|$)")


def excess(message: str) -> str:
    """Returns why a message is too long; "" if it is short enough. Lines after the first one are to paste."""
    ours = message.partition("\n")[0]
    for pattern in _NOT_OURS:
        ours = re.sub(pattern, "", ours)
    sentences, characters = len(_END_OF_SENTENCE.findall(f"{ours.rstrip('.')}.")), len(ours)
    if sentences <= MOST_SENTENCES and characters <= MOST_CHARACTERS:
        return ""
    return f"{sentences} sentences and {characters} characters of ours: {message}"


def record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records the messages of this process: of the lifecycle and of a program."""

    def record_calls(owner: Any, name: str, message: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def recorded(*arguments: Any, **named: Any) -> Any:
            shown.append(message(*arguments))
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, recorded)

    def with_recorded_warnings(services: Services, *arguments: Any, **named: Any) -> None:
        make(services, *arguments, **named)
        record_calls(services, "warn", lambda sentence, urn: sentence)

    make = Services.__init__
    monkeypatch.setattr(Services, "__init__", with_recorded_warnings)
    record_calls(Failed, "__init__", lambda failed, message, *more: message)
    record_calls(InputFailure, "__new__", lambda kind, reason, *more: reason)
    record_calls(pulumi.RunError, "__init__", lambda error, message="": message)
    record_calls(pulumi.log, "warn", lambda message, *more: message)
