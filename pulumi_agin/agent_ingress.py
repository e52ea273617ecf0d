"""AgentIngress: the resource, its arguments and its outputs.

Fields have the names of ngrok's API everywhere: in Python, in the state and in `ignore_changes`. The class docstrings
describe the attributes, because `help()` does not show strings below annotations.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, TypeAlias, TypedDict, cast, overload

import pulumi
from pulumi import dynamic
from typing_extensions import NotRequired

from . import program
from .api.values import INPUT_FIELDS, POLICY, STATUS
from .dynamic.providers import AgentIngressProvider
from .lifecycle.operation import IMPORT
from .preview import previewed_outputs


class CertificateAuthority(str, Enum):
    """The authority that signs the certificate. A plain string works, too.

    Attributes:
        LETSENCRYPT: Let's Encrypt, the only authority that ngrok supports. Let's Encrypt needs the domain's NS records.
    """

    LETSENCRYPT = "letsencrypt"


class PrivateKeyType(str, Enum):
    """The type of the certificate's private key. A plain string works, too.

    Attributes:
        RSA: An RSA key, the default by ngrok's documentation.
        ECDSA: An ECDSA key, which is shorter than an RSA key.
    """

    RSA = "rsa"
    ECDSA = "ecdsa"


# -- arguments --------------------------------------------------------------------------------------------

# Without plain `str`, so that type checkers find a wrong string. The preview checks strings that type checkers miss.
AuthorityInput: TypeAlias = Literal["letsencrypt"] | CertificateAuthority | Awaitable[str] | pulumi.Output[str]
PrivateKeyTypeInput: TypeAlias = Literal["rsa", "ecdsa"] | PrivateKeyType | Awaitable[str] | pulumi.Output[str]


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

        Type checkers reject a variable of type `str`. Wrap a string that is known only at run time, such as a config
        value: `PrivateKeyType(config.require("keyType"))`.

        Args:
            authority: The certificate authority: "letsencrypt".
            private_key_type: "rsa" or "ecdsa". ngrok's documented default is "rsa". If omitted, the output is the type
                that ngrok returns, and previews do not show that type as a change.
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
        """Creates the arguments. AgentIngress describes what a change of each argument does.

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
        private_key_type: The type of the private key that ngrok uses, "rsa" or "ecdsa", even if the program omits the
            type. None if ngrok reports no type.
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
        retries_at: When ngrok retries (RFC 3339), or None. After a failure, the retry can be a day later.
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


