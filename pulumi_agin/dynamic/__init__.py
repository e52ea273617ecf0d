"""Front end of Pulumi's dynamic providers.

The paths and names of the provider classes are part of every user's state, so they never change.
"""
