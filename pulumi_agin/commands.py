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
    line = _Line()
    options = {"--name": name, "--parent": parent, "--provider": provider}
    agin = line.agin_import([id_], options, stack, stack_config)
    return line.of(f"{agin} | {line.pulumi('import', stack)} --file /dev/stdin --generate-code=false --yes")


def find_line(
    domain: str, *, stack: str | None = None, provider: str | None = None, stack_config: Iterable[str] = ()
) -> str:
    """Prints what it is that has the domain, or says that nothing has it. `domain` is in canonical form."""
    line = _Line()
    options = {"--filter": f'obj.domain == "{domain}"', "--provider": provider}
    return line.of(line.agin_import([], options, stack, stack_config))


def stack_urn(stack: str, project: str) -> str:
    """The URN of a stack itself, which is the parent of what has no other. `stack` is without an organization."""
    return f"urn:pulumi:{stack}::{project}::pulumi:pulumi:Stack::{project}-{stack}"


def state_delete_line(urn: str, *, stack: str | None = None) -> str:
    """Takes a resource out of the state, also where it is protected."""
    line = _Line()
    return line.of(f"{line.pulumi('state delete', stack)} --yes --force {line.quoted(urn)}")


def replace_line(urn: str, *, stack: str | None = None) -> str:
    """Replaces a resource though nothing of it has changed, and updates what depends on it."""
    # Not --target-replace, which would leave the NS records as they were.
    line = _Line()
    return line.of(f"{line.pulumi('up', stack)} --replace {line.quoted(urn)}")


class _Line:
    """A line under way: its values as words of the shell, and what stands in front of its first command."""

    def __init__(self) -> None:
        self._before: list[str] = []

    def of(self, commands: str) -> str:
        """The whole line. `commands` are made with the methods below."""
        return "; ".join([*self._before, commands])

    def pulumi(self, command: str, stack: str | None) -> str:
        """`pulumi` with a command, for the given stack or the one that is selected."""
        return f"pulumi {command} --stack {self.quoted(stack)}" if stack else f"pulumi {command}"

    def agin_import(
        self, ids: Iterable[str], options: Mapping[str, str | None], stack: str | None, stack_config: Iterable[str]
    ) -> str:
        """`pulumi-agin import`, with the variables that give it the settings of the stack config."""
        given = {} if options["--provider"] else ENVIRONMENT
        get = self.pulumi("config get", stack)
        variables = [f'{given[key]}="$({get} {key})"' for key in given if key in stack_config]
        words = [*variables, *map(self.quoted, _program()), "import", *map(self.quoted, ids)]
        for option, value in {**options, "--stack": stack}.items():
            if value is not None:
                # A value with a hyphen in front would be taken for an option.
                words.append(option + ("=" if value.startswith("-") else " ") + self.quoted(value))
        return " ".join(words)

    def quoted(self, value: str) -> str:
        """The value as one word."""
        import shlex  # which a program that meets no error does not need

        if value.isprintable():
            return shlex.quote(value)
        # A line break or an escape sequence in it would make other lines of it.
        octal = "".join(
            chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\0{byte:03o}" for byte in value.encode()
        )
        if not value.endswith("\n"):
            return f"\"$(printf %b '{octal}')\""
        # The shell takes line breaks off the end of what a command prints, so something has to stand behind them. Only
        # a variable can be rid of that again.
        variable = f"ending_in_line_break_{len(self._before) + 1}"
        self._before.append(f"{variable}=\"$(printf %b '{octal}.')\"")
        return f'"${{{variable}%.}}"'


def _program() -> list[str]:
    """How `pulumi-agin` is started in a shell where no environment is active."""
    python, here = Path(sys.executable), Path.cwd()
    script = python.with_name("pulumi-agin")
    if not script.exists():
        return [str(python), "-m", "pulumi_agin.cli"]
    if script.is_relative_to(here) and (here / "Pulumi.yaml").exists():
        return [str(script.relative_to(here))]
    return [str(script)]
