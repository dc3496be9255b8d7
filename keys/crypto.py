"""The form of a key: `mcp_<prefix>.<secret><checksum>`.

    prefix    8 characters, public: it names the key in lists and logs
    secret    32 characters of 62, 190 bits
    checksum  6 characters: CRC-32 of all characters before it, in base 62, as in GitHub's tokens

The checksum refuses a typo, a cut copy or a random string without a query, and lets a leak scanner recognise keys. It
adds nothing to the secrecy.
"""

import re
import string
import zlib

from rest_framework_api_key.crypto import KeyGenerator as BaseKeyGenerator

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_LENGTH = 8
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
FORM = re.compile(rf"mcp_([0-9A-Za-z]{{{PREFIX_LENGTH}}})\.[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)


class KeyGenerator(BaseKeyGenerator):
    """djangorestframework-api-key's generator (its SHA-512 at rest, its constant-time comparison), with our form."""

    def __init__(self) -> None:
        super().__init__(prefix_length=PREFIX_LENGTH, secret_key_length=SECRET_LENGTH)

    def generate(self) -> tuple[str, str, str]:
        """Generate a key. Returns the whole key, its prefix, and the hash that is stored."""
        prefix = self.get_prefix()
        body = f"mcp_{prefix}.{self.get_secret_key()}"
        key = body + checksum(body)
        return key, prefix, self.hash(key)


def checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def prefix_of(key: str) -> str | None:
    """The prefix of a well-formed key with the right checksum; None for everything else."""
    match = FORM.fullmatch(key)
    if match is None or checksum(key[:-CHECKSUM_LENGTH]) != key[-CHECKSUM_LENGTH:]:
        return None
    return match[1]
