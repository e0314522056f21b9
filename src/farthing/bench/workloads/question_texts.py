"""The questions themselves: usual words, other words, and a look-alike whose answer is another. Data only."""

from typing import NamedTuple


class Question(NamedTuple):
    """`others` ask the same as `usual`; `lookalike` resembles it and must never be given its answer."""

    usual: str
    others: tuple[str, str, str]
    lookalike: str


QUESTIONS: tuple[Question, ...] = (
    Question(
        "How long do I have to send a jacket back?",
        (
            "Until when can I return a jacket?",
            "What is the return period for jackets?",
            "By when must a jacket be returned to you?",
        ),
        "How long do I have to send a boat back?",
    ),
    Question(
        "How do I convert my points from euro to pounds?",
        (
            "I would like to change my points from euro to pounds. How?",
            "What do I do to turn points in euro into points in pounds?",
            "Points in euro, and I want pounds: how is that done?",
        ),
        "How do I convert my points from pounds to euro?",
    ),
    Question(
        "Can I change the delivery address after I have ordered?",
        (
            "I have already ordered. Is it possible to change where it goes?",
            "Is a new delivery address possible once the order is placed?",
            "My order is placed; may I still alter the delivery address?",
        ),
        "Can I change the billing address after I have ordered?",
    ),
    Question(
        "Do you deliver to Norway?",
        ("Is delivery to Norway possible?", "Will you ship to Norway?", "Can I get parcels sent to Norway?"),
        "Do you deliver to Sweden?",
    ),
    Question(
        "How do I switch the newsletter off?",
        (
            "How can I unsubscribe from the newsletter?",
            "I do not want the newsletter any more. What do I do?",
            "Where do I turn off your newsletter?",
        ),
        "How do I switch the newsletter on?",
    ),
    Question(
        "What does delivery cost for an order of 30 euro?",
        (
            "How much is postage on an order of 30 euro?",
            "I order for 30 euro. What do I pay for delivery?",
            "Delivery of a 30 euro order: what is the price?",
        ),
        "What does delivery cost for an order of 300 euro?",
    ),
    Question(
        "Which payment methods are accepted?",
        (
            "How can I pay in your shop?",
            "What ways of paying do you accept?",
            "By what means may I pay for an order?",
        ),
        "Which payment methods are not accepted?",
    ),
    Question(
        "Is the Fjell jacket waterproof?",
        (
            "Does the Fjell jacket keep water out?",
            "Will I stay dry in rain wearing the Fjell jacket?",
            "Can the Fjell jacket be called waterproof?",
        ),
        "Is the Skog jacket waterproof?",
    ),
    Question(
        "When do members pay no postage?",
        (
            "From what amount is postage free for members?",
            "As a member, when is delivery free?",
            "How much must a member order so that postage is free?",
        ),
        "When do customers who are not members pay no postage?",
    ),
    Question(
        "How do I reset my password?",
        (
            "I have forgotten my password. How do I get a new one?",
            "What are the steps to reset a password?",
            "My password is lost; how can I set another?",
        ),
        "How do I reset my two-factor codes?",
    ),
    Question(
        "Can you mend a zip that broke after two years?",
        (
            "My zip broke after two years. Do you repair it?",
            "A zip has given up after two years; will the workshop mend it?",
            "Is a two-year-old zip still mended by you?",
        ),
        "Can you mend a zip that broke after four years?",
    ),
    Question(
        "How do I cancel an order before it is sent?",
        (
            "My order has not been sent yet. How can I cancel it?",
            "What must I do to cancel an order that has not left?",
            "Cancelling an order before dispatch: how does it work?",
        ),
        "How do I cancel an order after it is sent?",
    ),
    Question(
        "How many points do I get for 100 euro?",
        (
            "If I spend 100 euro, how many points is that?",
            "100 euro spent gives how many points?",
            "What number of points comes with a purchase of 100 euro?",
        ),
        "How many euro do I get for 100 points?",
    ),
    Question(
        "What is the largest size of the Fjell jacket?",
        (
            "Up to which size is the Fjell jacket made?",
            "In the Fjell jacket, which size is the biggest?",
            "How large does the Fjell jacket come?",
        ),
        "What is the smallest size of the Fjell jacket?",
    ),
    Question(
        "Can I have my parcel delivered on a Saturday?",
        (
            "Is Saturday delivery possible?",
            "Do parcels also come on Saturdays?",
            "May I choose Saturday for my delivery?",
        ),
        "Can I have my parcel delivered on a Sunday?",
    ),
    Question(
        "How do I wash a down jacket?",
        (
            "What is the right way to wash a down jacket?",
            "Washing a down jacket: what should I do?",
            "How should down jackets be washed?",
        ),
        "How do I dry a down jacket?",
    ),
    Question(
        "Are gift cards valid for more than one year?",
        (
            "Do gift cards keep their value for longer than one year?",
            "Is a gift card still good after one year?",
            "Can I use a gift card that is over one year old?",
        ),
        "Are gift cards valid for more than five years?",
    ),
    Question(
        "My parcel has arrived damaged. What should I do?",
        (
            "What do I do about a parcel that came damaged?",
            "The parcel was damaged on arrival. How do I proceed?",
            "I received a damaged parcel; what are my next steps?",
        ),
        "My parcel has not arrived. What should I do?",
    ),
    Question(
        "Does the sea kayak fit on a car of four metres?",
        (
            "Can I carry the sea kayak on a four-metre car?",
            "Is a car of four metres long enough for the sea kayak?",
            "Four metres of car: will the sea kayak go on it?",
        ),
        "Does the river kayak fit on a car of four metres?",
    ),
    Question(
        "Who pays the postage when I send something back from abroad?",
        (
            "Returning goods from abroad, do I pay the postage?",
            "I live abroad. Is sending back at my expense?",
            "If I return an item from another country, whose cost is the postage?",
        ),
        "Who pays the postage when I send something back from inland?",
    ),
    Question(
        "How do I add a second person to my membership?",
        (
            "Can my partner join my membership, and how?",
            "What do I do to put a second person on my membership?",
            "Adding somebody to a membership: how is it done?",
        ),
        "How do I remove the second person from my membership?",
    ),
    Question(
        "When does the shop in Bergen open on Mondays?",
        (
            "What time do you open in Bergen on a Monday?",
            "Monday opening time of the Bergen shop?",
            "From when is the Bergen shop open on Mondays?",
        ),
        "When does the shop in Bergen close on Mondays?",
    ),
    Question(
        "Can I pay an invoice in three parts?",
        (
            "Is paying by three instalments possible?",
            "May an invoice be split into three payments?",
            "I would like to pay my invoice in three parts. Is that allowed?",
        ),
        "Can I pay an invoice in six parts?",
    ),
    Question(
        "Is there a discount for students?",
        (
            "Do students pay less?",
            "I study. Do I get a discount?",
            "Do you offer reduced prices to students?",
        ),
        "Is there a discount for teachers?",
    ),
)

TAIL: tuple[str, ...] = (
    "Where is my order {code}?",
    "Order {code} came without its invoice. Can you send it to me?",
    "The tracking page of parcel {code} shows nothing since Tuesday. Is something wrong?",
    "Please tell me whether return {code} has reached you.",
    "I was charged twice for order {code}. What happens next?",
    "The voucher {code} is refused at the till. Why?",
    "Which size did I buy in order {code}? I want the same again.",
    "Repair {code}: is the seam done, and when can I fetch it?",
)
"""Asked once each: the code is another every time."""
