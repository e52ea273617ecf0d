"""The commands to paste at the end of messages. Each is one line of POSIX shell, without an API key.

Loads nothing heavy, because both the plugin and the program load it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from .urns import AGENT_INGRESS, NATIVE_AGENT_INGRESS, STACK, Urn


def import_line(
    id_: str,
    name: str,
    *,
    stack: str | None = None,
    parent: str | None = None,
    provider: str | None = None,
) -> str:
    """Returns the command that takes over an Agent Ingress, to be run in the project's folder.

    Args:
        id_: The id of the Agent Ingress.
        name: The name that the resource gets.
        stack: The stack as the CLI calls it; None for the selected one.
        parent: The URN of the parent. With the URN of a stack, the command fails in any other stack.
        provider: The URN of an explicit provider, whose settings `pulumi-agin` takes from the state.
    """
    line = _Line()
    options = {"--name": name, "--parent": parent, "--provider": provider}
    agin = line.agin_import([id_], options, stack)
    return line.of(f"{agin} | {line.pulumi('import', stack)} --file /dev/stdin --generate-code=false --yes")


def native_import_line(id_: str, urn: str) -> str:
    """Returns the command that takes over an Agent Ingress as a resource of the provider plugin.

    It imports nothing into another stack, and no ingress that the stack has already under another name: the next
    `pulumi up` would delete it under that name, which the program does not have.

    Args:
        id_: The id of the Agent Ingress.
        urn: The URN that the resource gets. The parent is the stack.
    """
    line = _Line()
    stack, project, _, name = Urn.parse(urn)
    # The name may begin with a hyphen.
    command = (
        f"pulumi import --generate-code=false --yes -- {NATIVE_AGENT_INGRESS} {line.quote(name)} {line.quote(id_)}"
    )
    there = line.quote(
        f"the stack has {id_} already: give the resource its old URN, which pulumi stack --show-urns shows, in the "
        "option aliases; if the stack only reads it by get, give the resource the option import"
    )
    elsewhere = line.quote(f"another stack is selected: run this after pulumi stack select {stack}")
    native, dynamic = (line.quote(each) for each in _in_state(id_))
    # A new stack has no URN yet.
    return line.of(
        f'{line.read_state(None)} && case "$state" in *{native}*|*{dynamic}*) echo {there};; '
        f"*{line.quote(f'urn:pulumi:{stack}::{project}::')}*) {command};; "
        f"*urn:pulumi:*) echo {elsewhere};; *) {command};; esac"
    )


def _in_state(id_: str) -> tuple[str, str]:
    """Returns what the state has of an Agent Ingress, without blanks, and nothing else: its type follows its id."""
    return f'"id":"{id_}","type":"{NATIVE_AGENT_INGRESS}"', f'"id":"{id_}","type":"{AGENT_INGRESS}"'


def forget_one_of_two_line(id_: str, urn: str, *, stack: str | None = None) -> str:
    """Returns the command that takes a resource out of the state, if another one there has its Agent Ingress, too.

    Args:
        id_: The id of the Agent Ingress.
        urn: The URN of the resource.
        stack: The stack as the CLI calls it; None for the selected one.
    """
    line = _Line()
    native, dynamic = (f"*{line.quote(each)}*" for each in _in_state(id_))
    only_one = line.quote("nothing else in the stack has it: run pulumi up with the aliases alone first")
    return line.of(
        f'{line.read_state(stack)} && case "$state" in {native}{native}|{dynamic}{dynamic}|{native}{dynamic}|'
        f"{dynamic}{native}) {line.state_delete(urn, stack)};; *) echo {only_one};; esac"
    )


def find_line(domain: str, *, stack: str | None = None, provider: str | None = None) -> str:
    """Returns the command that prints which Agent Ingress has a domain, or says that none has it.

    Args:
        domain: The domain in canonical form.
        stack: The stack as the CLI calls it; None for the selected one.
        provider: The URN of an explicit provider, whose settings `pulumi-agin` takes from the state.
    """
    line = _Line()
    options = {"--filter": f'obj.domain == "{domain}"', "--provider": provider}
    return line.of(line.agin_import([], options, stack))


def stack_urn(stack: str, project: str) -> str:
    """Returns the URN of a stack itself, the parent of every resource without another one.

    Args:
        stack: The name of the stack, without an organization.
        project: The name of the project.
    """
    return f"urn:pulumi:{stack}::{project}::{STACK}::{project}-{stack}"


def state_delete_line(urn: str, *, stack: str | None = None) -> str:
    """Returns the command that takes a resource out of the state, even if it is protected.

    Args:
        urn: The URN of the resource.
        stack: The stack as the CLI calls it; None for the selected one.
    """
    line = _Line()
    return line.of(line.state_delete(urn, stack))


def replace_line(urn: str, *, stack: str | None = None) -> str:
    """Returns the command that replaces a resource although nothing has changed, and updates what depends on it.

    Args:
        urn: The URN of the resource.
        stack: The stack as the CLI calls it; None for the selected one.
    """
    # Not --target-replace, which would leave the NS records as they were.
    line = _Line()
    return line.of(f"{line.pulumi('up', stack)} --replace {line.quote(urn)}")


class _Line:
    """Builds a line: it quotes values, and keeps what must come before the first command."""

    def __init__(self) -> None:
        self._before: list[str] = []

    def of(self, commands: str) -> str:
        """Returns the whole line, of `commands` that were made with the methods below."""
        return "; ".join([*self._before, commands])

    def pulumi(self, command: str, stack: str | None) -> str:
        """Returns `pulumi` with a command, for the given stack or the selected one."""
        return f"pulumi {command} --stack {self.quote(stack)}" if stack else f"pulumi {command}"

    def state_delete(self, urn: str, stack: str | None) -> str:
        """Returns the command that takes a resource out of the state, even if it is protected."""
        return f"{self.pulumi('state delete', stack)} --yes --force {self.quote(urn)}"

    def read_state(self, stack: str | None) -> str:
        """Returns the commands that put the state into the variable `state`, without blanks."""
        return f'state="$({self.pulumi("stack export", stack)})" && state="$(printf %s "$state" | tr -d " \\n")"'

    def agin_import(self, ids: Iterable[str], options: Mapping[str, str | None], stack: str | None) -> str:
        """Returns `pulumi-agin import`, which takes the settings from the stack itself."""
        words = [*map(self.quote, _program()), "import", *map(self.quote, ids)]
        for option, value in {**options, "--stack": stack}.items():
            if value is not None:
                # A value that begins with a hyphen would be taken for an option.
                words.append(option + ("=" if value.startswith("-") else " ") + self.quote(value))
        return " ".join(words)

    def quote(self, value: str) -> str:
        """Returns the value as one word of the shell."""
        import shlex  # rarely needed

        if value.isprintable():
            return shlex.quote(value)
        # If printed unchanged, a line break or an escape sequence would change what the user sees and pastes.
        octal = "".join(
            chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\0{byte:03o}" for byte in value.encode()
        )
        if not value.endswith("\n"):
            return f"\"$(printf %b '{octal}')\""
        # The shell removes line breaks from the end of what a command prints, so a dot follows them. Only the expansion
        # of a variable can remove that dot again.
        variable = f"ending_in_line_break_{len(self._before) + 1}"
        self._before.append(f"{variable}=\"$(printf %b '{octal}.')\"")
        return f'"${{{variable}%.}}"'


def _program() -> list[str]:
    """Returns the words that start `pulumi-agin` in a shell in which no virtual environment is active."""
    python, here = Path(sys.executable), Path.cwd()
    script = python.with_name("pulumi-agin")
    if not script.exists():
        return [str(python), "-m", "pulumi_agin.cli"]
    if script.is_relative_to(here) and (here / "Pulumi.yaml").exists():
        return [str(script.relative_to(here))]
    return [str(script)]
