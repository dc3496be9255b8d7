"""`Idempotency-Key`: a request that is repeated is carried out once, and each repeat gets the first one's response."""
