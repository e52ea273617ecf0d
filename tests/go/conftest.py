"""What the test of Go gets, of what the tests of the engine get."""

from tests.engine.conftest import cli as cli
from tests.engine.conftest import go_host as go_host
from tests.engine.conftest import new_project as new_project
from tests.engine.conftest import prepared as prepared
from tests.engine.conftest import project as project
from tests.engine.conftest import sdks as sdks
from tests.engine.conftest import secrets as secrets
from tests.engine.conftest import user_env as user_env
