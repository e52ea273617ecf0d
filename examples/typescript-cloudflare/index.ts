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

// Cloudflare has a record for each name server. The resources are named by their values, so that adding or removing a
// record changes no other. ngrok returns the values when the ingress is created. Until then, there are no records.
const records = ingress.nsTargets.apply((targets) =>
    targets.map((target) => {
        // Cloudflare drops the trailing dot, so every preview would show a change.
        const value = target.replace(/\.$/, "");
        return new cloudflare.DnsRecord(
            `connect-${value}`,
            { zoneId: config.require("zoneId"), name: ingress.domain, type: "NS", content: value, ttl: 300 },
            {
                // An attacker could hijack a delegation that outlives its ingress, so the records are deleted before
                // the ingress. If the domain changes, the new records are created before the old ones are deleted.
                dependsOn: [ingress],
                replaceOnChanges: ["name"],
                deleteBeforeReplace: false,
                protect: true,
            },
        );
    }),
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
