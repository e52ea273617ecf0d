"""AgentIngress: the resource that a program writes, its arguments and its outputs.

Field names are those of ngrok's API, in Python, in the state and in `ignore_changes` alike.
"""

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, overload

import pulumi
from pulumi.dynamic import Resource

from .commands import import_line, stack_urn
from .dynamic.agent_ingress import PLACEMENT, AgentIngressProvider
from .preview import make_exact
from .provider import PACKAGE, under_mocks, warn_of_plain_api_key

if TYPE_CHECKING:
    from .api import models


class CertificateAuthority(str, Enum):
    """Who signs the certificate. Plain text works too."""

    LETSENCRYPT = "letsencrypt"
    """Let's Encrypt: the only one that ngrok knows. Needs the NS records of the domain first."""


class PrivateKeyType(str, Enum):
    """The type of the certificate's private key. Plain text works too."""

    RSA = "rsa"
    ECDSA = "ecdsa"


# -- arguments --------------------------------------------------------------------------------------------


class _AgentIngressCertPolicyRequired(TypedDict):
    authority: pulumi.Input[str | CertificateAuthority]


class AgentIngressCertPolicyArgsDict(_AgentIngressCertPolicyRequired, total=False):
    """The same as AgentIngressCertPolicyArgs, as a dict."""

    private_key_type: pulumi.Input[str | PrivateKeyType] | None


@pulumi.input_type
class AgentIngressCertPolicyArgs:
    """How ngrok gets the certificate of the domain. Without a policy, ngrok's internal CA signs it at once."""

    authority: pulumi.Input[str | CertificateAuthority]
    """The certificate authority: "letsencrypt"."""
    private_key_type: pulumi.Input[str | PrivateKeyType] | None
    """"rsa" or "ecdsa"; left out, it is ngrok's choice, and no choice of ngrok's is a change."""

    def __init__(
        self,
        *,
        authority: pulumi.Input[str | CertificateAuthority],
        private_key_type: pulumi.Input[str | PrivateKeyType] | None = None,
    ) -> None:
        pulumi.set(self, "authority", authority)
        pulumi.set(self, "private_key_type", private_key_type)


PolicyInput: TypeAlias = pulumi.Input[AgentIngressCertPolicyArgs | AgentIngressCertPolicyArgsDict]


@pulumi.input_type
class AgentIngressArgs:
    """The arguments of an AgentIngress, as one value; see AgentIngress for what each means."""

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
        pulumi.set(self, "domain", domain)
        pulumi.set(self, "description", description)
        pulumi.set(self, "metadata", metadata)
        pulumi.set(self, "certificate_management_policy", certificate_management_policy)


# -- outputs ----------------------------------------------------------------------------------------------


@pulumi.output_type
class AgentIngressCertPolicy(dict[str, Any]):
    """How ngrok gets the certificate."""

    authority: str
    """The certificate authority, such as "letsencrypt"."""
    private_key_type: str | None
    """The type of the private key that ngrok uses, "rsa" or "ecdsa"; also where the program left it out."""


@pulumi.output_type
class AgentIngressCertJob(dict[str, Any]):
    """A certificate being provisioned or renewed."""

    error_code: str | None
    """Why it is failing: INTERNAL_ERROR passes by, DNS_ERROR is for the user to mend; None while all is well."""
    msg: str | None
    """The status or the error, in ngrok's words."""
    started_at: str | None
    """When the job started, RFC 3339."""
    retries_at: str | None
    """When it is tried again, RFC 3339; after a failure that can be a day away."""


@pulumi.output_type
class AgentIngressCertStatus(dict[str, Any]):
    """Where the certificate is."""

    renews_at: str | None
    """When the next renewal is requested, RFC 3339; None until the certificate was issued."""
    provisioning_job: AgentIngressCertJob | None
    """The provisioning or renewal under way, or None."""


