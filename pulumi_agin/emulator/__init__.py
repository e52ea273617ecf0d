"""An emulator of ngrok's Agent Ingress API, to test programs without an account.

The emulator is not ngrok: it does not serve DNS, issue certificates or accept agents. In the repository,
docs/reference/emulator.md is the user's page, and tests/servicer/emulator/test_acceptance.py lists the guesses.

A test starts and calls `server`. For each request, `handler` serves HTTP and applies a fault, and `rules` determines
the API's response. Both modules read and write `state`. The emulator shares no code with the client, so that both can't
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