class AgentIngress(dynamic.Resource, module="agin", name="AgentIngress"):
    """An ngrok Agent Ingress lets ngrok agents connect through your own domain instead of ngrok's domain.

    Changing `domain` replaces the ingress; all other changes are made in place. The API key is not an argument, but
    comes from the stack config (`agin:apiKey`), the environment (`NGROK_API_KEY`), or an explicit Provider.

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

    # As in Pulumi's generated SDKs, the second argument is `args` or `opts`, but a Python parameter has only one name.
    def __init__(  # type: ignore[misc]  # pyright: ignore[reportInconsistentOverload]
        self,
        resource_name: str,
        args: AgentIngressArgs | pulumi.ResourceOptions | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **fields: Any,
    ) -> None:
        """Declares an Agent Ingress.

        The preview shows all problems with the values at once.

        Args:
            resource_name: The name of the resource in Pulumi.
            args: All arguments as one AgentIngressArgs, instead of the keyword arguments below.
            opts: The options of the resource. `custom_timeouts` limit create, update and delete. `import_` is the ID of
                an existing ingress to import: `pulumi up` writes nothing at ngrok, and fails if a field differs from
                the program. `import_` is needed only once. Without `args`, the options can be the second argument.
            domain: A domain that you own. The limit is 253 bytes. Required. Case and a trailing dot are ignored. A
                change replaces the ingress: the new ingress is created before the old ingress is deleted.
            description: A human-readable description. The limit is 255 bytes (UTF-8).
            metadata: Machine-readable metadata. The limit is 4096 bytes (UTF-8).
            certificate_management_policy: The certificate policy: AgentIngressCertPolicyArgs or a dict. You can add or
                change the policy. To remove the policy, an update sends null. ngrok's API reference allows null, but
                what ngrok does with null is untested. If ngrok keeps the policy, the update fails.

        Raises:
            pulumi.RunError: A setting, such as the API key, is missing or invalid.
            TypeError: A keyword argument does not exist, or both AgentIngressArgs and keyword arguments are given.
        """
        if isinstance(args, pulumi.ResourceOptions):
            args, opts = None, args
        wanted = _wanted(args, fields)
        run = program.current()
        # A copy, because the program may use the same options for other resources.
        opts = copy.copy(opts) if opts else pulumi.ResourceOptions()
        import_: pulumi.Input[str] | None = None
        # Under mocks, there is no run, and Pulumi gets the option `import_` unchanged.
        if run is not None:
            import_, opts.import_ = opts.import_, None
            run.require_settings(opts)
        # Pulumi's own `import_` does not work for a dynamic resource, so a hidden input has the ID.
        hidden = {} if import_ is None else {IMPORT: import_}
        # The SDK gives a dynamic resource only the outputs that have a key here.
        props = {**dict.fromkeys(AgentIngress.__annotations__), **wanted, **hidden}
        super().__init__(AgentIngressProvider(), resource_name, props, opts)
        if run is not None and opts.id is None and pulumi.runtime.is_dry_run():
            self._preview(run, wanted.keys(), import_)

    def _preview(self, run: program.Run, declared: Collection[str], import_: pulumi.Input[str] | None) -> None:
        """Replaces the outputs for this preview. `declared` are the names of the fields that the program sets."""
        outputs = previewed_outputs(run, self, declared, import_)
        # These two may be plain dicts. In the SDK's own outputs, both already have their types.
        outputs[POLICY] = outputs[POLICY].apply(_policy, run_with_unknowns=True)
        outputs[STATUS] = outputs[STATUS].apply(_status, run_with_unknowns=True)
        for name, output in outputs.items():
            setattr(self, name, output)

    # A subclass keeps the Pulumi type of this class. The SDK would give the subclass another type, so that
    # each resource of the subclass would be deleted and created again.
    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(module="agin", name="AgentIngress")

    @staticmethod
    def get(
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - Pulumi's own name for it
        opts: pulumi.ResourceOptions | None = None,
    ) -> AgentIngress:
        """Reads an Agent Ingress that this stack does not own.

        The stack never changes or deletes the ingress. `pulumi preview` and `pulumi up` fail if the account of the API
        key has no Agent Ingress with this ID.

        Args:
            resource_name: The name of the resource in Pulumi.
            id: The ID of the Agent Ingress, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
            opts: The options of the resource, such as an explicit provider.

        Returns:
            The resource. Its outputs are the values at ngrok.

        Raises:
            pulumi.RunError: A setting, such as the API key, is missing or invalid.
        """
        read: Any = AgentIngress  # a read needs no domain
        merged = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        return cast(AgentIngress, read(resource_name, merged))


def _wanted(args: AgentIngressArgs | None, fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that a program sets in AgentIngressArgs or as keyword arguments, by name."""
    if args is not None and fields:
        raise TypeError("AgentIngress accepts AgentIngressArgs or keyword arguments, not both")
    if unknown := fields.keys() - set(INPUT_FIELDS):
        raise TypeError(f"AgentIngress has no argument {', '.join(sorted(unknown))}")
    given = {name: pulumi.get(args, name) for name in INPUT_FIELDS} if args is not None else fields
    return {name: value for name, value in given.items() if value is not None}


def _policy(value: Any) -> Any:
    """Returns a policy with its output type. None and an unknown value are returned unchanged."""
    if not isinstance(value, Mapping):
        return value
    return AgentIngressCertPolicy(authority=value.get("authority"), private_key_type=value.get("private_key_type"))


def _status(value: Any) -> Any:
    """Returns a status with its output types. None and an unknown value are returned unchanged."""
    if not isinstance(value, Mapping):
        return value
    job = value.get("provisioning_job")
    if isinstance(job, Mapping):
        job = AgentIngressCertJob(**{name: job.get(name) for name in AgentIngressCertJob.__annotations__})
    return AgentIngressCertStatus(renews_at=value.get("renews_at"), provisioning_job=job)


def typed_outputs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a lookup, with the output types of policy and status."""
    return {**values, POLICY: _policy(values[POLICY]), STATUS: _status(values[STATUS])}
