"""The cost of the package's own work, beside a floor that does none: `make bench`."""
