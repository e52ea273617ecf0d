"""API keys as long and as random as ngrok's, and of no account."""

API_KEY = "2tstAbCdEfGhIjKlMnOpQrStUvW_3XyZ0123456789aBcDe"
OTHER_ACCOUNTS_KEY = "2tstZzYyXxWwVvUuTtSsRrQqPpO_9NnMmLlKkJjIiHhGg"
ROTATED_KEY = "2rotAbCdEfGhIjKlMnOpQrStUvW_3XyZ9876543210aBcDe"

# The numbers of the two accounts, in the order in which the `emulator` fixture makes them.
OURS, THEIRS = 1, 2
