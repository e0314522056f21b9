"""The words and marks by which a prompt is told to be coding, analysis, structured, simple or general.

Tables only: `classify.py` decides what they add up to. English first, with the commonest German and French
words. Weights are points; 3 is a word that nearly settles the matter, 1 a hint. A word of one type is no
proof against another: `python` is a hint of coding, and `poem` outweighs it.
"""

from collections.abc import Mapping

from farthing.task import TaskType


def _table(by_points: Mapping[float, str]) -> dict[str, float]:
    return {word: points for points, words in by_points.items() for word in words.split()}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WORDS: Mapping[TaskType, Mapping[str, float]] = {
    "coding": _table(
        {
            3.5: """
                refactor refactoring debug docstring dockerfile pytest unittest jest eslint regex regexp
                npm powershell typescript postgresql mysql sqlite graphql fastapi django kubernetes
                webpack traceback segfault numpy nullpointerexception typeerror valueerror keyerror
                syntaxerror modulenotfounderror celery c++ c# golang
            """,
            3: """
                implement implementiere implémente implementieren sql git flask css html flexbox bash
                codebase mutex
            """,
            2.5: """
                function functions funktion fonction endpoint endpoints react pip bug bugs compile
                compiler javascript code docker github gitlab kotlin haskell php c++20 c++17 stacktrace
                async middleware orm unit pandas
            """,
            2: """
                python algorithm query script scripts api rest software programm unitaires loop crate
                vue
            """,
            1.5: """
                cargo exception backend frontend variable method component build test tests testing
                lambda parser jwt class array thread redis library cli package module migrate
                compilation repository linux terminal
            """,
            1: """
                rust java go ruby feature app error fails deploy dependency server snippet div command
                node optimize
            """,
        }
    ),
    "analysis": _table(
        {
            4: """
                analyze analyse analysiere analysieren analysez compare vergleiche vergleichen comparez
                evaluate assess critique tradeoffs tradeoff bewerte évalue disprove interpret
                interpretiere
            """,
            3: """
                prove pros cons weigh causal advantages disadvantages strengths weaknesses vorteile
                nachteile fallacies drawbacks avantages inconvénients beweise swot feasibility
            """,
            2: """
                why warum pourquoi analysis causes ursachen consequences conséquences implications
                rational explains significant hypothesis methodology discuss discute diskutiere compared
                rank correlation recommend judge
            """,
            1.5: """
                risk risks risiken argument difference cause quantify estimate review affect impact
                influence
            """,
            1: """
                evidence design architecture consistency alternatives effect effects indicator better
                versus vs explain
            """,
        }
    ),
    "structured": _table(
        {
            4: """
                extract extrahiere extrais extraire extrayez classify klassifiziere jsonl
            """,
            3.5: """
                json csv yaml tsv xml
            """,
            2.5: """
                label tag categorize categorise normalise normalize columns fields spalten colonnes
                parse
            """,
            2: """
                table tabelle tableau schema labels
            """,
            1: """
                convert map valid keys pull format list records markdown fill
            """,
        }
    ),
    "simple": _table(
        {
            4: """
                hello hi hey hallo bonjour salut thanks danke merci thx moin servus goodbye bye
            """,
            3: """
                ok okay
            """,
            2: """
                thank synonym antonym capital hauptstadt capitale spell
            """,
        }
    ),
    "general": _table(
        {
            5: """
                poem poems gedicht poème haiku limerick sonnet lyrics story geschichte histoire tale
                song bedtime speech rede discours novel monologue
            """,
            4: """
                email letter brief lettre essay blog cover slogan slogans brainstorm proofread rewrite
                summarise summarize summary zusammenfassung fasse résume résumer rephrase paraphrase
                rédige
            """,
            3: """
                trip recipe rezept recette birthday vacation holiday workout adventure compose roleplay
                note act draft invitation toast newsletter biography caption outline
            """,
            2: """
                suggest tips explain erkläre explique tell history plan family daughter son polite ideas
                describe advice consider learn paragraph description interview interviewer kids children
                names friendlier
            """,
            1.5: """
                translate übersetze traduis
            """,
            1: """
                write schreibe écris begin ask help sentence tone everyday
            """,
        }
    ),
}
"""Points a word gives its type, once however often it stands in the text."""

