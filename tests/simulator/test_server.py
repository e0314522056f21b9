"""The wire shapes of OpenRouter, endpoint by endpoint."""

import re
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from tests.simulator.conftest import Opener, at

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


async def test_a_plain_reply_has_openrouters_shape(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        reply = await caller.chat()
    assert (reply.status, reply.headers["X-Farthing-Simulated"]) == (200, "1")
    assert reply.json["id"] == reply.headers["X-Generation-Id"]
    assert (reply.json["model"], reply.json["object"]) == ("acme/plain", "chat.completion")
    assert at(reply.json, "choices", 0, "finish_reason") == "stop"
    assert str(at(reply.json, "choices", 0, "message", "content")).startswith("[simulated]")
    usage = at(reply.json, "usage")
    expected = Decimal("0.00000015") * Decimal(str(at(usage, "prompt_tokens")))
    expected += Decimal("0.0000006") * Decimal(str(at(usage, "completion_tokens")))
    assert at(usage, "cost") == expected


async def test_a_stream_ends_with_finish_then_usage_then_done(open_simulator: Opener) -> None:
    shapes: set[int] = set()
    comments = 0
    async with open_simulator() as caller:
        for _ in range(12):
            reply = await caller.chat(stream=True)
            assert reply.headers["Content-Type"] == "text/event-stream"
            assert reply.body.endswith(b"data: [DONE]\n\n")
            *pieces, finish, usage = reply.events
            assert {at(piece, "choices", 0, "finish_reason") for piece in pieces} == {None}
            assert at(finish, "choices", 0, "finish_reason") == "stop"
            assert at(usage, "usage", "cost") is not None
            assert at(usage, "choices", 0, "finish_reason") is None
            shapes.add(len(msgspec.convert(usage["choices"], list[object])))
            comments += reply.body.count(b": OPENROUTER PROCESSING")
    assert shapes == {0, 1}
    assert comments > 0


async def test_max_tokens_is_honoured(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        for bound in (1, 5, 20):
            reply = await caller.chat(max_tokens=bound)
            assert at(reply.json, "choices", 0, "finish_reason") == "length"
            assert at(reply.json, "usage", "completion_tokens") == bound


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{no json", 400, "JSON"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', 400, "model"),
        (b'{"model": "acme/plain"}', 400, "messages"),
        (b'{"model": "acme/plain", "messages": []}', 400, "messages"),
        (b'{"model": "acme/plain", "messages": "x"}', 400, "messages"),
        (b'{"model": "acme/nothing", "messages": [{"role": "user", "content": "x"}]}', 404, "acme/nothing"),
    ],
)
async def test_wrong_requests_are_refused(
    open_simulator: Opener, body: bytes, status: int, word: str
) -> None:
    async with open_simulator() as caller:
        reply = await caller.call("POST", "/chat/completions", body)
        assert reply.status == status
        assert at(reply.json, "error", "code") == status
        assert word in str(at(reply.json, "error", "message"))
        assert caller.simulator.bill()["count"] == 0


async def test_context_length_and_price_ceilings(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        long = await caller.chat(messages=[{"role": "user", "content": "word " * 40_000}])
        assert (long.status, at(long.json, "error", "metadata", "error_type")) == (
            400,
            "context_length_exceeded",
        )
        dear = await caller.chat(provider={"max_price": {"prompt": 0.14, "completion": 0.6}})
        assert (dear.status, at(dear.json, "error", "availability", "code")) == (404, "constraint_filtered")
        fitting = await caller.chat(provider={"max_price": {"prompt": 0.15, "completion": "0.6"}})
        assert fitting.status == 200
        free = await caller.chat(
            model="acme/free:free", provider={"max_price": {"prompt": 0, "completion": 0}}
        )
        assert (free.status, at(free.json, "usage", "cost")) == (200, 0)


async def test_a_models_list_falls_through(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        reply = await caller.chat(model=None, models=["acme/nothing", "acme/plain"])
    assert reply.json["model"] == "acme/plain"


async def test_variants_and_slugs_find_their_row(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        for name in ("acme/plain:floor", "acme/plain-2026"):
            assert (await caller.chat(model=name)).json["model"] == "acme/plain"


async def test_keys_are_checked(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        for key in ("", "sk-other", "sk-or-x-invalid"):
            caller.key = key
            assert (await caller.chat()).status == 401
            assert (await caller.call("GET", "/key")).status == 401
            assert (await caller.call("GET", "/models")).status == 200


async def test_free_models_have_limits(open_simulator: Opener) -> None:
    async with open_simulator({"free_per_minute": 2, "free_per_day": 3}) as caller:
        statuses = [(await caller.chat(model="acme/free:free")).status for _ in range(2)]
        refused = await caller.chat(model="acme/free:free")
        assert (*statuses, refused.status) == (200, 200, 429)
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert 0 < int(refused.headers["Retry-After"]) <= 61
        key = (await caller.call("GET", "/key")).json
        assert at(key, "data", "free_model_daily_requests") == {"used": 2, "limit": 3, "remaining": 1}
        assert "X-RateLimit-Remaining" not in (await caller.chat()).headers


async def test_models_are_paged(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        first = await caller.call("GET", "/models?limit=2")
        assert (len(msgspec.convert(first.json["data"], list[object])), first.json["total_count"]) == (2, 3)
        following = str(at(first.json, "links", "next"))
        last = await caller.call("GET", following, root="")
        assert at(last.json, "data", 0, "id") == "acme/free:free"
        assert at(last.json, "links", "next") is None
        assert at(first.json, "data", 0, "pricing", "prompt") == "0.00000015"
        ends = await caller.call("GET", "/models/acme/plain/endpoints")
        assert at(ends.json, "data", "endpoints", 0, "pricing", "completion") == "0.0000006"
        assert (await caller.call("GET", "/models/acme/nothing/endpoints")).status == 404


async def test_a_generation_is_known_after_its_lag(open_simulator: Opener) -> None:
    async with open_simulator({"generation_lag_polls": 2, "missing_cost_rate": 1.0}) as caller:
        reply = await caller.chat()
        assert "cost" not in msgspec.convert(reply.json["usage"], dict[str, object])
        path = f"/generation?id={reply.json['id']}"
        looks = [await caller.call("GET", path) for _ in range(3)]
        assert [look.status for look in looks] == [404, 404, 200]
        data = looks[2].json
        assert at(data, "data", "native_tokens_prompt") == at(reply.json, "usage", "prompt_tokens")
        assert Decimal(str(at(data, "data", "total_cost"))) == Decimal(str(caller.simulator.bill()["total"]))


async def test_credits_and_activity_add_up_to_the_bill(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        for model in ("acme/plain", "acme/tiered", "acme/plain"):
            await caller.chat(model=model)
        total = Decimal(str(caller.simulator.bill()["total"]))
        used = (await caller.call("GET", "/credits")).json
        days = msgspec.convert((await caller.call("GET", "/activity")).json["data"], list[dict[str, object]])
    assert at(used, "data", "total_usage") == total
    assert sum(Decimal(str(day["usage"])) for day in days) == total
    assert sorted(str(day["requests"]) for day in days) == ["1", "2"]


async def test_the_bill_is_the_sum_of_its_rows_and_of_what_was_reported(open_simulator: Opener) -> None:
    reported = Decimal(0)
    async with open_simulator({"missing_cost_rate": 0.3}) as caller:
        for number in range(60):
            reply = await caller.chat(
                model="acme/tiered",
                session_id=f"session-{number % 4}",
                messages=[{"role": "user", "content": f"Explain {number % 4}. " * (number * 20)}],
            )
            reported += Decimal(str(at(reply.json, "usage", "cost") or 0))
        bill = caller.simulator.bill()
    rows = msgspec.convert(bill["rows"], list[dict[str, object]])
    expected = Fraction(0)
    for row in rows:
        prompt, out, cached, written = (
            msgspec.convert(row[f"{name}_tokens"], int)
            for name in ("prompt", "completion", "cached", "cache_write")
        )
        rate = Fraction(6 if prompt > 1000 else 3, 10**6)
        cost = rate * (prompt - cached - written) + Fraction(15, 10**6) * out + Fraction(1, 10**4)
        cost += Fraction(3, 10**7) * cached + Fraction(375, 10**8) * written
        assert Fraction(str(row["cost"])) == cost
        expected += cost
    assert Fraction(str(bill["total"])) == expected
    assert Decimal(str(bill["reported_total"])) == reported
    assert 0 < sum(not row["reported"] for row in rows) < 60
    assert any(row["cached_tokens"] for row in rows)


async def test_requests_and_stats_show_what_came(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        await caller.chat(
            stream=True,
            session_id="s1",
            provider={"max_price": {"prompt": 0.2}},
            messages=[
                {"role": "system", "content": "You are a coder."},
                {"role": "user", "content": "[task:t7] Write it."},
            ],
        )
        entry = caller.simulator.requests()[0]
        shown = (await caller.call("GET", "/requests", root=caller.simulator.control_url)).json
        assert at(shown, "requests", 0, "max_price") == {"prompt": "0.2"}
        stats = caller.simulator.stats()
    wanted = {
        "model": "acme/plain",
        "stream": True,
        "max_tokens": 200,
        "session_id": "s1",
        "role": "coder",
        "task": "t7",
    }
    assert {name: entry[name] for name in wanted} == wanted
    assert (stats["chat_requests"], stats["in_flight"], stats["max_in_flight"]) == (1, 0, 1)


async def test_a_scenario_is_replaced_or_refused(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        control = caller.simulator.control_url
        wrong = await caller.call("POST", "/scenario", b'{"rulez": []}', root=control)
        assert wrong.status == 400
        assert "did you mean 'rules'" in str(at(wrong.json, "error", "message"))
        right = await caller.call("POST", "/scenario", b'{"rules": [{"fault": "overloaded"}]}', root=control)
        assert (right.status, (await caller.chat()).status) == (200, 503)
        await caller.call("POST", "/reset", root=control)
        assert caller.simulator.stats()["chat_requests"] == 0


async def test_a_session_of_one_seed_repeats_and_another_differs(open_simulator: Opener) -> None:
    async def run(seed: int) -> list[bytes]:
        async with open_simulator(
            {"random": {"rate": 0.3, "kinds": ["rate_limit", "cut"]}}, seed=seed
        ) as caller:
            replies = [
                await caller.chat(stream=True, tools=[TOOL] if n % 3 == 0 else None) for n in range(20)
            ]
        return [re.sub(rb'"(created":\d+|id":"gen[^"]*")', b"", reply.body) for reply in replies]

    assert await run(5) == await run(5)
    assert await run(5) != await run(6)


async def test_ignored_providers_do_not_serve(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        ignored = {"ignore": ["Simulated North", "Simulated East"]}
        served = {at((await caller.chat(provider=ignored)).json, "provider") for _ in range(8)}
        assert served == {"Simulated South"}
        nobody = await caller.chat(provider={"ignore": [*ignored["ignore"], "Simulated South"]})
        assert nobody.status == 404
