// A connect URL for ngrok agents in a Cloudflare zone.

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

// Cloudflare has a record for each name server, and ngrok returns four. The records are declared outside of any `apply`:
// otherwise, the first preview would not show them, and a run in which the ingress fails could delete them.
const records = [0, 1, 2, 3].map(
    (index) =>
        new cloudflare.DnsRecord(
            `connect-${index + 1}`,
            {
                zoneId: config.require("zoneId"),
                name: ingress.domain,
                type: "NS",
                // Cloudflare drops the trailing dot, so every preview would show a change.
                content: ingress.nsTargets.apply((targets) => targets[index].replace(/\.$/, "")),
                ttl: 300,
            },
            {
                // An attacker could hijack a delegation that outlives its ingress, so the records are deleted before
                // the ingress. If the domain changes, the new records are created before the old ones are deleted.
                dependsOn: [ingress],
                replaceOnChanges: ["name"],
                deleteBeforeReplace: false,
                protect: true,
            },
        ),
);

// Waits until the certificate is issued, for which Let's Encrypt needs the records.
const certificate = new agin.AgentIngressCertificateValidation(
    "connect",
    { agentIngressId: ingress.id },
    { dependsOn: records },
);

export const nsTargets = ingress.nsTargets;
export const renewsAt = certificate.renewsAt;
// The ngrok.yml of every agent. It is a secret if it has an authtoken.
export const agentConfig = agin.agentConfigOutput({
    domain: ingress.domain,
    certificateManagementPolicy: ingress.certificateManagementPolicy,
    authtoken: config.getSecret("authtoken"),
}).yaml;
