"""An Agent Ingress managed by a script: Pulumi's Automation API with an inline program.

    python main.py up [DOMAIN]
    python main.py destroy

Requires the Pulumi CLI on PATH, a backend (`pulumi login`; a local one also needs PULUMI_CONFIG_PASSPHRASE), and the
API key in NGROK_API_KEY.
"""

import sys

import pulumi
from pulumi import automation

import pulumi_agin as agin

STACK = "dev"
PROJECT = "agin-automation"


def stack(domain: str) -> automation.Stack:
    """Returns the stack, which is created if it does not exist."""

    def program() -> None:
        ingress = agin.AgentIngress("connect", domain=domain, description="made by a script")
        pulumi.export("ns_targets", ingress.ns_targets)

    return automation.create_or_select_stack(STACK, project_name=PROJECT, program=program)


def main(command: str, domain: str = "connect.acme.com") -> None:
    if command == "up":
        result = stack(domain).up(on_output=print)
        print("NS records for", domain)
        for target in result.outputs["ns_targets"].value:
            print("   ", target)
    elif command == "destroy":
        stack(domain).destroy(on_output=print)
    else:
        sys.exit(f"up or destroy, not {command}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["up"]))
