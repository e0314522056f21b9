"""Padding, courtesies, reminders, the requests inside them, and long templates. Data only, written by us."""

from typing import NamedTuple

from farthing.task import TaskType


class Core(NamedTuple):
    """A request, and what of it must be sent whatever is left out."""

    asked: str
    kept: tuple[str, ...]
    task_type: TaskType


class Template(NamedTuple):
    """A prompt that is used again and again with one thing put in."""

    text: str
    kept: tuple[str, ...]
    task_type: TaskType


OPENINGS: tuple[str, ...] = (
    "Hello! I hope you are doing well today. I was wondering if you could possibly help me with something.",
    "Hi there, thank you so much in advance for taking the time to look at this.",
    "Good morning! If it is not too much trouble, I would really appreciate it if you could please help me.",
    "Dear assistant, I would like to kindly ask you for your help with the following request, if I may.",
    "I am sorry to bother you with this, but I would be very grateful if you could please do the following.",
)

REMINDERS: tuple[str, ...] = (
    "Please make sure that your answer is clear and easy to understand.",
    "It is very important that you take your time and think carefully about this before you answer.",
    "Please note that I would like the answer to be as helpful and as complete as it can possibly be.",
    "Please be sure to answer in plain words, so that everybody is able to understand what you mean.",
)

CLOSINGS: tuple[str, ...] = (
    "Thank you very much in advance for all of your help, I really appreciate it!",
    "Many thanks, and please do let me know if anything at all is unclear.",
    "Thanks a lot! Feel free to ask me if you need any further information whatsoever.",
    "I am looking forward to hearing from you. Have a wonderful day!",
)

CORES: tuple[Core, ...] = (
    Core(
        "Could you please explain in {n} steps how a lock on a canal works, due to the fact that I have a "
        "talk to give at this point in time?",
        ("{n}", "lock on a canal", "talk"),
        "general",
    ),
    Core(
        'Please write a notice of at most {n} words that says "Pier {code} is closed", in order to put it on '
        "the gate.",
        ("{n} words", '"Pier {code} is closed"', "gate"),
        "general",
    ),
    Core(
        "I would like you to compare the two offers, {n} euro a month or {code} at cost price, with "
        "regard to the risk, and I would like you to recommend one.",
        ("{n} euro", "{code}", "risk"),
        "analysis",
    ),
    Core(
        "Would you be so kind as to analyse why crate {code} was opened {n} times in the event that it was "
        "sealed each time?",
        ("{code}", "{n} times", "sealed"),
        "analysis",
    ),
    Core(
        "Can you please tell me, if at all possible, what I should not do within the first {n} minutes after "
        "alarm {code}?",
        ("not do", "{n} minutes", "{code}"),
        "general",
    ),
    Core(
        "It would be great if you could summarise the rule {code} for a large number of new people, with the "
        "exception of its part {n}.",
        ("{code}", "exception", "{n}"),
        "general",
    ),
)

TEMPLATES: tuple[Template, ...] = (
    Template(
        "Please analyze the code of {subject} very carefully and provide a comprehensive review of it. In "
        "your review, please make sure that you look at the overall quality of the code, including "
        "whether it is readable, whether it is well structured, and whether it follows commonly accepted "
        "practice. Please also make sure that you take a careful look at the performance of the code, "
        "including whether there is anything that could be made faster or that could use less memory. In "
        "addition to that, please also consider the security of the code, including whether there is "
        "anything that somebody could misuse. Please be as thorough and as detailed as you possibly can "
        "be. Please structure your review in a clear way, so that it is easy to read, and please make "
        "sure that you explain the reasons for each of the things that you point out. It is very "
        "important that the review is comprehensive. Thank you very much.",
        (),
        "analysis",
    ),
    Template(
        "You are a helpful assistant. You are going to be given the name of a part of our product, and I "
        "would like you to write a short text about it. The text that you write should be a text that a "
        "new customer is able to understand. Please do not use any difficult words in the text. Please "
        "keep the text short. Please do not use difficult words. The text should have exactly 4 "
        "sentences, and please keep in mind that it should be short. The name of the part of our product "
        "is as follows: {subject}. Please only write the text itself, and please do not write anything "
        "before it or after it. Please remember: the text should have exactly 4 sentences.",
        ("4 sentences",),
        "general",
    ),
    Template(
        "I would like you to act as an experienced planner. Your task will be to make a plan for "
        "{subject}. As an experienced planner, you will make sure that the plan that you make contains "
        "all of the steps that are needed, and that all of the steps are in the right order. For each and "
        "every one of the steps, please make sure to say who does it, and please make sure to say how "
        "long it takes. The plan must not take longer than 30 days in total. Please make sure that the "
        "plan that you make is realistic. Please make sure that nothing is forgotten. The plan must not "
        "take longer than 30 days.",
        ("30 days",),
        "analysis",
    ),
)
