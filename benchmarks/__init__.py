"""What our own work costs, beside a floor that does none: `make bench`."""
