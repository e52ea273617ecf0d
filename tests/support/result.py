"""What a command of Pulumi's CLI printed, as its user sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# The stack of every project. The CLI prints errors of the program under its name.
STACK = "dev"


@dataclass
class Result:
    """The output and the exit status of a command."""

    code: int
    output: str

    @property
    def diagnostics(self) -> str:
        """The CLI's output under "Diagnostics:", on one line."""
        return " ".join(self.output.partition("Diagnostics:")[2].split())

    @property
    def has_traceback(self) -> bool:
        """Whether our code failed with a traceback, in the program or in the plugin.

        The engine ends the program of a failing run with SIGINT. If the SDK is running, Python prints a traceback with
        any provider, and the CLI may end before it has printed all of it.
        """
        tracebacks = self.output.split("Traceback (most recent call last)")[1:]
        # An exception that another one caused is printed after it.
        last = [each for each in tracebacks if "During handling of the above exception" not in each]
        ours = [each for each in last if "pulumi_agin" in each or "pulumi/dynamic" in each]
        return any("KeyboardInterrupt" not in each for each in ours)

    @property
    def messages(self) -> dict[str, str]:
        """The lines under "Diagnostics:" by the names of the resources, each message on one line."""
        diagnostics, _, _ = self.output.partition("Diagnostics:")[2].partition("\nResources:")
        _, *parts = re.split(r"^  \S+ \((.*)\):$", diagnostics, flags=re.MULTILINE)
        messages: dict[str, str] = {}
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            messages[name] = f"{messages.get(name, '')} {' '.join(text.split())}".strip()
        return messages

    def unexpected(self, expected: Mapping[str, str]) -> dict[str, str]:
        """Returns the message of each resource that lacks its expected string, or whose error is not expected."""
        printed = self.messages
        failed = {name for name, text in printed.items() if "error: " in text and not name.endswith(f"-{STACK}")}
        return {
            name: printed.get(name, "")
            for name in expected.keys() | failed
            if name not in expected or expected[name] not in printed.get(name, "")
        }

    def __contains__(self, text: str) -> bool:
        return text in self.output
