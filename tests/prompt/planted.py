"""Facts to plant in conversations, and questions about them in other words: written before the compressor was.

Each kind has two sets of templates, `tuning` and `held_out`; a conversation uses one set only. `{s}` is the
subject as it is told, `{t}` the same thing in other words, `{v}` the decisive content. Values only.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple


class Templates(NamedTuple):
    """Ways to tell a fact in prose, to ask for it, and to write it in a file (empty: it is in no file)."""

    told: Sequence[str]
    asked: Sequence[str]
    written: Sequence[str] = ()


class Kind(NamedTuple):
    tuning: Templates
    held_out: Templates


SUBJECTS: Sequence[tuple[str, str]] = (
    ("the billing worker", "the thing that charges customers"),
    ("the ingest queue", "the backlog of incoming events"),
    ("the Halden cluster", "our northern machines"),
    ("the search index", "what lookups run against"),
    ("the partner portal", "the site that resellers log into"),
    ("the nightly export", "the dump that runs while we sleep"),
    ("the image resizer", "what makes thumbnails"),
    ("the login page", "the screen where people sign in"),
    ("the mail relay", "what delivers our letters"),
    ("the feature store", "the place our model inputs live"),
    ("the fraud model", "the classifier for stolen cards"),
    ("the mobile client", "the phone app"),
    ("the audit trail", "the record of who changed what"),
    ("the invoice template", "the layout of our bills"),
    ("the Kestrel migration", "moving off the old database"),
    ("the onboarding flow", "the first steps of a new customer"),
    ("the load balancer", "what spreads the traffic"),
    ("the pricing table", "the list of what we charge"),
    ("the status page", "where outages are announced"),
    ("the data retention job", "what deletes old records"),
    ("the webhook sender", "the part that notifies other systems"),
    ("the reporting dashboard", "the charts for management"),
    ("the session cache", "the memory of who is signed in"),
    ("the Orinoco release", "the version planned after this one"),
    ("the translation bundle", "the strings in other languages"),
    ("the backup vault", "where we keep copies for disasters"),
    ("the permission matrix", "the overview of who may do what"),
    ("the chat widget", "the little help window"),
    ("the license server", "what checks the seats that were bought"),
    ("the geocoder", "what turns addresses into coordinates"),
)

KINDS: Mapping[str, Kind] = {
    "number": Kind(
        Templates(
            [
                "{s} takes {v} requests a minute before it starts to shed.",
                "We measured {s}: {v} is its ceiling, then it drops.",
            ],
            ["How much can {t} bear?", "At what rate does {t} give up?"],
            ["max_requests_per_minute = {v}  # {s}"],
        ),
        Templates(
            [
                "Up to {v} concurrent users are fine with {s}, after that it crawls.",
                "{s} was sized for {v} rows, no more than that.",
            ],
            ["What capacity was {t} built for?", "Where is the limit of {t}?"],
            ["capacity: {v}   # sizing of {s}"],
        ),
    ),
    "money": Kind(
        Templates(
            ["Finance gave us {v} for {s}, and that is all there is.", "The quote for {s} came in at {v}."],
            ["What can we spend on {t}?", "How expensive is {t} going to be?"],
            ["approved_amount: {v}   # {s}"],
        ),
        Templates(
            ["{s} costs us {v} each month at present.", "I signed off {v} towards {s} this morning."],
            ["How big is the bill for {t}?", "Which sum was granted for {t}?"],
            ["monthly_charge = {v}  # {s}"],
        ),
    ),
    "person": Kind(
        Templates(
            ["{v} looks after {s} from now on.", "If anything is odd with {s}, ask {v}."],
            ["Who is responsible for {t}?", "Whom should I talk to about {t}?"],
        ),
        Templates(
            ["{s} has moved to {v}, who wrote most of it anyway.", "It was {v} who built {s}."],
            ["Who owns {t}?", "Which colleague knows {t} best?"],
        ),
    ),
    "decision": Kind(
        Templates(
            ["Okay, we go with {v} for {s}.", "After the meeting it is settled: {s} will be on {v}."],
            ["What did we choose for {t}?", "Which technology ended up under {t}?"],
        ),
        Templates(
            [
                "We dropped the other candidates, so {s} gets rewritten in {v}.",
                "{v} won the comparison for {s}.",
            ],
            ["What was the outcome of the evaluation about {t}?", "With what are we building {t}?"],
        ),
    ),
    "preference": Kind(
        Templates(
            ["For anything on {s} I would rather see {v}.", "I like {v} best when you write about {s}."],
            ["How does the user want things presented concerning {t}?", "What style is wanted for {t}?"],
        ),
        Templates(
            [
                "When you report on {s}, please give me {v} instead of the usual.",
                "Personally I can work with {v} for {s}, not with the rest.",
            ],
            ["Which form of output suits the user for {t}?", "In which shape should news of {t} come?"],
        ),
    ),
    "constraint": Kind(
        Templates(
            ["Whatever you do, {s} must not {v}.", "Legal was clear that {s} may never {v}."],
            ["What is forbidden for {t}?", "Which rule do we have to respect with {t}?"],
        ),
        Templates(
            [
                "One thing that is out of the question: letting {s} {v}.",
                "{s} is not allowed to {v}, that is in the contract.",
            ],
            ["What are we prohibited from doing with {t}?", "Is there something {t} has to avoid?"],
        ),
    ),
    "path": Kind(
        Templates(
            ["The settings of {s} are kept in {v}.", "You find {s} under {v}."],
            ["Which file configures {t}?", "Where in the tree is {t}?"],
            ["source_dir: {v}   # {s}"],
        ),
        Templates(
            ["{s} writes everything to {v}.", "I put the notes on {s} into {v}."],
            ["To what location does {t} save?", "Where did the documentation of {t} go?"],
            ["output_path = {v}  # {s}"],
        ),
    ),
    "date": Kind(
        Templates(
            ["{s} has to be finished by {v}.", "The freeze for {s} begins on {v}."],
            ["What is the deadline of {t}?", "When can nothing more be changed in {t}?"],
            ["freeze_from: {v}   # {s}"],
        ),
        Templates(
            ["The customer expects {s} on {v}.", "{s} went live on {v}, by the way."],
            ["On which day is {t} due?", "Since when has {t} been in production?"],
            ["go_live = {v}  # {s}"],
        ),
    ),
    "url": Kind(
        Templates(
            ["The runbook of {s} is at {v}.", "Somebody described {s} on {v}."],
            ["Where can I read how to operate {t}?", "Is there a page about {t}?"],
            ["homepage: {v}   # {s}"],
        ),
        Templates(
            ["{s} answers on {v}.", "For {s} there is a ticket board: {v}."],
            ["What is the address of {t}?", "Where do people file problems with {t}?"],
            ["endpoint = {v}  # {s}"],
        ),
    ),
    "identifier": Kind(
        Templates(
            ["{s} is tracked as {v}.", "The account of {s} has the id {v}."],
            ["Under which number do I find {t} in the tracker?", "What key belongs to {t}?"],
            ["account_id: {v}   # {s}"],
        ),
        Templates(
            ["The last good build of {s} was {v}.", "They filed the trouble with {s} under {v}."],
            ["Which artifact of {t} worked?", "What reference did the complaint on {t} get?"],
            ["pinned_build = {v}  # {s}"],
        ),
    ),
    "version": Kind(
        Templates(
            ["{s} runs {v} and breaks on anything newer.", "We pinned {s} to {v}."],
            ["Which release does {t} need?", "To what is {t} held back?"],
            ["requires: {v}   # {s}"],
        ),
        Templates(
            ["With {v} the crash in {s} is gone.", "{s} still sits on {v}."],
            ["What upgrade cures {t}?", "How old is the software behind {t}?"],
            ["image_tag = {v}  # {s}"],
        ),
    ),
    "duration": Kind(
        Templates(
            ["{s} may be down for {v}, not longer.", "It takes {v} until {s} is warm."],
            ["What outage of {t} is acceptable?", "How long is the start of {t}?"],
            ["timeout: {v}   # {s}"],
        ),
        Templates(
            ["Entries of {s} live for {v}.", "A full run of {s} needs {v} on the old hardware."],
            ["After what time does {t} expire?", "How slow is {t}?"],
            ["keep_for = {v}  # {s}"],
        ),
    ),
    "cause": Kind(
        Templates(
            ["So the trouble with {s} came from {v}.", "{s} failed because of {v}, we know that now."],
            ["Why did {t} break?", "What was behind the incident in {t}?"],
        ),
        Templates(
            ["In the end {v} had brought {s} down.", "What hurt {s} was {v}."],
            ["What explains the outage of {t}?", "What is the root of the problem in {t}?"],
        ),
    ),
    "place": Kind(
        Templates(
            ["{s} is hosted in {v}.", "The hardware of {s} stands in {v}."],
            ["In which city is {t}?", "Where is {t} physically?"],
            ["region: {v}   # {s}"],
        ),
        Templates(
            ["We moved {s} over to {v}.", "The people who run {s} sit in {v}."],
            ["What is the current home of {t}?", "From where is {t} operated?"],
            ["datacenter = {v}  # {s}"],
        ),
    ),
}

_FIRST = [
    "Aurelia",
    "Bastian",
    "Corvin",
    "Delphine",
    "Emeric",
    "Fenna",
    "Gideon",
    "Hedda",
    "Ilias",
    "Jorun",
    "Katrin",
    "Leopold",
    "Mirela",
    "Nuno",
    "Oswin",
    "Petra",
]
_LAST = [
    "Abernathy",
    "Brandvold",
    "Castellane",
    "Dragomir",
    "Eskildsen",
    "Fairweather",
    "Grunewald",
    "Hollister",
    "Ivarsson",
    "Jankowski",
    "Kowalczyk",
    "Lindqvist",
]
_TECH = [
    "ScyllaDB",
    "ClickHouse",
    "Redpanda",
    "Elixir",
    "Zig",
    "DuckDB",
    "Meilisearch",
    "NATS",
    "Temporal",
    "Svelte",
    "Kotlin",
    "Valkey",
    "Typesense",
    "Pulsar",
    "Haskell",
    "Erlang",
]
_STYLE = (
    "tables without any borders",
    "bullet points of one line",
    "plain paragraphs without headings",
    "metric units throughout",
    "the short answer before the details",
    "British spelling",
    "diagrams in ASCII",
    "amounts in Swiss francs",
    "24-hour clock times",
    "first names only",
    "the oldest entries on top",
    "no emoji at all",
    "code with four spaces",
    "links at the very end",
)
_BAN = (
    "store full card numbers",
    "leave the European Union",
    "call the vendor during trading hours",
    "write to the shared bucket",
    "log e-mail addresses",
    "run as root",
    "restart by itself",
    "send anything to minors",
    "bypass the approval of two people",
    "use the customer's own key",
    "touch the legacy schema",
    "accept unsigned uploads",
    "retry more than once",
    "open a port to the internet",
)
_CAUSE = (
    "a full disk on the witness node",
    "an expired intermediate certificate",
    "two clocks that drifted apart",
    "a forgotten cron entry",
    "a comma in the locale file",
    "swapped environment names",
    "a proxy that buffered everything",
    "a missing index on the join",
    "an intern's test script",
    "a firmware bug of the switch",
    "leaked file handles",
    "a race between two deployments",
)
_CITY = [
    "Tromsø",
    "Ljubljana",
    "Valparaíso",
    "Antwerp",
    "Kanazawa",
    "Halifax",
    "Gdańsk",
    "Montevideo",
    "Bergamo",
    "Nairobi",
    "Turku",
    "Christchurch",
    "Porto",
    "Leipzig",
]
_MONTH = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_WORD = [
    "amber",
    "basalt",
    "cobalt",
    "dune",
    "ember",
    "fjord",
    "garnet",
    "heron",
    "iris",
    "juniper",
    "krill",
    "larch",
    "maple",
    "nectar",
    "onyx",
]


def value_of(kind: str, rng: Random) -> str:
    """A decisive content: of the words that occur in no filler, and unlike any other with high likelihood."""
    word, number = rng.choice(_WORD), rng.randint(1000, 99_999)
    makers: Mapping[str, str] = {
        "number": f"{number:,}" if rng.random() < 0.5 else str(number),
        "money": rng.choice((f"${number:,}", f"{number} euros", f"€{number:,}")),
        "person": f"{rng.choice(_FIRST)} {rng.choice(_LAST)}",
        "decision": rng.choice(_TECH),
        "preference": rng.choice(_STYLE),
        "constraint": rng.choice(_BAN),
        "path": rng.choice((f"/srv/{word}/{number}.toml", f"deploy/{word}/{word}_{number}.yaml", f"~/{word}/notes-{number}.md")),
        "date": rng.choice((f"{rng.choice(_MONTH)} {rng.randint(1, 28)}, {rng.randint(2027, 2031)}",
                            f"{rng.randint(2027, 2031)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}")),
        "url": f"https://{word}.example.org/{rng.choice(_WORD)}/{number}",
        "identifier": rng.choice((f"{word.upper()}-{number}", f"acct_{number}{word}", f"b{number}.{rng.randint(10, 99)}")),
        "version": f"{rng.choice(('v', ''))}{rng.randint(2, 29)}.{rng.randint(10, 99)}.{rng.randint(10, 99)}",
        "duration": rng.choice((f"{rng.randint(101, 999)} seconds", f"{rng.randint(61, 99)} minutes", f"{rng.randint(31, 97)} hours")),
        "cause": rng.choice(_CAUSE),
        "place": rng.choice(_CITY),
    }  # fmt: skip
    return makers[kind]
