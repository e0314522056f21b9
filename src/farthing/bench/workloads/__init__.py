"""The frozen workloads of `farthing bench cost`: seeded, written by us, and made before any lever was tuned.

A workload is changed on purpose only: its version goes up with its texts, and a test holds each digest.
What is measured on them, and how, is not decided here.
"""

from farthing.bench.workloads.registry import WORKLOADS, Workload
from farthing.bench.workloads.work import Expectation, Work, digest_of, shares_of

__all__ = ["WORKLOADS", "Expectation", "Work", "Workload", "digest_of", "shares_of"]
