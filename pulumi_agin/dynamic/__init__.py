"""Front end of Pulumi's dynamic providers, for Python programs."""
