"""A primary server of acme.com with records of many kinds, and keys for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.bind import Bind, Key
from tests.support.records import DOMAIN, KEY, Delegation, delegate
from tools.bind import Programs

ZONE = """
alias CNAME elsewhere
text TXT x
name.empty TXT x
delegated NS ns1.x.net.
*.cname CNAME www.acme.net.
"""

BESIDE_ALIASES = ["alias.acme.com", "x.cname.acme.com", "a.delegated.acme.com"]
POWERLESS_KEY = Key("powerless")
KEYS_OF_OTHER_ALGORITHMS = [
    Key(name, [DOMAIN], algorithm=f"hmac-{name}") for name in ("sha1", "sha224", "sha384", "sha512")
]


@pytest.fixture(scope="package")
def running_bind(tmp_path_factory: pytest.TempPathFactory, bind_programs: Programs) -> Iterator[Bind]:
    key = Key(KEY.name, [DOMAIN, *BESIDE_ALIASES])
    bind = Bind(bind_programs, tmp_path_factory.mktemp("bind"), [key, POWERLESS_KEY, *KEYS_OF_OTHER_ALGORITHMS], ZONE)
    with bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    """The server, without NS records of the domain."""
    delegate(running_bind, DOMAIN, [])
    return running_bind


@pytest.fixture
def delegation() -> Delegation:
    return Delegation()
