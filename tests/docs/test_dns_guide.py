"""The command of docs/guides/dns.md that shows the TTL of NS records, with BIND for a name server of ngrok."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.support.bind import Bind
from tests.support.pages import blocks
from tests.support.records import delegate

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "dns.md").read_text()
[DIG] = [each for each in blocks(PAGE, "sh") if each.startswith("dig ")]


def test_dig_shows_the_ttl_of_each_record(bind: Bind) -> None:
    targets = ["ns-1.example.net.", "ns-2.example.net."]
    delegate(bind, "connect.acme.com", targets, ttl=600)
    assert "@ns-1.example.net" in DIG
    command = DIG.replace("@ns-1.example.net", f"@127.0.0.1 -p {bind.port}")
    environment = {"PATH": f"{Path(bind.programs.dig).parent}:{os.environ['PATH']}"}
    shown = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True).stdout
    records = re.findall(r"^connect\.acme\.com\.\s+(\d+)\s+IN\s+NS\s+(\S+)$", shown, re.MULTILINE)
    assert sorted(records) == [("600", target) for target in targets]
    assert len(shown.splitlines()) == len(targets)
