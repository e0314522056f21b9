"""A model that is gone is replaced by its dated successor, announced; nothing else moves."""

from datetime import date
from decimal import Decimal

from farthing.catalog.models import Catalog, Model, Successor
from farthing.catalog.pricing import Price, PriceBook, Rates
from farthing.catalog.successors import Gone, Present, Replaced, Unknown, replace_gone, standing
from farthing.config.load import load_catalog, load_config
from farthing.config.schema import DeploymentConfig

TODAY = date(2026, 11, 23)


def gone(name: str, successor: str | None, since: date = date(2026, 1, 1)) -> Model:
    then = Successor(model=successor, since=since) if successor else None
    return Model(id=name, name=name, successor=then, listed=False)


def catalog(*models: Model, free: frozenset[str] = frozenset()) -> Catalog:
    prices = {
        model.id: Price(
            model=model.id,
            book="b",
            rates=Rates(prompt=Decimal(model.id not in free), completion=Decimal(model.id not in free)),
        )
        for model in models
        if model.listed
    }
    book = PriceBook(id="b", day=TODAY, source="test", prices=prices)
    return Catalog(models={model.id: model for model in models}, prices=book)


NEW = Model(id="new", name="New")


def config(model: str, *, successor: bool = True) -> DeploymentConfig:
    return DeploymentConfig.model_validate({"models": {"primary": {"model": model, "successor": successor}}})


def test_a_listed_model_stays() -> None:
    assert standing(catalog(NEW), "new", TODAY) == Present(model=NEW)
    before = config("new")
    assert replace_gone(before, catalog(NEW), TODAY) == (before, ())


def test_a_gone_model_is_replaced_along_the_chain() -> None:
    old, middle = gone("old", "middle"), gone("middle", "new", date(2026, 5, 1))
    found = standing(catalog(old, middle, NEW), "old", TODAY)
    assert found == Replaced(model=old, by=NEW, since=date(2026, 5, 1))
    after, notices = replace_gone(config("old"), catalog(old, middle, NEW), TODAY)
    assert after.models.primary.model == "new"
    assert [notice.code for notice in notices] == ["successor"]
    assert "old is gone; new stands in" in notices[0].text


def test_an_expired_model_is_gone_from_that_day_on() -> None:
    ending = Model(id="e", name="E", successor=Successor(model="new", since=TODAY), expires=TODAY)
    assert isinstance(standing(catalog(ending, NEW), "e", date(2026, 11, 22)), Present)
    assert isinstance(standing(catalog(ending, NEW), "e", TODAY), Replaced)


def test_what_cannot_stand_in_does_not() -> None:
    cases = {
        "names no successor": catalog(gone("old", None)),
        "only from 2027": catalog(gone("old", "new", date(2027, 1, 1)), NEW),
        "not in the catalogue": catalog(gone("old", "elsewhere")),
    }
    for reason, known in cases.items():
        found = standing(known, "old", TODAY)
        assert isinstance(found, Gone)
        assert reason in found.reason
        after, notices = replace_gone(config("old"), known, TODAY)
        assert after.models.primary.model == "old"
        assert [notice.code for notice in notices] == ["model_gone"]


def test_a_circle_of_successors_ends() -> None:
    assert isinstance(standing(catalog(gone("a", "b"), gone("b", "a")), "a", TODAY), Gone)


def test_a_free_model_is_never_replaced_by_a_paid_one() -> None:
    old = gone("old:free", "new")
    assert isinstance(standing(catalog(old, NEW), "old:free", TODAY), Gone)
    assert isinstance(standing(catalog(old, NEW, free=frozenset({"new"})), "old:free", TODAY), Replaced)


def test_a_slot_may_refuse_its_successor() -> None:
    before = config("old", successor=False)
    after, notices = replace_gone(before, catalog(gone("old", "new"), NEW), TODAY)
    assert after == before
    assert [notice.code for notice in notices] == ["model_gone"]


def test_an_unknown_model_stays_and_its_score_is_said_to_be_unknown() -> None:
    assert standing(catalog(NEW), "x/y", TODAY) == Unknown(name="x/y")
    after, notices = replace_gone(config("x/y"), catalog(NEW), TODAY)
    assert after.models.primary.model == "x/y"
    assert [notice.code for notice in notices] == ["unknown_model"]


def test_on_the_snapshot_only_the_free_model_of_budget_is_replaced() -> None:
    snapshot = load_catalog()
    after, notices = replace_gone(load_config("budget", environ={}), snapshot, TODAY)
    assert after.models.fallback is not None
    assert after.models.fallback.model == "google/gemma-4-26b-a4b-it:free"
    assert [notice.code for notice in notices] == ["successor"]
    for name in ("balanced", "premium", "production"):
        assert replace_gone(load_config(name, environ={}), snapshot, TODAY)[1] == ()


def test_every_curated_successor_is_in_the_snapshot() -> None:
    snapshot = load_catalog()
    for model in snapshot.models.values():
        if model.successor is not None:
            successor = snapshot.find(model.successor.model)
            assert successor is not None
            assert successor.listed, model.id
            assert snapshot.price(successor.id) is not None, model.id
