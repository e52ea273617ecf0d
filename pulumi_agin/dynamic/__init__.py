"""What the Pulumi engine calls in the plugin process.

The paths and names of the provider classes are part of every user's state, so they never change.
"""
