// A connect URL for ngrok agents, with its zone in Route 53, and the agents' configuration in a secret.

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

// One set with a record for each name server.
const records = new aws.route53.Record(
    "connect",
    { zoneId: zone.zoneId, name: ingress.domain, type: "NS", records: ingress.nsTargets, ttl: 300 },
    {
        // Others can take over a delegation that outlives its ingress: so the records go before it does. With another
        // domain there are new records before the old ones go.
        dependsOn: [ingress],
        replaceOnChanges: ["name"],
        deleteBeforeReplace: false,
        protect: true,
    },
);

// The wait until the certificate is issued. Let's Encrypt looks the domain up, so it needs the records.
const certificate = new agin.AgentIngressCertificateValidation(
    "connect",
    { agentIngressId: ingress.id },
    { dependsOn: [records] },
);

// The devices fetch their ngrok.yml when they start. It is there only when the connect URL works.
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
