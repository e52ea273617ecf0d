"""An Agent Ingress managed by a script: Pulumi's Automation API with an inline program.

    python main.py up DOMAIN
    python main.py destroy

Requires the Pulumi CLI on PATH, a backend (`pulumi login`; a local one also needs PULUMI_CONFIG_PASSPHRASE), and the
API key in NGROK_API_KEY.
"""

import sys
from collections.abc import Callable

import pulumi
from pulumi import automation

import pulumi_agin as agin

STACK = "dev"
PROJECT = "agin-automation"


def stack(program: Callable[[], None]) -> automation.Stack:
    """Returns the stack, which is created if it does not exist."""
    return automation.create_or_select_stack(STACK, project_name=PROJECT, program=program)


def up(domain: str) -> None:
    def program() -> None:
        ingress = agin.AgentIngress("connect", domain=domain, description="made by a script")
        pulumi.export("ns_targets", ingress.ns_targets)

    result = stack(program).up(on_output=print)
    print("NS records for", domain)
    for target in result.outputs["ns_targets"].value:
        print("   ", target)


def destroy() -> None:
    def program() -> None:
        """A destroy needs only the state."""

    stack(program).destroy(on_output=print)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["up", domain]:
            up(domain)
        case ["destroy"]:
            destroy()
        case _:
            sys.exit("Pass a command: python main.py up DOMAIN, with a domain of your own, or python main.py destroy")


if __name__ == "__main__":
    main(sys.argv[1:])
