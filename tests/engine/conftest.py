"""Fixtures of the tests with the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cloud_provider import Cloud, install_dns
from tests.support.project import Project


@pytest.fixture
def cloud(project: Project, main_dns_packages: Path) -> Cloud:
    """The DNS providers of the project's programs: their packages, with a stand-in for the providers' plugins."""
    return install_dns(project, main_dns_packages)
