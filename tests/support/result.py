"""What a command of Pulumi's CLI printed, as its user sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.keys import assert_without_key

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
    def sentence(self) -> str:
        """The only error of the command. Asserts that the output has no traceback and no part of the key."""
        assert not self.has_traceback, self.output
        assert_without_key(self.output)
        # A star precedes a resource that was kept with an init error.
        [sentence] = re.findall(r"^\s+(?:error:|\*) ((?:could not|it is unknown) .*)$", self.output, re.MULTILINE)
        return str(sentence)

    @property
    def previewed(self) -> dict[str, str]:
        """The change of each resource in a preview without `--diff`, by name, such as "update [diff: ~description]"."""
        preview = self.output.partition("Updating (")[0]
        rows = re.findall(
            r"^ \S+ +agin:\S+ (\S+) ((?:create|update|replace|delete|import|read)(?: \[[^]]*\])?)(?:;.*)? *$",
            preview,
            re.MULTILINE,
        )
        return dict(rows)

    @property
    def by_resource(self) -> dict[str, str]:
        """The lines of the CLI's output under "Diagnostics:", by the names of the resources."""
        lines: dict[str, str] = {}
        name = ""
        for line in self.output.partition("Diagnostics:")[2].splitlines():
            if line and not line.startswith(" "):
                break
            if heading := re.fullmatch(r"  \S+ \((.*)\):", line):
                name = heading[1]
            elif line.strip():
                lines[name] = lines.get(name, "") + line.strip() + "\n"
        return lines

    @property
    def messages(self) -> dict[str, str]:
        """The same, each on one line."""
        return {name: " ".join(text.split()) for name, text in self.by_resource.items()}

    def unexpected(self, expected: Mapping[str, str]) -> dict[str, str]:
        """Returns the output for each resource that lacks its expected string, or whose error is not expected."""
        printed = self.by_resource
        failed = {name for name, text in printed.items() if "error: " in text and not name.endswith(f"-{STACK}")}
        return {
            name: printed.get(name, "")
            for name in expected.keys() | failed
            if name not in expected or expected[name] not in printed.get(name, "")
        }

    def __contains__(self, text: str) -> bool:
        return text in self.output
