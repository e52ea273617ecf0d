"""The ground: facts about ngrok's API and DNS names, the clock, time budget and attempts of a call, and strings.

Programs load most of these modules at their start, so they load quickly.
"""
