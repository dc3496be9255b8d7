"""Who may call, and how much: API keys, authentication, permissions, rate limits."""
