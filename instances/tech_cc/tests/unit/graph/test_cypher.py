"""No input becomes a part of a query."""

import pytest

from src.graph.cypher import FOLDER, PLACE, cypher


@pytest.mark.parametrize("name", ["a`) DETACH DELETE n //", "a b", "", "1a", "a-b", "ä", "a\n", "a" * 200])
def test_a_name_with_other_characters_than_letters_digits_and_underscore_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name in the graph"):
        cypher("get_node", type=name)


def test_every_query_names_its_places_and_has_no_place_left() -> None:
    for path in FOLDER.glob("*.cypher"):
        names = dict.fromkeys(PLACE.findall(path.read_text()), "Name")
        assert not PLACE.search(cypher(path.stem, **names)), path.name
