// A connect URL for ngrok agents in a Route 53 zone, with the agents' configuration in a secret.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as agin from "@pulumi-agin/agin";

const config = new pulumi.Config();
const zone = aws.route53.getZoneOutput({ name: config.require("zone") });

const ingress = new agin.AgentIngress(
    "connect",
    {
        domain: config.require("domain"),
        description: "acme devices",
        certificateManagementPolicy: {
            authority: agin.CertificateAuthority.Letsencrypt,
            privateKeyType: agin.PrivateKeyType.Ecdsa,
        },
    },
    { protect: true },
);

// One record set with a value for each name server.
const records = new aws.route53.Record(
    "connect",
    { zoneId: zone.zoneId, name: ingress.domain, type: "NS", records: ingress.nsTargets, ttl: 300 },
    {
        // An attacker could hijack a delegation that outlives its ingress, so the records are deleted before the
        // ingress. If the domain changes, the new records are created before the old ones are deleted.
        dependsOn: [ingress],
        replaceOnChanges: ["name"],
        deleteBeforeReplace: false,
        protect: true,
    },
);

// Waits until the certificate is issued, for which Let's Encrypt needs the records.
const certificate = new agin.AgentIngressCertificateValidation(
    "connect",
    { agentIngressId: ingress.id },
    { dependsOn: [records] },
);

// The devices read their ngrok.yml when they start. It exists only once the certificate is issued.
const secret = new aws.secretsmanager.Secret("connect", {}, { dependsOn: [certificate] });
new aws.secretsmanager.SecretVersion("connect", {
    secretId: secret.id,
    secretString: agin.agentConfigOutput({
        domain: ingress.domain,
        certificateManagementPolicy: ingress.certificateManagementPolicy,
        authtoken: config.requireSecret("authtoken"),
    }).yaml,
});

export const nsTargets = ingress.nsTargets;
export const renewsAt = certificate.renewsAt;
export const secretArn = secret.arn;
