"""Python types as the form of an answer."""

from dataclasses import dataclass
from typing import Annotated, cast

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from farthing.errors import InvalidTaskError
from farthing.prompt.outputs import Misfit, Typed, format_of, value_of


class City(BaseModel):
    name: str
    people: Annotated[int, Field(ge=0)] = 0

    @field_validator("name")
    @classmethod
    def not_lower(cls, name: str) -> str:
        if name.islower():
            raise ValueError("a city is written with a capital")
        return name


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    where: "Place"


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")
    latitude: float


class Tree(BaseModel):
    children: list["Tree"]


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(("wanted", "strict"), [(City, False), (Strict, True), (Point, False), (Tree, False)])
def test_a_type_asks_for_its_schema(wanted: type, strict: bool) -> None:
    asked = format_of(wanted)
    inner = cast("dict[str, object]", asked["json_schema"])
    assert (asked["type"], inner["name"], inner["strict"]) == ("json_schema", wanted.__name__, strict)


@pytest.mark.parametrize("wanted", [int, list[str], str | int, object(), complex])
def test_a_type_that_is_no_object_is_refused(wanted: object) -> None:
    with pytest.raises(InvalidTaskError, match="output_type"):
        format_of(wanted)


def test_an_answer_becomes_a_value() -> None:
    assert value_of(City, '{"name": "Bern", "people": 134000}') == Typed(City(name="Bern", people=134_000))
    assert value_of(Point, '{"x": 3}') == Typed(Point(3))


def test_a_types_own_validators_judge_and_say_why() -> None:
    assert value_of(City, '{"name": "bern"}') == Misfit("name: Value error, a city is written with a capital")
    assert value_of(City, '{"people": 1}') == Misfit("name: Field required")
