"""Loads the fixture `agin_emulator`. pytest requires this file at the root of your tests."""

pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]
