"""Which tool calls wait for a person's word.

Decides from the tool and `tools.confirm` alone. How a call waits, and who is asked, is the loop's.
"""

from typing import Literal, assert_never

from farthing.task import Tool

Confirm = Literal["effects", "never", "always"]


def needs_approval(tool: Tool, setting: Confirm) -> bool:
    """Whether a call of `tool` waits for an approval.

    Under `effects` it is the tool's own word that counts: built-in tools that write have effects, a server's
    tools unless it calls them read-only, functions of the caller's code only where they say so. A bare schema
    is never run here, so there is nothing to approve.
    """
    if tool.run is None:
        return False
    match setting:
        case "never":
            return False
        case "always":
            return True
        case "effects":
            return tool.effects
        case _:
            assert_never(setting)
