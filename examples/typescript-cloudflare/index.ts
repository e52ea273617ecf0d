// A connect URL for ngrok agents, with its zone at Cloudflare.

import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import * as agin from "@pulumi-agin/agin";

const config = new pulumi.Config();

const ingress = new agin.AgentIngress(
    "connect",
    {
        domain: config.require("domain"),
        description: "acme devices",
        certificateManagementPolicy: { authority: "letsencrypt" },
    },
    { protect: true },
);

// Cloudflare has a record for each name server. They are named by their values, so that one that comes or goes
// changes no other. ngrok gives the values when the ingress is made: before that, this makes none.
const records = ingress.nsTargets.apply((targets) =>
    targets.map((target) => {
        // Cloudflare drops the trailing dot, and would show a change in every preview.
        const value = target.replace(/\.$/, "");
        return new cloudflare.DnsRecord(
            `connect-${value}`,
            { zoneId: config.require("zoneId"), name: ingress.domain, type: "NS", content: value, ttl: 300 },
            {
                // Others can take over a delegation that outlives its ingress: so the records go before it does. With
                // another domain there are new records before the old ones go.
                dependsOn: [ingress],
                replaceOnChanges: ["name"],
                deleteBeforeReplace: false,
            },
        );
    }),
);

// The wait until the certificate is issued. Let's Encrypt looks the domain up, so it needs the records.
const certificate = new agin.AgentIngressCertificateValidation(
    "connect",
    { agentIngressId: ingress.id },
    { dependsOn: records },
);

export const nsTargets = ingress.nsTargets;
export const renewsAt = certificate.renewsAt;
// The ngrok.yml of every agent; a secret where it holds an authtoken.
export const agentConfig = agin.agentConfigOutput({
    domain: ingress.domain,
    certificateManagementPolicy: ingress.certificateManagementPolicy,
    authtoken: config.getSecret("authtoken"),
}).yaml;
