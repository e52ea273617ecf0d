"""A stand-in for ngrok's Agent Ingress API, to try programs without an account.

It is not ngrok: it does not serve DNS, issue certificates or accept agents. `docs/reference/emulator.md` says what it
does, and which parts are guesses. It needs an extra: `pip install 'pulumi-agin[emulator]'`.
"""

try:
    from pulumi_agin.emulator.certificates import CertificateState
    from pulumi_agin.emulator.control import IngressChanges
    from pulumi_agin.emulator.faults import FaultKind
    from pulumi_agin.emulator.log import RequestSeen
    from pulumi_agin.emulator.server import Emulator
    from pulumi_agin.emulator.state import Settings
    from pulumi_agin.emulator.store import StoreError
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("celpy", "h11"):
        raise
    raise ModuleNotFoundError(
        "The emulator needs its extra: pip install 'pulumi-agin[emulator]'.", name=error.name
    ) from None

__all__ = [
    "CertificateState",
    "Emulator",
    "FaultKind",
    "IngressChanges",
    "RequestSeen",
    "Settings",
    "StoreError",
]
