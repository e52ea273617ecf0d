"""Benchmarks of the package's own work, compared with a floor that does none: `make bench`."""
