"""Reviewed rewrites of the templates in the workload `verbose`, as the file that `rewrites` names. Pure.

Written by us, as a reviewer would approve them: what is asked for is all there, said once.
"""

from hashlib import sha256

import msgspec

from farthing.bench.workloads.verbose_texts import TEMPLATES

_SHORT = (
    "Review the code of {subject} in detail: quality (readability, structure, accepted practice), "
    "performance (speed, memory), security (misuse). Structure the review clearly and give the reason for "
    "each point.",
    "Write a short text of exactly 4 sentences about {subject}, a part of our product, for a new customer. "
    "Use no difficult words. Write only the text.",
    "As an experienced planner, make a realistic plan for {subject}: all steps in order, for each who does "
    "it and how long it takes. It must not take longer than 30 days in total.",
)
_AT = "2026-11-28T00:00:00Z"


def rewrites_file() -> bytes:
    """The file's content: each template of the workload with its approved rewrite."""
    pairs = zip(TEMPLATES, _SHORT, strict=True)
    rows = [_row(f"verbose-{at}", long.text, short) for at, (long, short) in enumerate(pairs)]
    return msgspec.json.format(msgspec.json.encode({"version": 1, "rewrites": rows}), indent=2)


def _row(name: str, before: str, after: str) -> dict[str, object]:
    digest = sha256(f"user\n{before}\0{after}".encode()).hexdigest()[:16]  # of the words that were reviewed
    return {
        "id": name,
        "status": "approved",
        "role": "user",
        "template": [before],
        "rewrite": [after],
        "tokens_before": len(before) // 5,
        "tokens_after": len(after) // 5,
        "proposed_by": "the writers of the workload",
        "review": {"by": "the writers of the workload", "at": _AT, "digest": digest},
    }
