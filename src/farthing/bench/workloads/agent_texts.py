"""What the scripted agents are told, what they ask of tools, and the facts that are planted. Data only."""

from random import Random
from typing import NamedTuple

from farthing.task import Tool


class Fact(NamedTuple):
    """A fact told in passing, and a question for it that shares few of its words."""

    told: str
    asked: str
    kind: str
    """`number`, `name` or `code`: what its value is."""

    def value(self, rng: Random) -> str:
        if self.kind == "number":
            return f"{rng.randint(11, 97)}{rng.randint(10, 99)}"
        if self.kind == "name":
            return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
        return f"{rng.choice('KLMNP')}{rng.choice('RSTVW')}-{rng.randint(100, 999)}"


class Step(NamedTuple):
    """One turn of a session."""

    request: str
    tool: str
    arguments: str
    answer: str


_FIRST = ("Ragna", "Tobias", "Ines", "Mattis", "Oda", "Pavel", "Selma", "Joris")
_LAST = ("Hallberg", "Quist", "Moreau", "Lindahl", "Varga", "Okafor", "Brandt", "Sato")

SYSTEM = """\
You are a planner who keeps the service {service} healthy. You work in steps, and each step ends with a short
report to the person who asked.
Use the tools; never guess what they would say. Read a file before you speak of its contents. Quote numbers
exactly as they were given. When two readings differ, the later one holds. Say what you did not check.
Do not restart anything, do not change data, and do not write to customers: propose it, and wait for a yes.
If somebody tells you a fact in passing, remember it: they will not say it twice.
Reports have at most six sentences. The first one answers the question. Names of people stay as they are
written. Amounts are in euro unless another currency is named."""

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="read_file",
        description="The contents of one file of the service's repository, as it is now.",
        parameters={
            "type": "object",
            "properties": {"path": {"type": "string", "description": "From the repository's root."}},
            "required": ["path"],
            "additionalProperties": False,
        },
    ),
    Tool(
        name="read_log",
        description="The last lines of the service's log that contain a word.",
        parameters={
            "type": "object",
            "properties": {
                "word": {"type": "string"},
                "lines": {"type": "integer", "minimum": 1, "maximum": 200},
            },
            "required": ["word", "lines"],
            "additionalProperties": False,
        },
    ),
    Tool(
        name="query_orders",
        description="Orders of the last days with their state and sums, as JSON records, newest first.",
        parameters={
            "type": "object",
            "properties": {
                "state": {"type": "string", "enum": ["open", "paid", "sent", "stuck"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 30},
            },
            "required": ["state", "days"],
            "additionalProperties": False,
        },
    ),
    Tool(
        name="list_hosts",
        description="The machines that run the service, with their load and free memory.",
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
    ),
)

STEPS: tuple[Step, ...] = (
    Step(
        "Look at the settings of {service} and tell me whether the pool is large enough.",
        "read_file",
        '{"path": "SERVICE/settings.toml"}',
        "The pool is set as the file says; the line that matters is {found}. It is tight but holds.",
    ),
    Step(
        "Customers say that some orders do not move. Find out which.",
        "query_orders",
        '{"state": "stuck", "days": 7}',
        "Order {found} has been stuck the longest. The others began to wait after it.",
    ),
    Step(
        "See what the log of {service} says about timeouts.",
        "read_log",
        '{"word": "timeout", "lines": 60}',
        "The first line that differs from the rest is the one with {found}; the others repeat each other.",
    ),
    Step(
        "I have changed the settings. Read them again and say what is different.",
        "read_file",
        '{"path": "SERVICE/settings.toml"}',
        "What is there now is {found}. The earlier reading does not hold any more.",
    ),
    Step(
        "Which machine should we look at first?",
        "list_hosts",
        "{}",
        "The machine to look at is {found}: its load is the highest of all.",
    ),
    Step(
        "One more look at the log, for refused connections this time.",
        "read_log",
        '{"word": "refused", "lines": 60}',
        "They are all alike but for {found}, which came first.",
    ),
    Step(
        "The settings were changed once more. What do they say now?",
        "read_file",
        '{"path": "SERVICE/settings.toml"}',
        "Now it is {found}, and the two earlier readings are history.",
    ),
    Step(
        "Show me the orders that are paid and not sent, and name the one that should go first.",
        "query_orders",
        '{"state": "paid", "days": 3}',
        "Order {found} should go first, since it has waited longest.",
    ),
)

FACTS: tuple[Fact, ...] = (
    Fact(
        "By the way, the staging database listens on port {value}.",
        "And where do I connect to reach the copy we test on?",
        "number",
    ),
    Fact(
        "{value} is on call this week, in case you need somebody.",
        "Whom do I wake if this gets worse tonight?",
        "name",
    ),
    Fact(
        "The change was approved under ticket {value}.",
        "Under which reference did they say yes to it?",
        "code",
    ),
    Fact(
        "We promised the auditors {value} days of history.",
        "How long are we bound to keep records, for those who check us?",
        "number",
    ),
    Fact(
        "The contract with the carrier is signed by {value}.",
        "Who put their name to the agreement on transport?",
        "name",
    ),
    Fact(
        "Our spare machine stands in rack {value}.",
        "Where in the room is the one that nobody uses yet?",
        "code",
    ),
    Fact(
        "Finance will not accept more than {value} euro for this quarter.",
        "What is the ceiling on money for these three months?",
        "number",
    ),
    Fact(
        "The last outage was written up by {value}.",
        "Whose report on the previous failure should I read?",
        "name",
    ),
    Fact(
        "The licence of the scanner has the key {value}.",
        "Which words unlock the device that reads labels?",
        "code",
    ),
    Fact(
        "We agreed that a reply may take {value} milliseconds at most.",
        "How slow may an answer be, as we settled it?",
        "number",
    ),
)
