"""The errors of keys and limits that clients can tell apart by their codes."""

from mcp_project.errors import Limited, Unauthenticated, Unavailable


class KeyMissing(Unauthenticated):
    code = "API_KEY_MISSING"
    meaning = "The request carries no API key."


class InvalidKey(Unauthenticated):
    code = "INVALID_API_KEY"
    meaning = "The API key is not one of this service's, or two different ones were sent."


class WrongKey(InvalidKey):
    """The key has the form and checksum of a key, but this service has not issued it."""


class KeyExpired(Unauthenticated):
    code = "API_KEY_EXPIRED"
    meaning = "The key was right, and has expired."


class KeyRevoked(Unauthenticated):
    code = "API_KEY_REVOKED"
    meaning = "The key was right, and was revoked."


class KeyDisabled(Unauthenticated):
    code = "API_KEY_DISABLED"
    meaning = "The key was right, and is switched off for now."


class AddressNotAllowed(Unauthenticated):
    code = "IP_NOT_ALLOWED"
    meaning = "The key was right, and may not be used from this address."


class RateLimitExceeded(Limited):
    code = "RATE_LIMIT_EXCEEDED"
    meaning = "The key's rate is used up; `Retry-After` says for how many seconds."


class QuotaExceeded(Limited):
    code = "QUOTA_EXCEEDED"
    meaning = "The key's quota of the day or the month is used up; `Retry-After` says for how many seconds."


class TooManyFailures(Limited):
    code = "TOO_MANY_FAILURES"
    meaning = "Too many wrong keys or passwords came from this address."


class LimiterUnavailable(Unavailable):
    code = "LIMITER_UNAVAILABLE"
    meaning = "The limiter's counters cannot be reached, and this key is not admitted without them."
