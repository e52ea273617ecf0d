"""AgentIngress: the resource, its arguments and its outputs.

Fields have the names of ngrok's API everywhere: in Python, in the state and in `ignore_changes`. The class docstrings
describe the attributes, because `help()` does not show strings below annotations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Any, TypeAlias, TypedDict, overload

import pulumi
from typing_extensions import NotRequired

from .base.facts import CertificateAuthorityLiteral, PrivateKeyTypeLiteral
from .base.names import canonical_domain
from .dynamic.agent_ingress import AgentIngressProvider
from .lifecycle import urns
from .lifecycle.operation import Placement
from .program import sdk
from .program.errors import WrongArgumentsError
from .program.preview import exact_outputs
from .program.resource import DynamicResource, check_settings, has_explicit_provider, require_options
from .program.run import ProgramRun


class CertificateAuthority(str, Enum):
    """The authority that signs the certificate. A plain string works, too.

    Attributes:
        LETSENCRYPT: Let's Encrypt, the only authority that ngrok supports. It needs the NS records of the domain.
    """

    LETSENCRYPT = "letsencrypt"


class PrivateKeyType(str, Enum):
    """The type of the certificate's private key. A plain string works, too.

    Attributes:
        RSA: An RSA key, the default by ngrok's documentation.
        ECDSA: An ECDSA key, which is shorter.
    """

    RSA = "rsa"
    ECDSA = "ecdsa"


# -- arguments --------------------------------------------------------------------------------------------

# Not a plain `str`, so that type checkers find a wrong string. The preview checks strings that they can't see.
AuthorityInput: TypeAlias = CertificateAuthorityLiteral | CertificateAuthority | Awaitable[str] | pulumi.Output[str]
PrivateKeyTypeInput: TypeAlias = PrivateKeyTypeLiteral | PrivateKeyType | Awaitable[str] | pulumi.Output[str]


class AgentIngressCertPolicyArgsDict(TypedDict):
    """AgentIngressCertPolicyArgs as a dict.

    Attributes:
        authority: The certificate authority: "letsencrypt". Required.
        private_key_type: "rsa" or "ecdsa". ngrok's documented default is "rsa".
    """

    authority: AuthorityInput
    private_key_type: NotRequired[PrivateKeyTypeInput | None]


@pulumi.input_type
class AgentIngressCertPolicyArgs:
    """The certificate policy of a domain. Without a policy, ngrok's internal CA signs the certificate immediately."""

    authority: AuthorityInput
    private_key_type: PrivateKeyTypeInput | None

    def __init__(self, *, authority: AuthorityInput, private_key_type: PrivateKeyTypeInput | None = None) -> None:
        """Creates a policy.

        Type checkers reject a plain `str`. Wrap a string that is known only at run time, such as one from the config:
        `PrivateKeyType(config.require("keyType"))`.

        Args:
            authority: The certificate authority: "letsencrypt".
            private_key_type: "rsa" or "ecdsa". ngrok's documented default is "rsa". If omitted, the output is the type
                that ngrok returns, and previews do not show it as a change.
        """
        pulumi.set(self, "authority", authority)
        pulumi.set(self, "private_key_type", private_key_type)


PolicyInput: TypeAlias = pulumi.Input[AgentIngressCertPolicyArgs | AgentIngressCertPolicyArgsDict]


@pulumi.input_type
class AgentIngressArgs:
    """The arguments of an AgentIngress as one object."""

    domain: pulumi.Input[str]
    description: pulumi.Input[str] | None
    metadata: pulumi.Input[str] | None
    certificate_management_policy: PolicyInput | None

    def __init__(
        self,
        *,
        domain: pulumi.Input[str],
        description: pulumi.Input[str] | None = None,
        metadata: pulumi.Input[str] | None = None,
        certificate_management_policy: PolicyInput | None = None,
    ) -> None:
        """Creates the arguments. AgentIngress describes the effect of a change to each.

        Args:
            domain: A domain that you own. The limit is 253 bytes. Required.
            description: A human-readable description. The limit is 255 bytes (UTF-8).
            metadata: Machine-readable metadata. The limit is 4096 bytes (UTF-8).
            certificate_management_policy: The certificate policy: AgentIngressCertPolicyArgs or a dict.
        """
        pulumi.set(self, "domain", domain)
        pulumi.set(self, "description", description)
        pulumi.set(self, "metadata", metadata)
        pulumi.set(self, "certificate_management_policy", certificate_management_policy)


# -- outputs ----------------------------------------------------------------------------------------------


@pulumi.output_type
class AgentIngressCertPolicy(dict[str, Any]):
    """The certificate policy of a domain.

    Attributes:
        authority: The certificate authority, such as "letsencrypt".
        private_key_type: The type of the private key that ngrok uses, "rsa" or "ecdsa", even if the program omits it.
            None if ngrok does not report it.
    """

    authority: str
    private_key_type: str | None


