"""API keys as long and as random as ngrok's, which belong to no account."""

API_KEY = "2tstAbCdEfGhIjKlMnOpQrStUvW_3XyZ0123456789aBcDe"
OTHER_ACCOUNTS_KEY = "2tstZzYyXxWwVvUuTtSsRrQqPpO_9NnMmLlKkJjIiHhGg"
# A new key of the other account, for `Emulator.add_key`.
OTHER_ROTATED_KEY = "2rotZzYyXxWwVvUuTtSsRrQqPpO_9NnMmLlKkJjIiHhGg"

# The numbers of the two accounts, in the order in which the `emulator` fixture makes them.
OURS, THEIRS = 1, 2


def assert_without_key(text: str, key: str = API_KEY, *, where: str = "the text") -> None:
    """Asserts that a string has no eight consecutive characters of the key, in upper or lower case."""
    searched = text.lower()
    for start in range(len(key) - 7):
        found = searched.find(key[start : start + 8].lower())
        assert found < 0, f"{where} has a piece of the key: …{text[max(0, found - 80) : found + 80]}…"
