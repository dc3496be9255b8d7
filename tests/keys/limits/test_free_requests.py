from uuid import uuid4

from django.test import RequestFactory

from keys.errors import RateLimitExceeded
from keys.limits.free import FREE_A_SECOND, count_free


def traceback_length(error: BaseException) -> int:
    length, traceback = 0, error.__traceback__
    while traceback is not None:
        length, traceback = length + 1, traceback.tb_next
    return length


def test_each_refusal_is_an_error_of_its_own() -> None:
    request, key_id = RequestFactory().get("/api/keys/me"), uuid4()
    refusals = []
    for _ in range(4 * FREE_A_SECOND):  # a second may end meanwhile, and the next begin with none counted
        try:
            count_free(request, key_id)
        except RateLimitExceeded as error:
            refusals.append(error)
    assert len(refusals) >= 2
    assert {error.retry_after for error in refusals} == {1}
    assert len({traceback_length(error) for error in refusals}) == 1, "a shared error would gather frames"
    assert len({id(error) for error in refusals}) == len(refusals)
