"""What the tests of the engine get, with one environment for the program, its plugin and the emulator."""

from tests.engine.conftest import cli as cli
from tests.engine.conftest import new_project as new_project
from tests.engine.conftest import prepared as prepared
from tests.engine.conftest import project as project
from tests.engine.conftest import secrets as secrets
from tests.engine.conftest import user_env as user_env
