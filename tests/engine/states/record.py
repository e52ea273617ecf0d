"""Records the states that this version writes, with the programs of the newest recording.

It is needed only if a test fails because the format of states has changed. No run collects it by itself:
`.build/venv/bin/python -m pytest tests/engine/states/record.py` writes the folder of the version.
Only the oldest version that must be read and the newest one stay.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_agin.base.version import VERSION
from pulumi_agin.emulator import Emulator
from tests.support import old_states
from tests.support.bind import Bind
from tests.support.flaky_proxy import Outage, between
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project
from tests.support.public_api import HOST, public_api
from tools.bind import Programs


def record_base(project: Project, emulator: Emulator, bind: Bind) -> None:
    """Leaves an update partly done: ngrok keeps a policy that is to be removed."""
    project.up()
    project.up(fails=True, env={"REMOVE_POLICY": "1"})


def record_dns(project: Project, emulator: Emulator, bind: Bind) -> None:
    """Leaves records whose create got no response, and a certificate that a refresh found not ready."""
    outage = Outage(is_over=True)
    with between(bind, outage) as port:
        project.environment["DNS_PORT"] = str(port)
        project.up(env={"WITHOUT_LOST": "1"})
        outage.is_over = False
        project.up(fails=True, env={"CREATE_TIMEOUT": "2s"})
        outage.is_over = True
        [late] = [ingress["id"] for ingress in emulator.ingresses() if ingress["domain"] == "late.acme.com"]
        emulator.set_certificate(late, "in_progress")
        project.refresh("--target", "**:AgentIngressCertificateValidation::late")
        emulator.set_certificate(late, None)


def record_native(project: Project, emulator: Emulator, bind: Bind) -> None:
    """Leaves the same state as `record_base`."""
    project.up()
    project.edit({", certificateManagementPolicy: {authority: letsencrypt, privateKeyType: ecdsa}": ""})
    project.up(fails=True)


@pytest.mark.parametrize("record", [record_base, record_dns, record_native])
def test_record(
    record: Callable[[Project, Emulator, Bind], None],
    tmp_path: Path,
    cli: Path,
    user_env: Path,
    yaml_host: Path,
    bind_programs: Programs,
) -> None:
    kind = record.__name__.removeprefix("record_")
    newest = [recording for recording in old_states.RECORDINGS if recording.name == kind][-1]
    folder = tmp_path / kind
    folder.mkdir()
    shutil.copy(newest / old_states.PROGRAM, folder)
    file = folder / old_states.INGRESSES
    ngrok = Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=file, allowed_hosts=[HOST])
    with (
        ngrok as emulator,
        public_api(ngrok, tmp_path) as api,
        Bind(bind_programs, tmp_path / "bind", [old_states.KEY]) as bind,
    ):
        # The certificates of kind `base` are still being issued.
        issue_after = 10**9 if kind == "base" else 0
        emulator.configure(job_after_seconds=0, issue_after_seconds=issue_after, null_policy="ignored")
        project = Project(tmp_path / "project", cli, user_env, old_states.environment(api, bind.port))
        project.add_to_path(yaml_host)
        old_states.write_program(project, folder, bind.port)
        record(project, emulator, bind)
        state = project.state()
    for resource in state["deployment"]["resources"]:
        # Paths of this machine.
        resource.pop("sourcePosition", None)
        resource.pop("stackTrace", None)
    (folder / old_states.STATE).write_text(json.dumps(state, indent=1) + "\n")
    shutil.copytree(folder, old_states.FOLDER / VERSION / kind, dirs_exist_ok=True)
