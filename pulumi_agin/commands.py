"""The lines to paste that messages end with. Each is one line of POSIX shell, and holds no key.

Light: messages are made in the plugin and in the program, so nothing heavy is loaded here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# What the stack config can hold, and the variable by which `pulumi-agin` gets it; see `settings`.
ENVIRONMENT = {
    "ngrok:apiKey": "NGROK_API_KEY",
    "ngrok:apiBaseUrl": "NGROK_API_BASE_URL",
    "ngrok:timeoutSeconds": "NGROK_API_TIMEOUT_SECONDS",
}


def import_line(
    id_: str,
    name: str,
    *,
    stack: str | None = None,
    parent: str | None = None,
    provider: str | None = None,
    stack_config: Iterable[str] = (),
) -> str:
    """Takes over the Agent Ingress `id_` as the resource `name`, when run in the project's folder.

    stack: which one, as the CLI calls it; else the one that is selected.
    parent, provider: URNs. With the stack's own as the parent, the line fails with another stack.
    stack_config: those keys of ENVIRONMENT that came from the stack config. The line gets their values when it is
        run; with a provider it needs none, as `pulumi-agin` takes what that has from the state.
    """
    options = {"--name": name, "--parent": parent, "--provider": provider}
    line = _import([id_], options, stack, stack_config)
    return f"{line} | {_pulumi('import', stack)} --file /dev/stdin --generate-code=false --yes"


def find_line(
    domain: str, *, stack: str | None = None, provider: str | None = None, stack_config: Iterable[str] = ()
) -> str:
    """Prints what it is that has the domain, or says that nothing has it. `domain` is in canonical form."""
    return _import([], {"--filter": f'obj.domain == "{domain}"', "--provider": provider}, stack, stack_config)


def stack_urn(stack: str, project: str) -> str:
    """The URN of a stack itself, which is the parent of what has no other. `stack` is without an organization."""
    return f"urn:pulumi:{stack}::{project}::pulumi:pulumi:Stack::{project}-{stack}"


def state_delete_line(urn: str, *, stack: str | None = None) -> str:
    """Takes a resource out of the state, also where it is protected."""
    return f"{_pulumi('state delete', stack)} --yes --force {_quoted(urn)}"


def replace_line(urn: str, *, stack: str | None = None) -> str:
    """Replaces a resource though nothing of it has changed, and updates what depends on it."""
    # Not --target-replace, which would leave the NS records as they were.
    return f"{_pulumi('up', stack)} --replace {_quoted(urn)}"


def _pulumi(command: str, stack: str | None) -> str:
    return f"pulumi {command} --stack {_quoted(stack)}" if stack else f"pulumi {command}"


def _import(
    ids: Iterable[str], options: Mapping[str, str | None], stack: str | None, stack_config: Iterable[str]
) -> str:
    given = {} if options["--provider"] else ENVIRONMENT
    get = _pulumi("config get", stack)
    variables = [f'{given[key]}="$({get} {key})"' for key in given if key in stack_config]
    words = [*variables, *map(_quoted, _program()), "import", *map(_quoted, ids)]
    for option, value in {**options, "--stack": stack}.items():
        if value is not None:
            # A value with a hyphen in front would be taken for an option.
            words.append(option + ("=" if value.startswith("-") else " ") + _quoted(value))
    return " ".join(words)


def _program() -> list[str]:
    """How `pulumi-agin` is started in a shell where no environment is active."""
    python, here = Path(sys.executable), Path.cwd()
    script = python.with_name("pulumi-agin")
    if not script.exists():
        return [str(python), "-m", "pulumi_agin.cli"]
    if script.is_relative_to(here) and (here / "Pulumi.yaml").exists():
        return [str(script.relative_to(here))]
    return [str(script)]


def _quoted(value: str) -> str:
    import shlex  # which a program that meets no error does not need

    if value.isprintable():
        return shlex.quote(value)
    # A line break or an escape sequence in it would make other lines of it.
    octal = (chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\0{byte:03o}" for byte in value.encode())
    return f"\"$(printf %b '{''.join(octal)}')\""
