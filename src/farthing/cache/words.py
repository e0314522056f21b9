"""The words that the guards know: English, in lower case, as tables. Values only.

A word that stands in no table is a word of content: it must stand in both questions. So a gap here costs a
hit and never an answer to another question; an entry that is too wide costs an answer. Widen with a pair.
"""

from collections.abc import Mapping


def _classes(lines: str) -> Mapping[str, str]:
    """Words of one class stand for its first; classes are parted by semicolons."""
    return {word: words[0] for words in map(str.split, lines.split(";")) for word in words}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


DROPPED = _set(
    """
    a an the do does did is are am was were be been it its this that these those there so just really
    actually please also then some s d m re ve
    """
)
"""They carry no content of their own; what `did` and `was` say is the guard of tense's."""

PERSONS = _classes("i me we us myself ourselves; you yourself; he him; she; they them; one")
OWNERS = _classes("my our mine ours; your yours; his; her hers; their theirs")

NEGATIONS = _set(
    """
    not no never none nobody nothing nowhere neither nor without except excluding exclude hardly barely
    cannot avoid instead unless fail lack lacking minus only free
    """
)
NEGATING = ("un", "in", "im", "il", "ir", "non", "dis", "de", "anti", "mis")

RELATIONS: Mapping[str, str] = {
    **_classes("of about regarding concerning; in at within inside; toward towards; versus vs"),
    **{
        word: word
        for word in _set(
            """
            on for to from into onto before after over under above below than by against until since through
            via off out up down behind beside near around across along between among outside beyond during
            as with per while if because although
            """
        )
    },
}
"""They must stand before the same word in both."""

MODALS = _classes("can able could; may might; should ought shall; must; will; would")

SCOPES = _set(
    """
    all every each any both either many much few fewer several most more less least half always often
    sometimes usually rarely ever entire whole other another else same different almost nearly about exactly
    approximately up-to enough too very
    """
)

OPPOSITES = _set(
    """
    maximum minimum max min increase decrease raise lower rise fall first last buy sell enable disable lock
    unlock open close start stop begin end show hide add remove gain lose win lose import export upload
    download connect disconnect encrypt decrypt install uninstall subscribe unsubscribe upgrade downgrade
    accept reject allow block include exclude early late high low big small large strong weak hot cold warm
    cool hard soft fast slow old new young rich poor good bad pro con advantage disadvantage benefit risk
    top bottom left right inner outer upper lower north south east west inside outside indoor outdoor
    arrival departure arrive depart enter leave push pull send receive lend borrow give take love hate true
    false positive negative plus minus gross net debit credit asset liability profit loss supply demand
    buyer seller employer employee teacher student doctor patient landlord tenant parent child male female
    men women husband wife king queen odd even day night summer winter spring autumn morning evening mute
    unmute zoomin zoomout comein goout turnon turnoff logon logoff login logout before after above below
    freeze thaw melt boil absorb release compress expand simple complex easy difficult cheap expensive safe
    dangerous public private internal external domestic foreign input output read write ask answer question
    lease own
    """
)

SUPERLATIVE = _set(
    """
    best worst most least fewest farthest furthest better worse more less farther further last
    """
)

TIMES = _set(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december morning noon afternoon evening night midnight weekday weekend
    day week month year quarter decade century spring summer autumn fall winter daily weekly monthly yearly
    annually hourly annual past future former previous next last ancient modern medieval age bc ad
    """
)

FORMATS = _set(
    """
    json xml csv yaml markdown html table list bullet point sentence paragraph word page line letter email
    essay poem haiku limerick story song tweet post report memo brief short long detailed detail simple
    technical formal informal casual step example style tone order alphabetical format rhyme outline
    """
)
AUDIENCES = _set(
    """
    child kid beginner expert student teacher pupil layman novice professional senior teenager toddler adult
    baby boss colleague friend grandmother grandfather parent engineer lawyer doctor nurse physicist
    accountant scientist poet athlete diabetic vegan customer client manager developer designer investor
    year-old
    """
)

UNITS = _classes(
    """
    % percent pct; usd $ dollar dollars bucks; eur € euro euros; gbp £ quid; jpy ¥ yen; inr ₹ rupee rupees;
    chf franc francs; km kilometre kilometer kilometres kilometers; mi mile miles; metre meter metres
    meters; cm centimetre centimeter centimetres centimeters; mm millimetre millimeter; foot feet ft; inch
    inches; yard yards; kg kilogram kilograms kilo kilos; gram grams; mg milligram milligrams; lb lbs pound
    pounds; oz ounce ounces; tonne ton tonnes tons; litre liter litres liters; ml millilitre milliliter
    millilitres milliliters; gallon gallons; pint pints; cup cups; tablespoon tablespoons tbsp; teaspoon
    teaspoons tsp; second seconds sec; minute minutes; hour hours hr hrs; day days; week weeks; month
    months; year years yr yrs; decade decades; celsius °c centigrade; fahrenheit °f; kelvin; degree degrees
    °; kb kilobyte kilobytes; mb megabyte megabytes; gb gigabyte gigabytes; tb terabyte terabytes; mph; km/h
    kmh kph; watt watts; volt volts; amp amps; kwh; acre acres; hectare hectares; g; l; m; cent cents;
    calorie calories kcal; joule joules
    """
)

NUMBERS: Mapping[str, str] = {
    word: str(value)
    for value, word in enumerate(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty
        """.split()  # noqa: SIM905 - a table is easier to read without quotes
    )
    if word != "one"  # a pronoun as often as a number: a word of content
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90", "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000",
    "dozen": "12", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th",
    "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th", "half": "1/2",
    "quarter": "1/4", "twice": "2x", "double": "2x", "triple": "3x",
}  # fmt: skip

