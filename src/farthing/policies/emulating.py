"""Drills of what goes by prompt: tools and forms for models that have none of their own. Pure values."""

from collections.abc import Iterator

from farthing.policies.cast import FORM, TOOL
from farthing.policies.drill import Ask, Drill, Planned, Saw, Scene, Seen, evidence, off, short
from farthing.policies.setup import SHORT, Filled, Setup
from farthing.task import Task


def emulating_drills(setup: Setup) -> Iterator[Planned]:
    """One drill for each slot's model that lacks tools or a response format."""
    reachable = [filled for filled in setup.slots if setup.candidates(_naming(filled))]
    without_tools = [one for one in reachable if one.model is None or not one.model.native_tools]
    without_form = [one for one in reachable if one.model is None or not one.model.native_schema]
    if not without_tools:
        yield off("tools by prompt", "models", None, "every slot's model calls tools itself")
    for filled in without_tools:
        yield _tools(filled)
    if not without_form:
        yield off("forms by prompt", "models", None, "every slot's model takes a response format itself")
    for filled in without_form:
        yield _form(filled)


def _naming(filled: Filled) -> Task:
    return Task(description=SHORT, model=filled.id)


def _tools(filled: Filled) -> Planned:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if told.result is None or not told.result.emulated_tools:
            return Saw(text=text, fault=f"the tools were not told in the prompt: {told.error}")
        if any(one.tools for one in told.asked if one.model == filled.id):
            return Saw(text=text, fault="the tools were sent to a model that has none")
        calls = ", ".join(call.name for call in told.result.tool_calls)
        return Saw(text=f"{text}; calls read: {calls or 'none'}", fault="" if calls else "no call was read")

    return Drill(
        policy="tools by prompt",
        setting=f"models.{filled.slot}",
        value=filled.id,
        provoked=f"a task with a tool for {short(filled.id)}",
        steps=(Scene(), Ask(task=Task(description=SHORT, model=filled.id, tools=(TOOL,)))),
        judge=judge,
        remedy="put a model with native tools into a slot",
    )


def _form(filled: Filled) -> Planned:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if any(one.response_format for one in told.asked if one.model == filled.id):
            return Saw(text=text, fault="the form was sent to a model that takes none")
        if told.result is None or told.result.data is None:
            return Saw(text=text, fault=f"no answer of that form came: {told.error}")
        return Saw(text=f"{text}; the answer fits the schema")

    return Drill(
        policy="forms by prompt",
        setting=f"models.{filled.slot}",
        value=filled.id,
        provoked=f"a task with a JSON Schema for {short(filled.id)}",
        steps=(Scene(), Ask(task=Task(description=SHORT, model=filled.id, response_format=FORM))),
        judge=judge,
        remedy="put a model with a response format into a slot",
    )