@pulumi.output_type
class AgentIngressCertJob(dict[str, Any]):
    """The job that provisions or renews a certificate.

    Attributes:
        error_code: "INTERNAL_ERROR", which is temporary, or "DNS_ERROR", which you must fix in your DNS. None without
            an error.
        msg: ngrok's message about the status or the error, or None.
        started_at: When the job started (RFC 3339), or None.
        retries_at: When ngrok retries (RFC 3339), or None. After a failure, this can be a day later.
    """

    error_code: str | None
    msg: str | None
    started_at: str | None
    retries_at: str | None


@pulumi.output_type
class AgentIngressCertStatus(dict[str, Any]):
    """The state of the certificate.

    Attributes:
        renews_at: When ngrok requests the next renewal (RFC 3339). None until the certificate is issued.
        provisioning_job: The job that provisions or renews the certificate. None if no job is running.
    """

    renews_at: str | None
    provisioning_job: AgentIngressCertJob | None


# -- the resource -----------------------------------------------------------------------------------------


class AgentIngress(DynamicResource, token=urns.AGENT_INGRESS):
    """An ngrok Agent Ingress lets ngrok agents connect through your own domain instead of ngrok's domain.

    Changing `domain` replaces the ingress; all other changes are made in place. The API key is not an argument. It
    comes from the stack config (`ngrok:apiKey`), the environment (`NGROK_API_KEY`), or an explicit Provider.

    Documentation: docs/reference/agent-ingress.md in the repository

    Attributes:
        id: The ID of the ingress at ngrok, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
        domain: The domain, in lowercase and without a trailing dot.
        description: The human-readable description. "" if there is none.
        metadata: The machine-readable metadata. "" if there is none.
        certificate_management_policy: The certificate policy. None if ngrok's internal CA signs the certificate.
        certificate_management_status: The state of the certificate. None without a policy, and until the first job
            exists.
        ns_targets: The values of the NS records that delegate `domain` to ngrok: lowercase, trailing dot, sorted.
        region_domains: The regional domains below `domain`, sorted. The list grows as ngrok adds regions.
        created_at: When the ingress was created (RFC 3339).
        uri: The path of the ingress in ngrok's API, relative to the API's URL.
    """

    # Pulumi's SDK finds the outputs and their types by these annotations.
    domain: pulumi.Output[str]
    description: pulumi.Output[str]
    metadata: pulumi.Output[str]
    certificate_management_policy: pulumi.Output[AgentIngressCertPolicy | None]
    certificate_management_status: pulumi.Output[AgentIngressCertStatus | None]
    ns_targets: pulumi.Output[Sequence[str]]
    region_domains: pulumi.Output[Sequence[str]]
    created_at: pulumi.Output[str]
    uri: pulumi.Output[str]

    @overload
    def __init__(
        self, resource_name: str, args: AgentIngressArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...

    @overload
    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        domain: pulumi.Input[str],
        description: pulumi.Input[str] | None = None,
        metadata: pulumi.Input[str] | None = None,
        certificate_management_policy: PolicyInput | None = None,
    ) -> None: ...

    # The second argument is `args` or `opts`, as in Pulumi's generated SDKs. In Python it has one name.
    def __init__(  # type: ignore[misc]  # pyright: ignore[reportInconsistentOverload]
        self,
        resource_name: str,
        args: AgentIngressArgs | pulumi.ResourceOptions | None = None,
        opts: pulumi.ResourceOptions | None = None,
        *,
        domain: pulumi.Input[str] | None = None,
        description: pulumi.Input[str] | None = None,
        metadata: pulumi.Input[str] | None = None,
        certificate_management_policy: PolicyInput | None = None,
    ) -> None:
        """Declares an Agent Ingress.

        The preview shows all problems with the values at once.

        Args:
            resource_name: The name of the resource in Pulumi.
            args: All arguments as one AgentIngressArgs, instead of the keyword arguments below.
            opts: The options of the resource. `custom_timeouts` limit its create, update and delete. Without `args`,
                the options can be the second argument.
            domain: A domain that you own. The limit is 253 bytes. Required. Case and a trailing dot are ignored. A
                change replaces the ingress: the new one is created before the old one is deleted.
            description: A human-readable description. The limit is 255 bytes (UTF-8).
            metadata: Machine-readable metadata. The limit is 4096 bytes (UTF-8).
            certificate_management_policy: The certificate policy: AgentIngressCertPolicyArgs or a dict. You can add or
                change it. To remove it, an update sends null: ngrok's API reference allows that, but we have not seen
                what ngrok does with it. If ngrok keeps the policy, the update fails, and the message shows the next
                step.

        Raises:
            pulumi.RunError: `opts` has `import_`, which Pulumi's SDK does not support for dynamic resources; the
                message has the command that imports the ingress. Also raised if a setting, such as the API key, is
                missing or invalid.
            TypeError: Both AgentIngressArgs and keyword arguments are given.
        """
        if isinstance(args, pulumi.ResourceOptions):
            if opts is not None:
                raise WrongArgumentsError("AgentIngress received opts twice")
            args, opts = None, args
        require_options(opts, "AgentIngress")
        opts = opts or pulumi.ResourceOptions()
        inputs = _inputs(
            args,
            domain=domain,
            description=description,
            metadata=metadata,
            certificate_management_policy=certificate_management_policy,
        )
        if opts.import_ is not None:
            raise pulumi.RunError(_how_to_import(resource_name, opts.import_, opts))
        check_settings(opts)
        # A resource of the SDK has only outputs with a key here.
        props = {**dict.fromkeys(_OUTPUTS), **inputs}
        super().__init__(AgentIngressProvider(), resource_name, props, opts)
        # Whether this is a `get`, so that the stack does not delete the ingress.
        self._is_read = opts.id is not None
        # For `dns.former_domain`, which recognizes the ingress under its former names.
        self._declared_parent = opts.parent
        # The domain in canonical form, if it is already known. A delegation checks it against its zone immediately.
        self._declared_domain = _declared_domain(inputs.get("domain"), opts)
        for name, output in exact_outputs(self, _OUTPUTS, inputs, opts.additional_secret_outputs or []).items():
            setattr(self, name, output)

    @staticmethod
    def get(
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - Pulumi's own name for it
        opts: pulumi.ResourceOptions | None = None,
    ) -> AgentIngress:
        """Reads an Agent Ingress that this stack does not own.

        The stack never changes or deletes it. The preview and the update fail if the account of the API key has no
        Agent Ingress with this ID.

        Args:
            resource_name: The name of the resource in Pulumi.
            id: The ID of the Agent Ingress, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
            opts: The options of the resource, such as an explicit provider.

        Returns:
            The resource. Its outputs are the values at ngrok.

        Raises:
            TypeError: `id` is not a string, an Output or another awaitable.
            pulumi.RunError: `opts` has `import_`, or a setting, such as the API key, is missing or invalid.
        """
        if not isinstance(id, str | pulumi.Output | Awaitable):
            raise WrongArgumentsError(f"AgentIngress.get: id must be a string or an Output; got {type(id).__name__}")
        read: Any = AgentIngress  # a read needs no domain
        ingress: AgentIngress = read(resource_name, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id)))
        return ingress