SAME = _classes(
    """
    buy purchase; start begin; big large; cheap inexpensive; fix repair mend; car automobile; film movie;
    fridge refrigerator; phone telephone cellphone; child kid; answer reply; write draft compose; suggest
    propose recommend; change modify alter; parcel package; ship deliver; shipping delivery; find locate;
    benefit advantage; use utilise utilize; help assist; stop quit; need require; include contain; author
    writer; smart clever; happen occur; job occupation; photo photograph picture; error fault; sofa couch;
    shop store; holiday vacation; rubbish garbage trash; petrol gasoline; cv resume; calculate compute;
    configure setup; turnoff switchoff; turnon switchon; get obtain receive; purpose function; duty
    responsibility; step stage; see view; permit allow; summarise summarize summary; explain explanation;
    describe description; compare comparison; organise organize; analyse analyze; colour color; centre
    center; favourite favorite; licence license; grey gray; tyre tire; programme program; email e-mail; wifi
    wi-fi; midterm mid-term; simple simply; brief briefly; safe safely; vaccine vaccination; ill sick; quick
    quickly rapid; gift present; country nation; town township; usual typical; kind type sort; method way;
    student pupil; payment pay
    """
)

LEMMAS = _classes(
    """
    make made making; have has had having; write wrote written writing; speak spoke spoken; buy bought; sell
    sold; build built; find found; win won; begin began begun; eat ate eaten; go went gone goes; get got
    gotten getting; take took taken; give gave given; keep kept; pay paid; say said; see saw seen; know knew
    known; think thought; teach taught; catch caught; bring brought; fight fought; drive drove driven; rise
    rose risen; fall fell fallen; grow grew grown; choose chose chosen; break broke broken; steal stole
    stolen; wear wore worn; lose lost losing; send sent; spend spent; lend lent; leave left-behind; meet
    met; feel felt; hold held; tell told; sing sang sung; swim swam swum; drink drank drunk; run ran; come
    came; become became; lie lay; die died dies dying; child children; man men; woman women; foot feet;
    tooth teeth; mouse mice; leaf leaves; knife knives; life lives; wife wives; bus buses; gas gases; potato
    potatoes; tomato tomatoes; freeze froze frozen; require required requires requiring; invite invited
    inviting; prepare prepared preparing; compare compared comparing; decline declined declining; combine
    combined combining; explore explored exploring; store stored storing; change changed changing; include
    included including; arrange arranged; charge charged charging; locate located; invent invented; need
    needed; summarise summarising summarised; use used uses using; analyse analyses analysing; bacterium
    bacteria; criterion criteria; datum data; show showed shown; hide hid hidden; ride rode ridden; bear
    born borne; do done doing; put putting; draw drew drawn
    """
)

KEPT = _set(
    """
    glasses customs goods arms means savings news lens series species sales physics economics mathematics
    always less this his its plus minus versus during thing something anything nothing everything spring
    string king ring wing evening morning need speed seed feed weed breed red bed hundred sacred indeed bus
    gas yes us politics ethics athletics graphics statistics sometimes perhaps besides overseas christmas
    texas
    """
)
"""Their endings are no endings."""

PASTS = _set(
    """
    wrote spoke bought sold built won began ate went got took gave kept paid said saw knew thought taught
    brought fought drove rose fell grew chose broke stole lost sent spent felt held told sang ran came
    became died
    """
)
PRESENT = _set(
    """
    is are am be has have do does can could should will would may might must been being get gets
    """
)
GET = _set("get gets got")
BE = _set("is are am was were be been being") | GET
PARTICIPLES = _set(
    """
    made written spoken bought sold built found won begun eaten taken given kept paid seen known taught
    caught driven grown chosen broken stolen worn lost sent spent held told sung frozen born shown hidden
    drawn done
    """
)

ABOUT_WORDS = _set(
    """
    word phrase spell spelling misspell pronounce pronunciation rhyme synonym antonym plural singular
    tense verb noun adjective adverb conjugate letters syllable vowel consonant grammar grammatical
    correct proofread edit translate translation rewrite rephrase paraphrase reword say sentence passive
    active capitalise capitalize hyphen comma apostrophe abbreviate abbreviation acronym etymology idiom
    anagram palindrome repeat echo transcribe
    """
)
"""Where these are asked for, the words are the matter: no form or synonym stands for another."""

HOMOGRAPHS = _set(
    """
    polish turkey china march mark bill apple amazon java python go swift rust target shell may will
    august jordan chad reading nice bath cork ruby oracle windows word excel access office teams outlook
    meta visa gap delta mercury jaguar puma nike orange sprint subway dove caterpillar mini smart ford
    lent job who it us id
    """
)
"""Names that are words of their own: here the capital makes the meaning."""
