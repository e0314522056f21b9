"""The documents' templates, an example of each kind, and the schemas. Data only, written by us."""

from collections.abc import Mapping

INVOICE = """\
                      Chandlery {place}
  Invoice {id}                              {day}

  To: {who}, {place}

{lines}

  Sum to be paid within 14 days:  EUR {total}

  Goods stay ours until they are paid. Please give the number of the invoice when you pay. We thank you for
  your order and would be glad to see you again. Opening hours: Monday to Friday, 8 to 16."""

DAMAGE = """\
Harbour office {place}, report of damage

On {day} at about {hour}:20 the mooring at {berth} gave way in a gust. {who}, who was on the quay, saw it and
told us at once. The boat drifted against the fuel pier and scraped along it for some ten metres. Nobody was
hurt. Two planks are broken and a cleat is torn out. The owner has been told by telephone and will come
tomorrow. We have tied the boat up again with our own lines. A first guess at the cost is {cost} euro; the
yard will say more. Photographs are in the folder of the day. The pier itself has only lost some paint."""

APPLICATION = """\
Reference {reference}

Dear people of {place},
my name is {who} and I would like to work with you as a rigger. I have done this for {years} years, first on
fishing boats, then in a yard with four others. I can splice rope and wire, I have the certificate for
cranes, and I am used to bad weather. I can begin on {day}. My last employer will gladly tell you more. I live
close by and have a van of my own. With kind regards, and hoping to hear from you soon."""

_TEXT: Mapping[str, object] = {"type": "string"}


def _object(**properties: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


SCHEMAS: Mapping[str, Mapping[str, object]] = {
    "invoice": _object(
        id=_TEXT,
        customer=_TEXT,
        date={"type": "string", "format": "date"},
        total={"type": "number"},
        lines={"type": "array", "maxItems": 20, "items": _object(what=_TEXT, count={"type": "integer"})},
    ),
    "damage": _object(
        place=_TEXT,
        witness=_TEXT,
        date={"type": "string", "format": "date"},
        cost={"type": "number"},
        hurt={"type": "boolean"},
    ),
    "application": _object(reference=_TEXT, name=_TEXT, years={"type": "integer"}, begins=_TEXT),
}

EXAMPLES: Mapping[str, str] = {
    "invoice": """\
Example. Document: "Invoice R-17, 2026-02-03, to Ole Lunde. 1. tar 2 x 9.50. Sum EUR 19.00"
Answer: {"id":"R-17","customer":"Ole Lunde","date":"2026-02-03","total":19.0,
"lines":[{"what":"tar","count":2}]}""",
    "damage": """\
Example. Document: "On 2026-01-09 a cleat broke at berth 4. Ole Lunde saw it. About 80 euro. Nobody was hurt."
Answer: {"place":"berth 4","witness":"Ole Lunde","date":"2026-01-09","cost":80.0,"hurt":false}""",
    "application": """\
Example. Document: "Reference AP/3. I am Ole Lunde, a rigger for 6 years, and can begin on 2026-05-01."
Answer: {"reference":"AP/3","name":"Ole Lunde","years":6,"begins":"2026-05-01"}""",
}
