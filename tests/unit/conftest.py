"""The settings of the tests with generated values."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same values in each run. On a busy machine, the first ones are slow, because Hypothesis builds its tables.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