CODE_MARKS: tuple[tuple[str, float], ...] = (
    ("```", 2.5),
    ("():", 1.5),
    ("();", 2),
    (") {", 2),
    ("=> ", 1.5),
    ("#!/", 2.5),
    ("#include", 3),
    ("range(", 2),
    ("error[", 2),
    (" = '", 1),
)
"""Points for coding that a run of characters gives, anywhere in the lower-cased text."""

CODE_WORDS: Mapping[str, float] = {"def": 2.5, "import": 0.5, "select": 1}
"""Points for coding that a word gives where a space follows it."""

PHRASES: tuple[tuple[str, TaskType, float], ...] = (
    ("traceback (most", "coding", 2),
    ("exception in", "coding", 2),
    ("at line", "coding", 1.5),
    ("on line", "coding", 1.5),
    ("group by", "coding", 1.5),
    ("order by", "coding", 1.5),
    ("create table", "coding", 2),
    ("lock-free", "coding", 2),
    ("trade-off", "analysis", 4),
    ("root cause", "analysis", 2.5),
    ("should we", "analysis", 1.5),
    ("which would", "analysis", 2),
    ("what explains", "analysis", 2),
    ("how would", "analysis", 1.5),
    ("as csv", "structured", 2),
    ("as json", "structured", 2),
    ("in json", "structured", 1),
    ("json array", "structured", 1),
    ("json object", "structured", 1),
    ("per line", "structured", 1),
    ("key-value", "structured", 2.5),
    ("part of speech", "structured", 5),
    ("stand for", "simple", 2),
    ("yes or no", "simple", 2),
    ("come up with", "general", 3),
    ("you are a", "general", 2),
    ("tell me", "general", 1),
    ("how can i", "general", 1),
    ("what should", "general", 2),
    ("thank-you", "general", 2),
    ("e-mail", "general", 4),
)
"""Points for words that only mean something together. Looked for where the first word was seen."""

FACT_OPENERS = _set(
    """
        who whose when where is are was were does did do what what's which how wer wann wo ist sind wie
        qui quand où quel quelle est combien translate übersetze traduis convert spell synonym antonym
    """
)
"""First words of a short question or request that has one short answer."""

ADVICE = _set(
    """
        i we my our should would could can me us explain write why ich wir mein je mon ma
    """
)
"""Words that make a short question one for advice, not for a fact."""

HEAVY = _table(
    {
        2: """
            design architect architecture prove disprove refactor migrate migration distributed rollout
            entwirf architektur beweise concurrency detailed comprehensive reconstruct essay thesis
        """,
        1: """
            pagination authentication migrations downtime rollback scalable benchmark integration
            consistency schedule financing staffing quantify countermeasures recommend estimate causal
            full document defend strategy tests fields keys schema records yaml
        """,
    }
)
"""Points of complexity for what asks for much thought or a long answer."""

CONSTRAINTS = _set(
    """
        should must without exactly only ensure include each every keep unchanged least most never avoid
        both all muss soll ohne genau jede jeder doit sans chaque
    """
)
"""Words that bind the answer: each is half a point of complexity."""

STEPS = _set(
    """
        explain first then finally second third next step steps afterwards also provide zuerst dann
        schließlich anschließend puis ensuite enfin abord
    """
)
"""Words of work in several parts: each is half a point of complexity."""

LIGHT = _set(
    """
        synonym short rename typo haiku limerick poem names slogan slogans undo regex docstring oneliner
        function funktion fonction command sentence quick brief simple tips label rewrite proofread
        center toast note caption title typos query
    """
)
"""Words of requests whose answer is a few lines."""
