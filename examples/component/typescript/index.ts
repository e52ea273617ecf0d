// A connect URL that is made by a component of another team.

import { Gateway } from "@acme/gateway";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const connect = new Gateway(
    "connect",
    {
        domain: config.require("domain"),
        zoneId: config.require("zoneId"),
        zoneName: config.require("zone"),
    },
    // A fleet depends on it. The resources in the component inherit the option.
    { protect: true },
);

export const agentConfig = connect.agentConfig;
