"""An emulator of ngrok's Agent Ingress API, to test programs without an account.

It is not ngrok: it does not serve DNS, issue certificates or accept agents. Its behavior, and which parts of it are
guesses: docs/reference/emulator.md in the repository

A request passes `handler` (HTTP), `faults` (how it misbehaves) and `rules` (what the API responds), which read and
write `store`. `server` starts and stops all of it, and `control` has the methods of a test. It shares no code with the
client, so that both can't have the same bug.
"""

try:
    from .certificate_jobs import CertificateState
    from .control import IngressChanges
    from .faults import Fault, FaultKind
    from .server import Emulator
    from .state import EmulatorSettings
    from .store import StoreError
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("celpy", "dns"):
        raise
    raise ModuleNotFoundError(
        "The emulator needs the packages cel-python>=0.5 and dnspython>=2.7, the extra `emulator` of pulumi-agin.",
        name=error.name,
    ) from None

__all__ = ["CertificateState", "Emulator", "EmulatorSettings", "Fault", "FaultKind", "IngressChanges", "StoreError"]
