"""Ways of asking that come to the same, as patterns over a lower-case question, in order. Pure.

Only what asks is rewritten here (greetings, `could you tell me`, `what is the way to`), never what is asked
about. `\\1` and the like keep the words they stand for.
"""

import re

_ASKED = r"(?:how|why|what|when|where|who|whom|whose|which|whether)\b"
_WORK = (
    "give|write|list|describe|summari[sz]e|translate|suggest|recommend|show|draft|compare|explain|define|"
    "name|calculate|convert|tell|propose|compose|create|classify|correct"
)
_ARTICLE = r"(?:the |an? |some )?"

_PATTERNS: tuple[tuple[str, str], ...] = (
    # contractions
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"\bshan't\b", "shall not"),
    (r"n't\b", " not"),
    (r"\b(what|who|where|when|how|why|that|it|there|here|he|she)'s\b", r"\1 is"),
    (r"\b(i|you|we|they|he|she)'d like\b", r"\1 would like"),
    (r"'(?:re)\b", " are"),
    (r"\bi'm\b", "i am"),
    (r"'ll\b", " will"),
    (r"'ve\b", " have"),
    # greetings and thanks
    (r"^(?:hi|hello|hey|good morning|good evening|greetings)(?: there| all| everyone)?\s*[,!.]+\s*", ""),
    (r"[.,!?]\s*(?:many )?(?:thanks|thank you)(?: in advance| very much| so much| a lot)?\s*[.!]*$", ""),
    (r"\s*\b(?:please|kindly|pls|plz)\b\s*,?\s*", " "),
    (r"^\s*(?:so|well|ok|okay)\s*,?\s+(?=" + _ASKED + ")", ""),
    # what stands before a question
    (r"^\s*would you mind (\w+?)ing\b", r"\1ing"),
    (rf"^\s*(?:can|could|would|will) you (?=(?:{_WORK})\b)", ""),
    (r"^\s*i (?:would like|want|need|wish|am trying) to (?:know|understand|learn|find out)\b", ""),
    (r"^\s*(?:i was wondering|i wonder|do you (?:happen to )?know|(?:may|can|could) i ask)\b", ""),
    (rf"^\s*(?:tell me|let me know|show me|explain(?: to me)?)\s+(?={_ASKED})", ""),
    (r"^\s*let me know the\b", "what is the"),
    (r"\s+for me\s*[.?!]*$", ""),
    (r"^\s*tell me (?=my|your|our)", "what is "),
    # ways to be told how
    (r"\bhow (?:do|can|could|would|should|might|shall) (?:i|we)\b", "howto i"),
    (r"\bhow (?:do|can|could|would|should) you\b", "howto you"),
    (r"\bhow (?:does|can|should) (?:one|a person)\b", "howto i"),
    (r"\bhow i can\b", "howto i"),
    (r"\bhow to\b", "howto i"),
    (r"^\s*what is the (?:best |right |proper |correct )?(?:way|process|procedure) (?:to|for)\b", "howto i"),
    (r"^\s*(?:what are the )?steps to\b", "howto i"),
    (r"^\s*what (?:do i (?:need|have) to|can i|should i|must i) do to\b", "howto i"),
    (r"^\s*how (?:is|are) (.+?) (\w+ed|made|written|built|grown)\s*\?*$", r"howto i \2 \1"),
    # other ways of asking
    (r"^\s*where (?:can|do|could) (?:i|we) find\b", "where is"),
    (r"^\s*where (?:can|do|could) (?:i|we)\b", "where do i"),
    (r"\b(?:what|which) (?:kind|type|sort) of\b", "what"),
    (r"^\s*(?:what|which) (\w+) is the (\w+est)\b", r"what is the \2 \1"),
    (r"^\s*(?:what|which) city is the capital\b", "what is the capital"),
    (r"^\s*(?:what|which) (.+?) (?:do|would) (?:i|we) need\b", r"what \1 are needed"),
    (r"^\s*do (?:i|we) need (?!to\b)(.+?) (?=to|for|in|at)\b", r"is \1 needed "),
    (
        r"^\s*who (?:was|is|were|are) (.+?) (\w+ed|written|built|taught|sold|bought|made) by\s*\?*$",
        r"who \2 \1",
    ),
    (r"\bwho (?:is|was) the (invent|discover|found|compos|direct|paint|design)(?:or|er) of\b", r"who \1ed"),
    (r"^\s*(?:is it possible (?:for me )?to|am i able to)\b", "can i"),
    (r"\bhow come\b", "why"),
    (r"^\s*what is the reason (?:why|that|for which)\b", "why"),
    (r"^\s*(?:in |at )?(?:what|which) year\b", "when"),
    (r"^\s*at (?:what|which) time\b", "when"),
    (r"^\s*(?:in|at) (?:what|which) place\b", "where"),
    (r"\bhow (?:many times|frequently|often)\b", "howoften"),
    (r"\bhow (?:much time|long)\b", "howlong"),
    (r"\bhow many\b|\bwhat number of\b|\bwhat is the number of\b", "howmany"),
    (r"\bhow much\b", "howmuch"),
    (r"\bhow (tall|high) is\b", "what is the height of"),
    (r"\bhow deep is\b", "what is the depth of"),
    (r"\bhow heavy is\b", "what is the weight of"),
    (r"\bhowmuch (?:does|do) (.+?) weigh\b", r"what is the weight of \1"),
    (r"\bhowlong (?:does|do) (?!it\b)(.+?) take\b", r"howlong is \1"),
    (r"^(\s*howmany .+?) (?:exist|are there)\s*\?*$", r"\1"),
    (r"\bhow wide is\b", "what is the width of"),
    (r"\bwhat does (.+?) mean\b", r"what is the meaning of \1"),
    (r"\bwhat is meant by\b|\bdefine\b|\bwhat is the definition of\b", "what is the meaning of"),
    (r"\bwho is the (?:author|writer) of\b", "who wrote"),
    (rf"^\s*explain {_ARTICLE}(?=difference)", "what is the "),
    (
        rf"^\s*give (?:me )?{_ARTICLE}(simple|brief|short|detailed) (explanation|description|summary)"
        r" of (.+?)([.?!]*)$",
        r"\2 \3 \1\4",
    ),
    (rf"^\s*give (?:me )?{_ARTICLE}(explanation|description|comparison|summary) of\b", r"\1"),
    (r"^\s*(?:tell|give|show) me (?:about )?the\b", "what is the"),
    (r"^\s*(?:give|show)(?: me)? (?=an example)", "what is "),
    (r"^\s*(?:name|list) the\b", "what is the"),
    (r"\b(?:located|situated)\s*\?*$", ""),
    # words that go together
    (r"\bcapital city\b", "capital"),
    (r"\bget in touch with\b", "contact"),
    (r"\bin place of\b", "instead of"),
    (r"\bin (?:simple|plain) (?:terms|words|language|english)\b", "simple"),
    (r"\b(?:have|has|need|needs) to\b", "must"),
    (r"\bdo (i|we|you) must\b", r"must \1"),
    (r"\bget rid of\b", "remove"),
    (r"\bused to\b", "usedto"),
    (r"\b(turn|switch|set|back|shut) ((?:[\w-]+ ){1,3}?)(on|off|up|down)\b", r"\1\3 \2"),
    (
        r"\b(turn|switch|set|back|log|sign|shut|zoom|come|go|speed|break|check) (on|off|up|down|in|out)\b",
        r"\1\2",
    ),
    (r"\bup to\b", "up-to"),
    (r"\bdegrees (celsius|fahrenheit)\b", r"\1"),
)
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _PATTERNS)

_OWNED = re.compile(
    r"((?:\ue000[\w-]+ )*[\ue000\w-]+)'s? "
    r"((?:(?!of\b|in\b|for\b|to\b|and\b|or\b|is\b)[\w-]+ ?)+)(?=$|\W|of|in|for)"
)
"""`france's capital`: names are marked, so that `mount everest's height` is known to begin at `mount`."""


def plain(question: str) -> str:
    """The question with its ways of asking brought to one each."""
    for pattern, replacement in _COMPILED:
        question = pattern.sub(replacement, question)
    return _OWNED.sub(r"\2 of \1", question)
