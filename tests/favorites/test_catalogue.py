"""Names of restaurants: read with care, and told where they cannot be."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.errors import InvalidInput
from tallies.favorites.catalogue import Restaurant, read_names


def test_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("restaurant_id,name,cuisine\na,Äpfel & Co,Deli\nb,Bar,\n", "utf-8-sig")
    assert read_names(path) == {
        "a": Restaurant("a", "Äpfel & Co", "Deli"),
        "b": Restaurant("b", "Bar"),
    }
    packed = tmp_path / "names.csv.gz"
    packed.write_bytes(
        gzip.compress(b'restaurant_id,favorites,title\n1,0,"What, where?"\n', mtime=0)
    )
    assert read_names(packed) == {"1": Restaurant("1", "What, where?")}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "first line"),
        (b"id,name\n", "first line"),
        (b"restaurant_id,name\na\n", "line 2"),
        (b"restaurant_id,name\n,x\n", "line 2"),
        (b"restaurant_id,name\na\0,x\n", "U+0000"),
        (b"restaurant_id,name\na,one\nb,two, three\n", "line 3: 3 fields"),
        (b'restaurant_id,name\na,"one\n', "line 2"),
        (b"restaurant_id,name\na,caf\xe9\n", "line 2: the text is not in UTF-8"),
        (b"restaurant_id,name\na," + b"n" * 501, "longer than 500"),
        (b"restaurant_id,name\na," + b"n" * 200_000, "longer than 65,536"),
        (b"restaurant_id,name\n" + b"a" * 1025 + b",x\n", "line 2: The restaurant_id has 1025"),
        (b"\xff\xfe\x00", "UTF-16"),
        (gzip.compress(b"restaurant_id,name\na,one\n", mtime=0)[:-9], "gzip"),
        (b"\x1f\x8b\x08torn", "gzip"),
    ],
)
def test_names_that_cannot_be_read(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        read_names(path)
    assert words in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        read_names(tmp_path / "nowhere.csv")
    with pytest.raises(InvalidInput, match="directory"):
        read_names(tmp_path)


def test_a_name_may_stand_over_lines_and_the_last_of_an_id_counts(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text('title,restaurant_id,name\nx,a,old\n\ny,a,"The\n  Crooked\tFork"\n')
    assert read_names(path) == {"a": Restaurant("a", "The Crooked Fork")}


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@given(st.dictionaries(texts, st.tuples(texts, texts)), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_all_names_come_back_tidied(
    tmp_path: Path, named: dict[str, tuple[str, str]], packed: bool
) -> None:
    named = {id_: parts for id_, parts in named.items() if parts[0].split()}
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("cuisine", "restaurant_id", "name"))
    rows.writerows((cuisine, id_, name) for id_, (name, cuisine) in named.items())
    content = text.getvalue().encode()
    path = tmp_path / "names.csv"
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    assert read_names(path) == {
        id_: Restaurant(id_, " ".join(name.split()), " ".join(cuisine.split()) or None)
        for id_, (name, cuisine) in named.items()
    }
