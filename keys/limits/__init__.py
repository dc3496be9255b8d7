"""How much a key may call: the rate's form, and the store that decides."""
