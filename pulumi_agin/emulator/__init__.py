"""An emulator of ngrok's Agent Ingress API, to test programs without an account.

It is not ngrok: it does not serve DNS, issue certificates or accept agents. Its behavior, and which parts of it are
guesses: docs/reference/emulator.md in the repository

It needs the packages of the extra `emulator`.
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
