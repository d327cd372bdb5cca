"""Ids: any printable text of 1 to 1,024 bytes; joined ones never collide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.errors import InvalidId
from tallies.core.ids import MAX_ID_BYTES, check_id, join_ids, split_ids

# Much of what makes two keys equal by mistake.
awkward = st.text(st.sampled_from("#%235ab"), min_size=1, max_size=8)
texts = st.one_of(awkward, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
lists = st.lists(texts, min_size=1, max_size=4)


@given(lists, lists)
def test_joined_ids_come_apart_and_differ(one: list[str], other: list[str]) -> None:
    assert split_ids(join_ids(*one)) == tuple(one)
    assert (join_ids(*one) == join_ids(*other)) == (one == other)


@given(st.text(max_size=400))
def test_an_id_is_refused_for_its_characters_or_its_length_only(text: str) -> None:
    sound = 0 < len(text.encode(errors="surrogatepass")) <= MAX_ID_BYTES and not any(
        ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text
    )
    if sound:
        assert check_id(text) == text
    else:
        with pytest.raises(InvalidId) as caught:
            check_id(text)
        assert "\n" not in str(caught.value)
        str(caught.value).encode()


@pytest.mark.parametrize(
    "id_",
    [
        "a",
        "#",
        "a/b",
        "%23",
        " ",
        "🍜",
        "👩‍👩‍👧‍👦",  # zero-width joiners are no control characters
        "مطعم",
        "\u3000",
        "\u2028",
        "a" * 1024,
        "é" * 512,
        "🍜" * 256,
    ],
)
def test_any_printable_text_is_an_id(id_: str) -> None:
    assert check_id(id_) == id_


@pytest.mark.parametrize(
    ("id_", "reason"),
    [
        ("", "empty"),
        ("a" * (MAX_ID_BYTES + 1), "1025 bytes"),
        ("é" * 512 + "a", "1025 bytes"),
        ("🍜" * 257, "1028 bytes"),
        ("a\x00b", r"U\+0000"),
        ("a\n", r"U\+000A"),
        ("\x7f", r"U\+007F"),
        ("\x85", r"U\+0085"),
        ("\ud800", r"U\+D800"),
    ],
)
def test_other_ids_are_refused_by_name(id_: str, reason: str) -> None:
    with pytest.raises(InvalidId, match=f"restaurant id.*{reason}"):
        check_id(id_, "restaurant id")
