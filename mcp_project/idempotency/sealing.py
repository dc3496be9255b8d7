"""Encryption of kept responses, so that only their caller can read them.

The encryption keys are derived from the caller's own API key as it was sent, which is stored nowhere, and the
idempotency key. A copy of the whole database has neither.
"""

import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class Seal:
    """`context` is what must be the same for a text to be opened as it was when it was sealed."""

    def __init__(self, secret: str, idempotency_key: str, context: bytes) -> None:
        # RFC 5869. No salt: the API key has 190 random bits.
        derivation = HKDF(SHA256(), length=64, salt=None, info=b"mcp kept answer\0" + idempotency_key.encode())
        keys = derivation.derive(secret.encode())
        self._cipher, self._digest_key = AESGCM(keys[:32]), keys[32:]
        self._context = context

    def digest(self, *parts: bytes) -> bytes:
        """A keyed digest of the parts. The lengths are part of it, so that moving a boundary between parts changes
        it."""
        lengths = b"".join(len(part).to_bytes(8, "big") for part in parts)
        return hmac.digest(self._digest_key, lengths + b"".join(parts), "sha256")

    def close(self, text: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, self._context)

    def open(self, sealed: bytes) -> bytes:
        """Raises InvalidTag when any of the keys or the context is another."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._context)
