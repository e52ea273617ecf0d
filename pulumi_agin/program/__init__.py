"""What the resources and functions of a program share in its process: above the front end, whose classes they pickle.

The order of imports is base, api, settings, lifecycle, engine, dynamic, program, and then the public modules.
"""
