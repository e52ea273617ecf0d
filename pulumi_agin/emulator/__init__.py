"""An emulator of ngrok's Agent Ingress API, to test programs without an account.

It is not ngrok: it does not serve DNS, issue certificates or accept agents. Its behavior, and which parts of it are
guesses: docs/reference/emulator.md in the repository

An extra: the tests, the demo and users' tests need it. `server` starts and stops it, `handler` has HTTP, `api` the
API on `store`, `control` what tests change, and `faults` how it misbehaves. It stands on Python's HTTP server and the
packages of the extra `emulator`, and shares no code with the client, so that both can't have the same bug.
"""

from importlib.util import find_spec

from pulumi_agin.base.installation import missing_extra

try:
    # It is loaded only for filters that need it.
    if find_spec("celpy") is None:
        raise ModuleNotFoundError(name="celpy")
    from .certificates import CertificateState
    from .configuration import EmulatorSettings, SettingsChanges
    from .control import IngressChanges
    from .faults import FaultKind
    from .request_log import RequestSeen
    from .server import Emulator
    from .store import StoreError
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("celpy", "dns"):
        raise
    raise ModuleNotFoundError(missing_extra("the emulator", "emulator"), name=error.name) from None

__all__ = [
    "CertificateState",
    "Emulator",
    "EmulatorSettings",
    "FaultKind",
    "IngressChanges",
    "RequestSeen",
    "SettingsChanges",
    "StoreError",
]