def _declared_domain(domain: object, opts: pulumi.ResourceOptions) -> str | None:
    may_differ = opts.id is not None or opts.ignore_changes or sdk.may_be_transformed(opts)
    return canonical_domain(domain) if isinstance(domain, str) and not may_differ else None


def _how_to_import(resource_name: str, id_: str, opts: pulumi.ResourceOptions) -> str:
    from .lifecycle.shell_commands import import_line, stack_urn  # only for this error

    # The URNs of other resources are not known yet.
    parent = "URN" if opts.parent else stack_urn(pulumi.get_stack(), pulumi.get_project())
    provider = "URN" if has_explicit_provider(opts) else None
    line = import_line(id_, resource_name, Placement(ProgramRun.current().stack, parent, provider))
    shown_by = "with the URNs that `pulumi stack --show-urns` shows after a `pulumi up` without this resource"
    return (
        f"AgentIngress \"{resource_name}\" can't be imported with ResourceOptions(import_=…), because Pulumi's SDK "
        "does not support it for dynamic resources. Remove import_ from the program, and run this command once in the "
        f"project's folder{f', {shown_by}' if 'URN' in (parent, provider) else ''}:\n{line}"
    )


# The names of the outputs, with the types of those that are objects.
_OUTPUTS = {
    **dict.fromkeys(AgentIngress.__annotations__),
    "certificate_management_policy": AgentIngressCertPolicy,
    "certificate_management_status": AgentIngressCertStatus,
}


def _inputs(args: AgentIngressArgs | None, **keywords: Any) -> dict[str, Any]:
    """Returns the inputs of an AgentIngress from its AgentIngressArgs or its keyword arguments."""
    # The program may not be type-checked.
    if not isinstance(args, AgentIngressArgs | None):
        raise WrongArgumentsError(
            "AgentIngress accepts its arguments by keyword, as in domain=…, or as one AgentIngressArgs; "
            f"got {type(args).__name__}"
        )
    given = {name: value for name, value in keywords.items() if value is not None}
    if args is None:
        return given
    if given:
        raise WrongArgumentsError(f"AgentIngress accepts AgentIngressArgs or keywords, not both: {', '.join(given)}")
    return {name: pulumi.get(args, name) for name in keywords}
