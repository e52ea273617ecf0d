"""An Agent Ingress owned by a script of yours: Pulumi's Automation API with the program inside.

    python main.py up [DOMAIN]
    python main.py destroy

Needs the Pulumi CLI on PATH, a backend (`pulumi login`; one of files wants PULUMI_CONFIG_PASSPHRASE too), and the API
key in NGROK_API_KEY.
"""

import sys

import pulumi
from pulumi import automation

import pulumi_agin as agin

STACK = "dev"
PROJECT = "agin-automation"


def stack(domain: str) -> automation.Stack:
    """The stack, made where it isn't there yet."""

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
