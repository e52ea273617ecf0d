"""An emulator of ngrok's Agent Ingress API, to test programs without an account.

It is not ngrok: it does not serve DNS, issue certificates or accept agents. In the repository, its page is
docs/reference/emulator.md, and tests/servicer/emulator/test_acceptance.py lists what it guesses.

`server` is what a test starts and calls. A request passes `handler` (HTTP, and how its fault makes it misbehave) and
`rules` (what the API responds), which read and write `state`. It shares no code with the client, so that both can't
have the same bug.
"""

try:
    from .certificate_jobs import CertificateState
    from .faults import Fault, FaultKind
    from .server import Emulator
    from .state import EmulatorSettings
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("celpy", "dns"):
        raise
    raise ModuleNotFoundError(
        "The emulator needs the packages cel-python>=0.5 and dnspython>=2.7, the extra `emulator` of pulumi-agin.",
        name=error.name,
    ) from None

__all__ = ["CertificateState", "Emulator", "EmulatorSettings", "Fault", "FaultKind"]
