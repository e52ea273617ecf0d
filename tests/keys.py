"""API keys as long and as random as ngrok's, and of no account."""

API_KEY = "2tstAbCdEfGhIjKlMnOpQrStUvW_3XyZ0123456789aBcDe"
OTHER_ACCOUNTS_KEY = "2tstZzYyXxWwVvUuTtSsRrQqPpO_9NnMmLlKkJjIiHhGg"
