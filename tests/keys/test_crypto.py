"""The form of a key."""

from hypothesis import given
from hypothesis import strategies as st

from keys.crypto import ALPHABET, FORM, KeyGenerator, checksum, prefix_of


def test_generated_key_has_the_documented_form() -> None:
    key, prefix, hashed = KeyGenerator().generate()

    assert FORM.fullmatch(key)
    assert prefix_of(key) == prefix
    assert KeyGenerator().verify(key, hashed)
    assert len(key.partition(".")[2]) == 38


def test_generated_keys_differ() -> None:
    assert len({KeyGenerator().generate()[0] for _ in range(1000)}) == 1000


letters = st.sampled_from(ALPHABET)


@given(st.text(letters, min_size=8, max_size=8), st.text(letters, min_size=32, max_size=32), st.data())
def test_one_wrong_character_is_always_noticed(prefix: str, secret: str, data: st.DataObject) -> None:
    body = f"mcp_{prefix}.{secret}"
    key = body + checksum(body)
    position = data.draw(st.integers(4, len(key) - 1).filter(lambda at: key[at] != "."))
    other = data.draw(letters.filter(lambda letter: letter != key[position]))

    assert prefix_of(key) == prefix
    assert prefix_of(key[:position] + other + key[position + 1 :]) is None


@given(st.text(max_size=100))
def test_text_is_no_key(text: str) -> None:
    assert prefix_of(text) is None
