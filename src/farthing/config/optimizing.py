"""What a configuration may say of saving: caches, shorter prompts and answers, work that may wait.

All of it is off unless set, for each changes what a caller gets or when; the rest of the configuration is
in `schema.py`.
"""

from typing import Annotated

from pydantic import Field, model_validator

from farthing.config.section import Fraction, Section
from farthing.task import TaskType

Lifetime = Annotated[int, Field(gt=0)]


class PromptOptimization(Section):
    enabled: bool = False
    """Takes padding, politeness, long phrases and repetitions out of prompts; never quotations or code."""
    context_compression: bool = False
    rewrites: str | None = None
    """Path, from the working directory, of a file with reviewed rewrites of templates, as `farthing rewrites`
    keeps them; those that were approved are used."""


class SemanticCache(Section):
    """Answers to the same question in other words. Needs the extra `semantic`; never for coding."""

    enabled: bool = False
    threshold: Fraction = 0.86
    """The cosine of two questions' embeddings that counts as the same, if every guard agrees."""
    recheck_rate: Fraction = 0.02
    """Fraction of such hits that are asked anew all the same, to measure how many are false."""
    max_false_hit_rate: Fraction = 0.01
    """A task type that exceeds it, by the rechecks, is answered from this cache no more."""


class Caching(Section):
    enabled: bool = False
    ttl: Lifetime = 3600
    """Seconds an answer is good for."""
    max_size: Annotated[int, Field(gt=0)] = 1000
    """Answers that are kept; beyond it those go that were used longest ago."""
    cache_by_task_type: bool = True
    """Each task type has `maxSize` answers of its own, and a lifetime by `ttlByTaskType`."""
    ttl_by_task_type: dict[TaskType, Lifetime] = Field(default_factory=dict[TaskType, Lifetime])
    """Seconds, in place of `ttl` for these types."""
    persist: bool = True
    """Keeps answers in the database, for later starts and other processes; false is in memory only."""
    single_flight: bool = True
    """Equal tasks at the same time are sent once; the others wait for that answer."""
    semantic: SemanticCache = SemanticCache()


class OutputControl(Section):
    """Shorter answers."""

    learned_limits: bool = False
    """Lowers `maxOutputTokens` for a task type to what the ledger shows that its answers need."""
    concise: bool = False
    """Adds an instruction to answer concisely, by task type."""
    continue_truncated: bool = False
    """An answer that `max_tokens` cut is continued once."""


class Deferral(Section):
    """What a task with a `deadline` may use; one without is never made to wait."""

    flex: bool = True
    """The cheapest provider, flex tiers among them (`:floor`), never above the dated price."""
    off_peak: bool = True
    """Waits for an hour at which the model's dated price is lower."""
    batch: bool = True
    """The batch endpoint: about half price, where the deadline leaves the 24 hours it may take."""


class Optimization(Section):
    prompt_optimization: PromptOptimization = PromptOptimization()
    caching: Caching = Caching()
    output_control: OutputControl = OutputControl()
    deferral: Deferral = Deferral()
    max_output_tokens: Annotated[int, Field(gt=0)] = 1024
    """`max_tokens` where the task sets none: every request is bounded."""
    min_output_tokens: Annotated[int, Field(gt=0)] = 256
    """A clamped request keeps at least this many output tokens; below it is refused."""

    @model_validator(mode="after")
    def _ordered(self) -> "Optimization":
        if self.min_output_tokens > self.max_output_tokens:
            raise ValueError(
                f"minOutputTokens {self.min_output_tokens} is above maxOutputTokens {self.max_output_tokens}"
            )
        return self
