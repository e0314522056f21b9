"""Trouble on paper: fallback rules, deadlines and provider preferences that never act. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from farthing.catalog.pricing import dearest_rates
from farthing.money import format_usd
from farthing.policies.finding import Finding, Findings, finding, note, says
from farthing.policies.setup import Setup

RULES = {
    "onRateLimit": "on_rate_limit",
    "onError": "on_error",
    "onTimeout": "on_timeout",
    "onInvalidOutput": "on_invalid_output",
}
"""The rules that may lead to another model, and their fields."""
_MILLION = Decimal(1_000_000)


def trouble_findings(setup: Setup) -> Findings:
    """What is to be said of `fallbackRules`, `upstream` and `provider`."""
    yield from _nobody_to_fall_back_to(setup)
    yield from _attempts(setup)
    yield from _waits(setup)
    yield from _streams(setup)
    yield from _deadlines(setup)
    yield from _providers(setup)


def rules_on(setup: Setup) -> list[str]:
    """The fallback rules that are switched on."""
    rules = setup.config.fallback_rules
    return [name for name, field in RULES.items() if getattr(rules, field)]


def _nobody_to_fall_back_to(setup: Setup) -> Findings:
    alone = {kind: candidates[0].model for kind, candidates in setup.kinds().items() if len(candidates) == 1}
    on = rules_on(setup)
    if not alone or not on:
        return
    rules = "".join(f"fallbackRules.{on[0]}" if len(on) == 1 else "fallbackRules")
    whom = ", ".join(sorted(set(alone.values())))
    told = f"{', '.join(on)} cannot lead to another model: {whom} is the only candidate"
    kinds = "every task" if len(alone) == len(setup.kinds()) else f"{', '.join(alone)} tasks"
    yield finding(rules, f"{told} of {kinds}", "fill models.fallback with another model")


def _attempts(setup: Setup) -> Findings:
    rules, on = setup.config.fallback_rules, rules_on(setup)
    if rules.max_retries == 0 and on:
        told = f"is 0: a task ends with its first attempt, and {', '.join(on)} never act in it"
        yield finding("fallbackRules.maxRetries", told, "set it to 1 or more, or the rules to false")
    if not on and len(setup.slots) > 1:
        told = "all rules are false: a failure leads to no other model, only a rest or a refused budget does"
        yield note("fallbackRules", told)
    if not says(setup.config, "fallback_rules", "retry_budget"):
        return
    if rules.retry_budget == 0:
        told = "is 0: after the first ten retries of a deployment none is made"
        yield note("fallbackRules.retryBudget", told)
    elif rules.retry_budget >= rules.max_retries > 0:
        told = f"can never be spent: a task adds {rules.retry_budget:g} and makes at most {rules.max_retries}"
        yield finding("fallbackRules.retryBudget", told, "set it below maxRetries, or leave it out")


def _waits(setup: Setup) -> Findings:
    rules, total_s = setup.config.fallback_rules, setup.config.upstream.total_timeout
    delay_s = rules.retry_delay / 1000
    if delay_s >= total_s and rules.max_retries > 0:
        chance = total_s / delay_s
        told = f"{delay_s:g} s is not below upstream.totalTimeout, {total_s:g} s: a retry is begun only where"
        told += f" chance draws less than {chance:.0%} of it"
        yield finding("fallbackRules.retryDelay", told, "lower it, or raise upstream.totalTimeout")


def _streams(setup: Setup) -> Findings:
    rules, streams = setup.config.fallback_rules, setup.config.upstream.stream
    if rules.on_broken_stream != "continue":
        return
    path, remedy = "fallbackRules.onBrokenStream", "set it to error, or mend the other setting"
    if not streams:
        told = "continue never acts: with upstream.stream false no text comes before the answer is whole"
        yield finding(path, told, remedy)
    elif rules.max_retries == 0:
        yield finding(path, "continue never acts: maxRetries 0 allows no further attempt", remedy)


def _deadlines(setup: Setup) -> Findings:
    upstream = setup.config.upstream
    held = {
        "connectTimeout": ("connect_timeout", upstream.connect_timeout),
        "firstTokenTimeout": ("first_token_timeout", upstream.first_token_timeout),
        "betweenTokensTimeout": ("between_tokens_timeout", upstream.between_tokens_timeout),
    }
    total = says(setup.config, "upstream", "total_timeout")
    for name, (field, seconds) in held.items():
        path, stated = f"upstream.{name}", says(setup.config, "upstream", field)
        if not upstream.stream and name != "connectTimeout":
            if stated:
                told = "is never looked at: it holds for streams, and upstream.stream is false"
                yield finding(path, told, "leave it out, or set upstream.stream to true")
        elif seconds >= upstream.total_timeout and (stated or total):
            told = f"{seconds:g} s is not below upstream.totalTimeout, {upstream.total_timeout:g} s: the task"
            told += " ends first, and no other model is asked"
            yield finding(path, told, f"set it well below {upstream.total_timeout:g}")
    if not upstream.stream and setup.config.fallback_rules.on_timeout:
        told = "acts only when upstream itself reports a timeout: with upstream.stream false a silent model"
        yield note("fallbackRules.onTimeout", f"{told} takes the whole task's time")


def _providers(setup: Setup) -> Findings:
    wished = setup.config.provider
    both = set(wished.only or ()) & set(wished.ignore or ())
    if wished.only and both == set(wished.only):
        told = "every provider in it is in provider.ignore too: nobody may serve a call"
        yield finding("provider.only", told, "take the providers out of one of the two")
    elif both:
        told = f"{', '.join(sorted(both))} never serves: provider.ignore names it too"
        yield finding("provider.only", told, "take it out of one of the two")
    yield from _price_ceilings(setup)


def _price_ceilings(setup: Setup) -> Iterator[Finding]:
    """`provider.maxPrice` against what the candidates cost: upstream refuses whoever is dearer."""
    wished = setup.config.provider.max_price
    if wished is None:
        return
    for kind, most in (("prompt", wished.prompt), ("completion", wished.completion)):
        rates = {
            filled.id: getattr(dearest_rates(filled.price), kind) * _MILLION
            for filled in setup.slots
            if filled.price is not None and setup.at_main(filled.id)
        }
        if most is None or not rates:
            continue
        path = f"provider.maxPrice.{kind}"
        dearer = [name for name, rate in rates.items() if rate > most]
        if len(dearer) == len(rates):
            told = f"{format_usd(most)} is below every model's rate: upstream refuses all of them"
            yield finding(path, told, f"set it to {format_usd(min(rates.values()))} or more")
        elif dearer:
            told = f"{', '.join(dearer)} is dearer than {format_usd(most)}: upstream refuses it"
            yield finding(path, told, "raise it, or take the model out of its slot")
        else:
            yield note(path, f"{format_usd(most)} excludes nobody: each call is held to its own price anyway")