# -- the resource -----------------------------------------------------------------------------------------


class AgentIngress(Resource, module="agin", name="AgentIngress"):
    """An ngrok Agent Ingress: a domain of yours that ngrok agents connect to, instead of ngrok's own.

    Changing `domain` replaces it; everything else is changed in place. The API key comes from the stack config
    (`ngrok:apiKey`) or the environment (`NGROK_API_KEY`), and is no argument.
    """

    # Annotations are how Pulumi's SDK finds the outputs and their types; their names are those of ngrok's API.
    domain: pulumi.Output[str]
    """The domain, in lower case and without a trailing dot."""
    description: pulumi.Output[str]
    """What it is for, in words for people; "" where there is none."""
    metadata: pulumi.Output[str]
    """Data for machines; "" where there is none."""
    certificate_management_policy: pulumi.Output[AgentIngressCertPolicy | None]
    """How ngrok gets the certificate; None where ngrok's internal CA signs it."""
    certificate_management_status: pulumi.Output[AgentIngressCertStatus | None]
    """Where the certificate is; None without a policy, and until the first job exists."""
    ns_targets: pulumi.Output[Sequence[str]]
    """The values of the NS records that delegate `domain` to ngrok: lower case, trailing dot, sorted."""
    region_domains: pulumi.Output[Sequence[str]]
    """The regional domains below `domain`, sorted. They grow as ngrok adds regions."""
    created_at: pulumi.Output[str]
    """When it was created, RFC 3339."""
    uri: pulumi.Output[str]
    """Where ngrok's API has it, relative to the API's URL."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # A subclass is the same resource to the engine. The SDK would give it a type of its own, and so a new
        # URN: the ingress would be deleted and made again.
        kwargs = {**kwargs, "module": "agin", "name": "AgentIngress"}
        super().__init_subclass__(**kwargs)

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

    def __init__(self, resource_name: str, *args: Any, **kwargs: Any) -> None:
        """Declares an Agent Ingress.

        domain: a domain that you own, at most 253 bytes. Required. Spelled in any case, with or without a
            trailing dot. Changing it replaces the ingress, the new one being made before the old one is deleted.
        description: words for people, at most 255 bytes of UTF-8.
        metadata: data for machines, at most 4096 bytes of UTF-8.
        certificate_management_policy: AgentIngressCertPolicyArgs or a dict. It can be added and changed, but ngrok
            has no way to remove it: an update that tries fails, and says what works.

        Nothing is judged here: whatever is wrong is shown by the preview, all of it at once.
        """
        inputs, opts = _inputs_and_opts(*args, **kwargs)
        opts = opts or pulumi.ResourceOptions()
        if opts.import_ is not None:
            raise pulumi.RunError(_how_to_import(resource_name, opts.import_, opts))
        # A key for every output, or the program would never see it.
        props = {**dict.fromkeys(_OUTPUTS), **inputs}
        if (
            opts.id is None
            and not under_mocks()
            and (opts.parent or opts.provider or opts.providers or _organization())
        ):
            props[PLACEMENT] = pulumi.Output.from_input(self._placement(opts))
        super().__init__(AgentIngressProvider(), resource_name, props, opts)
        warn_of_plain_api_key()
        make_exact(self, _OUTPUTS, inputs, opts.additional_secret_outputs or [], typed_outputs)

    async def _placement(self, opts: pulumi.ResourceOptions) -> dict[str, str]:
        """The stack, and the URNs of the parent and the explicit provider: what a command has to name."""
        # By the time that this is awaited, the SDK knows which provider it is; that is private ground of its own.
        placed = {"parent": opts.parent, "provider": getattr(self, "_provider", None)}
        urns = {name: str(await resource.urn.future()) for name, resource in placed.items() if resource}
        return {"stack": _stack(), **urns}

    @staticmethod
    def get(
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - Pulumi's own name for it
        opts: pulumi.ResourceOptions | None = None,
    ) -> "AgentIngress":
        """Reads an Agent Ingress that this stack does not own, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".

        The preview and the update fail where there is none with this id in the account of the key.
        """
        if not isinstance(id, str | pulumi.Output | Awaitable):
            raise TypeError(f"AgentIngress.get needs the id of an Agent Ingress; got {type(id).__name__}")
        read: Any = AgentIngress  # which needs no domain here
        ingress: AgentIngress = read(resource_name, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id)))
        return ingress


def _organization() -> str | None:
    """The organization that the stack belongs to, on a backend that has some."""
    organization = pulumi.get_organization()
    # That of every backend which has none.
    return None if organization == "organization" else organization


def _stack() -> str:
    """The stack as the CLI calls it, whichever is selected and whatever organization is the default."""
    organization = _organization()
    return f"{organization}/{pulumi.get_stack()}" if organization else pulumi.get_stack()


def _how_to_import(resource_name: str, id_: str, opts: pulumi.ResourceOptions) -> str:
    from .settings import Settings

    # The URNs of others are not known yet.
    parent = "URN" if opts.parent else stack_urn(pulumi.get_stack(), pulumi.get_project())
    inherited = opts.parent.get_provider(f"{PACKAGE}:dynamic/agin:AgentIngress") if opts.parent else None
    provider = "URN" if opts.provider or opts.providers or inherited else None
    filled_in = ""
    if "URN" in (parent, provider):
        filled_in = ", with the URNs that `pulumi stack --show-urns` shows after a `pulumi up` without this resource"
    line = import_line(
        id_,
        resource_name,
        stack=_stack(),
        parent=parent,
        provider=provider,
        stack_config=Settings.load(pulumi.runtime.get_config).from_stack_config,
    )
    return (
        f"AgentIngress \"{resource_name}\" can't be imported by ResourceOptions(import_=…), as Pulumi's SDK asks a "
        "dynamic provider to read a resource before it says which provider. Take import_ out of the program, and run "
        f"once, in the project's folder{filled_in}\n{line}"
    )


def typed_outputs(answer: "models.AgentIngress") -> dict[str, Any]:
    """What ngrok answered, as the outputs that a program gets."""
    values = answer.outputs()
    policy, status = values["certificate_management_policy"], values["certificate_management_status"]
    if policy is not None:
        values["certificate_management_policy"] = AgentIngressCertPolicy(**policy)
    if status is not None:
        job = status["provisioning_job"]
        job = None if job is None else AgentIngressCertJob(**job)
        values["certificate_management_status"] = AgentIngressCertStatus(**{**status, "provisioning_job": job})
    return values


_INPUTS = tuple(AgentIngressArgs.__annotations__)
_OUTPUTS = tuple(AgentIngress.__annotations__)


def _inputs_and_opts(
    args: AgentIngressArgs | pulumi.ResourceOptions | None = None,
    opts: pulumi.ResourceOptions | None = None,
    **inputs: Any,
) -> tuple[dict[str, Any], pulumi.ResourceOptions | None]:
    """Tells apart the two ways in which an AgentIngress can be written."""
    if isinstance(args, pulumi.ResourceOptions):
        args, opts = None, args
    if not isinstance(args, AgentIngressArgs | None):
        raise TypeError(
            "AgentIngress takes its arguments by keyword, as in domain=…, or as one AgentIngressArgs; "
            f"got {type(args).__name__}"
        )
    if args is not None:
        if inputs:
            raise TypeError(f"AgentIngress takes AgentIngressArgs or keywords, not both: {', '.join(inputs)}")
        return {name: pulumi.get(args, name) for name in _INPUTS}, opts
    unknown = [name for name in inputs if name not in _INPUTS]
    if unknown:
        raise TypeError(f"AgentIngress has no argument {', '.join(unknown)}; it has {', '.join(_INPUTS)}")
    return inputs, opts
