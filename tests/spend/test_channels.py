"""Webhooks and Apprise over real HTTP on loopback; what they say of an address."""

import hashlib
import hmac
import json
import logging
from decimal import Decimal

import pytest
from tests.spend.receiver import receiving

from farthing.config.alerting import Alerts
from farthing.errors import ConfigError
from farthing.spend.alerts import Alert, Message
from farthing.spend.budget import AccountKey
from farthing.spend.channels import AppriseTarget, Failed, Taken, Webhook, open_channels

ALERT = Alert(AccountKey("deployment", "month:2026-11"), "critical", 10**9, 960_000_000)
MESSAGE = Message(ALERT, simulated=False)


async def test_a_webhook_gets_json_that_is_signed() -> None:
    async with receiving() as receiver:
        hook = Webhook(f"{receiver.url}/hook?token=1", secret="sesame")
        assert await hook.send(MESSAGE) == Taken(said="it answered 204")
    (got,) = receiver.deliveries
    assert got.path == "/hook?token=1"
    digest = hmac.new(b"sesame", got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-farthing-signature"] == f"sha256={digest}"
    assert got.headers["content-type"] == "application/json"
    told = json.loads(got.body)
    assert (told["version"], told["level"], told["scope"]) == (1, "critical", "deployment")
    assert (Decimal(told["committed_usd"]), told["percent"], told["test"]) == (Decimal("0.96"), "96.0", False)


async def test_without_a_secret_there_is_no_signature() -> None:
    async with receiving() as receiver:
        assert isinstance(await Webhook(receiver.url, secret=None).send(MESSAGE), Taken)
    assert "x-farthing-signature" not in receiver.deliveries[0].headers


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (503, Failed(why="it answered 503")),
        (429, Failed(why="it answered 429")),
        (404, Failed(why="it answered 404", final=True)),
        (302, Failed(why="it answered 302; redirects are not followed", final=True)),
    ],
)
async def test_an_answer_says_whether_another_try_is_worth_it(status: int, answer: Failed) -> None:
    async with receiving(status) as receiver:
        assert await Webhook(receiver.url, secret="s").send(MESSAGE) == answer
    assert len(receiver.deliveries) == 1


async def test_no_word_of_a_failure_repeats_the_address() -> None:
    hook = Webhook("http://user:SECRET@127.0.0.1:9/SECRET?token=SECRET", secret="SECRET")
    answer = await hook.send(MESSAGE)
    assert isinstance(answer, Failed)
    assert not answer.final
    assert "SECRET" not in f"{answer} {hook.name}"
    assert hook.name == "webhook 127.0.0.1"


async def test_an_apprise_url_is_sent_to_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving(200, 500) as receiver:
        address = receiver.url.replace("http://", "json://")
        target = AppriseTarget(f"{address}/SECRET", number=0)
        assert target.name == "apprise json"
        assert await target.send(MESSAGE) == Taken(said="Apprise sent it")
        assert await target.send(MESSAGE) == Failed(why="Apprise could not send it")
    told = json.loads(receiver.deliveries[0].body)
    assert told["title"] == "Farthing"
    assert told["message"] == MESSAGE.text
    assert told["type"] == "failure"
    assert "SECRET" not in caplog.text


def test_an_apprise_url_of_no_service_is_refused_without_its_secret() -> None:
    with pytest.raises(ConfigError) as refused:
        open_channels(Alerts.model_validate({"apprise": ["nosuch://SECRET@host"]}))
    assert "alerts.apprise[0]" in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_channels_are_opened_in_the_order_of_the_configuration() -> None:
    alerts = Alerts.model_validate(
        {"webhooks": ["http://one.example/x", "https://two.example"], "apprise": ["json://three.example"]}
    )
    assert [channel.name for channel in open_channels(alerts)] == [
        "webhook one.example",
        "webhook two.example",
        "apprise json",
    ]
    assert open_channels(Alerts()) == ()
