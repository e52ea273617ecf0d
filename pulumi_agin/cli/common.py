"""What the commands have in common: their settings, how they print, and how they fail."""

from __future__ import annotations

import os
import sys

from pulumi_agin.commands import API_KEY_OF_STACK
from pulumi_agin.settings import API_KEY, ENVIRONMENT, Settings


class UsageError(Exception):
    """The user must correct something before the command can run. The text is one sentence that says what."""


def load_settings() -> Settings:
    """Reads the settings from the environment.

    Raises:
        UsageError: There is no API key. Other problems are left to `Settings.client`.
    """
    settings = Settings.load(lambda key: None)
    if not settings.api_key.value.get_secret_value():
        raise UsageError(
            f"there is no ngrok API key: set the environment variable {ENVIRONMENT[API_KEY]}, such as with "
            f"{API_KEY_OF_STACK} if the stack config has it; for a program in another language than Python, it is "
            "agin:apiKey there"
        )
    return settings


def print_text(text: str) -> int:
    """Prints a text on stdout, in UTF-8.

    Args:
        text: The text, with its line break at the end.

    Returns:
        The exit status: 0, or 1 if nobody reads stdout any more.
    """
    try:
        # UTF-8 in every terminal, because the text may be Python source.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise Python would try again when it exits, and report the error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fail("nobody reads what is printed", 1)
    return 0


def fail(sentence: str, status: int = 2) -> int:
    """Prints on stderr why a command fails.

    Args:
        sentence: The reason.
        status: The exit status of the command.

    Returns:
        The exit status.
    """
    sys.stderr.write(f"pulumi-agin: {sentence}\n")
    return status
