"""Commands to paste at the end of messages, without an API key. The sentence before has the preconditions."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_agin.base.installation import shown
from pulumi_agin.base.shell import command_line

from .operation import Placement
from .urns import NATIVE_AGENT_INGRESS, STACK, Urn

# `pulumi-agin` takes the settings of an explicit provider from the state. In each function, `stack` is the stack as the
# CLI names it; None for the selected one.


def import_line(id_: str, name: str, placement: Placement) -> str:
    """Returns the command that imports an Agent Ingress, to be run in the project's folder.

    With the URN of a stack as the parent, the command fails in any other stack.
    """
    # The stack may have ingresses of the plugin, and a component in Python may be in a project of another language. The
    # type of a provider shows the language, too.
    language = "python" if placement.provider is None else None
    options = {
        "--name": name,
        "--parent": placement.parent,
        "--language": language,
        "--provider": placement.provider,
        "--stack": placement.stack,
    }
    words = [*_program(), "import", id_]
    for option, value in options.items():
        if value is not None:
            # A value that begins with a hyphen would be parsed as an option.
            words += [f"{option}={value}"] if value.startswith("-") else [option, value]
    importing = pulumi_line("import", placement.stack, "--file", "/dev/stdin", "--generate-code=false", "--yes")
    return f"{command_line(words)} | {importing}"


def native_import_line(id_: str, urn: str) -> str:
    """Returns the command that imports an Agent Ingress of the provider plugin, whose parent is the stack."""
    stack, _, _, name = Urn.parse(urn)
    # "--", because the name may begin with a hyphen.
    return pulumi_line("import", stack, "--generate-code=false", "--yes", "--", NATIVE_AGENT_INGRESS, name, id_)


def doctor_line(domain: str, stack: str) -> str:
    """Returns the command that shows whether the Agent Ingress of a domain exists, and what is wrong with it."""
    return agin_line("doctor", domain, *(["--stack", stack] if stack else []))


def explain_line(section: str) -> str:
    """Returns the command that prints a section of the errors page, which has all next steps after an error."""
    return agin_line("explain", section)


def agin_line(*words: str) -> str:
    """Returns a command of `pulumi-agin` with the path of the program, because it may not be on PATH."""
    return command_line([*_program(), *words])


def stack_urn(stack: str, project: str) -> str:
    """Returns the URN of a stack itself, the parent of every resource without another one."""
    return f"urn:pulumi:{stack}::{project}::{STACK}::{project}-{stack}"


def state_delete_line(urn: str, stack: str | None) -> str:
    """Returns the command that removes a resource from the state, even if it is protected."""
    return pulumi_line("state delete", stack, "--yes", "--force", urn)


def pulumi_line(command: str, stack: str | None, *words: str) -> str:
    """Returns the line for a command of Pulumi's CLI, such as "up --refresh". `words` come after the stack."""
    return command_line(["pulumi", *command.split(), *(["--stack", stack] if stack else []), *words])


def _program() -> list[str]:
    """Returns the command that starts `pulumi-agin` in a shell without an active virtual environment."""
    python = Path(sys.executable)
    script = python.with_name("pulumi-agin")
    return [shown(script)] if script.exists() else [shown(python), "-m", "pulumi_agin.cli"]
