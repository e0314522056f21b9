"""The request for a candidate: what of it may be clamped."""

import pytest

from farthing.config.load import load_catalog, load_config
from farthing.fit import PLAIN, Fitted, fit
from farthing.result import Candidate
from farthing.spend.reservation import ProviderMemo
from farthing.task import Task, Tool

TOOL = Tool(name="look", description="Looks.", parameters={"type": "object"})
LLAMA = "meta-llama/llama-3.3-70b-instruct"


@pytest.mark.parametrize(("choice", "clampable"), [(None, False), ("required", False), ("none", True)])
def test_an_answer_that_may_use_no_tool_may_be_clamped(choice: object, clampable: bool) -> None:
    candidate = Candidate(model=LLAMA, slot="primary", reason="", expected_cost=None, quality=None)
    fitted = fit(
        Task(description="Look.", tools=(TOOL,), tool_choice=choice),
        candidate,
        PLAIN,
        config=load_config("balanced", environ={}),
        catalog=load_catalog(),
        preferences=ProviderMemo(),
    )
    assert isinstance(fitted, Fitted)
    assert (fitted.worst.floor < fitted.worst.worst) is clampable
