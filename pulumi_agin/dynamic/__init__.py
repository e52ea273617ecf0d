"""What the Pulumi engine calls, in the plugin process.

The paths and names of the provider classes in here are part of every user's state: they never change.
"""
