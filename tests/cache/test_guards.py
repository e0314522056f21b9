"""Which guard refuses what, without the model; and what must hold of every question."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.cache.pairs import pairs

from farthing.cache.guards import GUARDS, refusal, unfit
from farthing.cache.reading import read


def verdict(one: str, other: str) -> str | None:
    return unfit(read(one)) or unfit(read(other)) or refusal(read(one), read(other))


CASES = (
    ("wording", "How do you spell colour?", "How do you spell color?"),
    ("wording", "Sort these: tea 4, milk 1", "Sort these: milk 1, tea 4"),
    ("quotes", 'What does "ad hoc" mean?', 'What does "ad hominem" mean?'),
    ("identifiers", "Describe ticket PROJ-812", "Describe ticket PROJ-821"),
    ("numbers", "What is 15% of 240?", "What is 15% of 420?"),
    ("numbers", "Give me seven names for a cat", "Give me eleven names for a cat"),
    ("units", "How much is 500 euros worth?", "How much is 500 yen worth?"),
    ("negation", "Which plants need sun?", "Which plants don't need sun?"),
    ("negation", "Is it legal to record a call?", "Is it illegal to record a call?"),
    ("question", "Where was Mozart born?", "When was Mozart born?"),
    ("question", "Can I cancel my order?", "How do I cancel my order?"),
    ("tense", "Who owns the club?", "Who owned the club?"),
    ("voice", "How do lions hunt in groups?", "How do lions get hunted in groups?"),
    ("verb", "What does the heart do in sleep?", "What is the heart in sleep?"),
    ("modality", "Can I drink tap water?", "Should I drink tap water?"),
    ("person", "Should I call him first?", "Should he call me first?"),
    ("owner", "What is my role in the team?", "What is your role in the team?"),
    ("scope", "Can all birds fly?", "Can some birds fly?"),
    ("opposites", "What is the maximum file size?", "What is the minimum file size?"),
    ("superlative", "Name a deep lake", "Name the deepest lake"),
    ("time", "What did people eat in the Middle Ages?", "What did people eat in the medieval kitchen?"),
    ("audience", "Explain gravity to a physicist", "Explain gravity to an accountant"),
    ("format", "Write a haiku about the sea", "Write a limerick about the sea"),
    ("names", "What is the capital of Austria?", "What is the capital of Australia?"),
    ("direction", "How do I fly from Rome?", "How do I fly to Rome?"),
    ("symbols", "What is 5 - 3?", "What is 5 / 3?"),
    ("words", "How do I bake bread?", "How do I bake cookies?"),
    ("order", "Convert 50 USD to EUR", "Convert 50 EUR to USD"),
)


@pytest.mark.parametrize(("guard", "one", "other"), CASES)
def test_a_guard_refuses_in_its_own_name(guard: str, one: str, other: str) -> None:
    agrees = GUARDS[guard]
    assert not agrees(read(one), read(other)), f"{guard} does not see it; {verdict(one, other)} does"
    assert verdict(one, other) is not None


def test_every_guard_has_a_case() -> None:
    assert {guard for guard, _, _ in CASES} == set(GUARDS)


@pytest.mark.parametrize(
    ("why", "question"),
    [
        ("now", "What is the weather like today?"),
        ("now", "Who is currently the champion?"),
        ("now", "How many days are left until Christmas?"),
        ("now", "What happened last week?"),
        ("language", "Wie kündige ich mein Abo?"),
        ("language", "¿Cuál es la capital de Perú?"),
        ("language", "Что такое инфляция?"),
        ("language", "今日の天気は"),
        ("code", "Why does this fail?\n```\nx = 1\n```"),
        ("vague", "What is this?"),
        ("vague", "Why not?"),
        ("vague", ""),
    ],
)
def test_some_questions_are_never_answered_from_others(why: str, question: str) -> None:
    assert unfit(read(question)) == why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "Could you please tell me how to reset my password?"),
        ("What is the capital of France?", "what's France's capital"),
        ("What is 20% of 80?", "What is twenty percent of 80?"),
        ("Convert 50 USD to EUR", "Please convert $50 to euros"),
        ("How do I turn off notifications?", "How can I turn my notifications off?"),
        ("Who wrote Hamlet?", "Who is the author of Hamlet?"),
        ("Who discovered penicillin?", "Who was penicillin discovered by?"),
        ("What colour is a ruby?", "What color is a ruby?"),
        ("How do I get to Mount Everest?", "How does one get to Mount Everest?"),
        ("What is eighty-one divided by 9?", "What is 81 divided by nine?"),
    ],
)
def test_ways_of_asking_are_one(one: str, other: str) -> None:
    assert verdict(one, other) is None


@pytest.mark.parametrize("pair", [pair for pair in pairs() if not pair.same and not pair.attack], ids=str)
def test_no_adversarial_pair_needs_the_model(pair: tuple[str, str, str]) -> None:
    assert verdict(pair[1], pair[2]) is not None


WORDS = st.sampled_from(
    """
    how what is the of to from not Paris Lyon Anna 5 USD EUR kg before after can should I you my cheap more
    than without never 3.11 api_key "so be it" all each today book table password reset faster who ? , .
    """.split()  # noqa: SIM905 - easier to read without quotes
)
QUESTIONS = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
NAMES = st.sampled_from(
    ("Paris", "Lyon", "Rome", "Oslo", "USD", "EUR", "Anna", "Ben", "Python", "Ruby", "profit")
)


@given(QUESTIONS | st.text(max_size=60))
def test_a_question_is_itself(question: str) -> None:
    assert refusal(read(question), read(question)) is None


@given(QUESTIONS, QUESTIONS)
def test_a_guard_does_not_mind_which_comes_first(one: str, other: str) -> None:
    assert refusal(read(one), read(other)) == refusal(read(other), read(one))


@given(
    NAMES,
    NAMES,
    st.sampled_from(
        (
            "How do I get from {} to {}?",
            "Convert 5 {} to {}",
            "Is {} larger than {}?",
            "Why choose {} over {}?",
            "Did {} sue {}?",
            "Does {} come before {}?",
            "What does {} owe {}?",
            "Who moved {} into {}?",
            "Translate from {} into {}",
            "Is {} against {}?",
            "What is {} divided by {}?",
            "Compare {} with {}",
        )
    ),
)
def test_two_that_changed_places_are_never_the_same_question(one: str, other: str, asked: str) -> None:
    assume(one != other)
    assert verdict(asked.format(one, other), asked.format(other, one)) is not None


@given(st.text(max_size=60), st.sampled_from(["not", "never", "without"]), st.integers(0, 9))
def test_a_negation_more_is_another_question(text: str, negation: str, at: int) -> None:
    words = ["which", "plants", "grow", *text.split()]
    assume('"' not in text and "'" not in text and "`" not in text)
    changed = " ".join([*words[: at + 1], negation, *words[at + 1 :]])
    assert refusal(read(" ".join(words)), read(changed)) is not None
