"""A connect URL that is made by a component of another team."""

import pulumi
from acme_gateway import Gateway

config = pulumi.Config()

connect = Gateway(
    "connect",
    {"domain": config.require("domain"), "zone_id": config.require("zoneId"), "zone_name": config.require("zone")},
    # A fleet depends on it. The resources in the component inherit the option.
    pulumi.ResourceOptions(protect=True),
)
pulumi.export("agentConfig", connect.agent_config)
