"""The spellings of a name that are allowed, so that no two different names look the same."""

import re
import unicodedata

from django.core.exceptions import ValidationError

WORD = re.compile(r"[^\W\d_]+")
# Alphabets that have letters of the same shape.
SCRIPTS = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "COPTIC", "CHEROKEE"})
# Letters of Greek and Cyrillic that look like Latin ones (Unicode's confusables.txt).
LOOK_ALIKES = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυχіАВЕЅІЈКМНОРСТУХҮҺԌԚԜаеорсухѕіјһԁԛԝүҽӏν")


def validate_spelling(name: str) -> None:
    """Raises ValidationError for a name that is not in normal form NFC (the shorter of the two spellings of `é`), and
    for a word that mixes alphabets with letters of the same shape, or could be read in either."""
    if not unicodedata.is_normalized("NFC", name):
        raise ValidationError("A name is written in Unicode's normal form NFC.", "not_normalized")
    if name.isascii():
        return
    for word in WORD.findall(name):
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word} & SCRIPTS
        if len(scripts) > 1 or LOOK_ALIKES.issuperset(word):
            text = f"The word {word[:50]!r} mixes alphabets, or could be read as Latin letters, which it is not."
            raise ValidationError(text, "confusable")
