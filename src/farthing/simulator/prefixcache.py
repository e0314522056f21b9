"""The providers' prompt cache: how much of a prompt begins as the last one of its conversation did.

Pure but for its memory. What is kept of a prompt are the chained checksums of its blocks, so that a long one
takes little; a block is found again only behind all before it. What cached tokens cost is the tariff's.
"""

from array import array
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2s
from zlib import crc32

import msgspec

from farthing.simulator.request import ChatBody

LEAST_TOKENS = 1024
"""A shorter prefix is not cached, as with OpenAI, Google and most models of Anthropic."""
BLOCK_TOKENS = 128
"""Cached tokens are counted in whole blocks, as OpenAI does."""
KEPT_S = 300
"""After the last use; Anthropic's lifetime, the shortest of the common ones."""
_BLOCK_BYTES = 512
_CONVERSATIONS = 50_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What a provider has of a conversation's last prompt."""

    provider: str
    blocks: "array[int]"
    at_s: float


class PrefixCache:
    """What all providers have cached, by conversation and model. `now_s` is seconds since 1970."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    def provider_of(self, body: ChatBody, model: str, now_s: float) -> str | None:
        """The provider to which a conversation is held: whoever has its last prompt. None where it is held to
        nobody: nothing is cached, or `provider.order` orders otherwise."""
        if _is_ordered(body):
            return None
        found = self._kept.get((conversation_of(body), model))
        return found.provider if found is not None and now_s - found.at_s <= KEPT_S else None

    def take(self, body: ChatBody, model: str, provider: str, *, prompt_tokens: int, now_s: float) -> int:
        """The tokens of this prompt that the provider has; from now on it has the whole prompt.

        Under `provider.order` nobody keeps a conversation at one provider, so nothing is found or kept.
        """
        if prompt_tokens < LEAST_TOKENS or _is_ordered(body):
            return 0
        key = (conversation_of(body), model)
        before = self._kept.pop(key, None)
        prompt = rendered(body)
        blocks = _blocks(prompt)
        self._kept[key] = Kept(provider, blocks, now_s)
        if len(self._kept) > _CONVERSATIONS:
            self._kept.popitem(last=False)
        if before is None or before.provider != provider or now_s - before.at_s > KEPT_S:
            return 0
        common = _in_common(blocks, before.blocks) * _BLOCK_BYTES
        return whole_blocks(common * prompt_tokens // len(prompt))


def whole_blocks(tokens: int) -> int:
    """The tokens of a prefix that a provider caches."""
    return tokens - tokens % BLOCK_TOKENS if tokens >= LEAST_TOKENS else 0


def conversation_of(body: ChatBody) -> str:
    """The session, else the digest of the first system and the first other message, as OpenRouter has it."""
    if body.session_id:
        return body.session_id
    system = next((m.text for m in body.messages if m.role in {"system", "developer"}), "")
    first = next((m.text for m in body.messages if m.role not in {"system", "developer"}), "")
    opening = msgspec.json.encode([system, first])
    return "opening:" + blake2s(opening, digest_size=16).hexdigest()


def rendered(body: ChatBody) -> bytes:
    """The prompt as a model reads it: tools and format, then the messages in their order."""
    return msgspec.json.encode([body.tools, body.response_format, *body.messages])


def _is_ordered(body: ChatBody) -> bool:
    return body.provider is not None and bool(body.provider.order)


def _in_common(blocks: "array[int]", before: "array[int]") -> int:
    """With how many equal blocks both begin; equal sums mean equal beginnings."""
    pairs = enumerate(zip(blocks, before, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(blocks), len(before)))


def _blocks(prompt: bytes) -> "array[int]":
    """The checksum of every whole block, each chained to all before it."""
    sums: array[int] = array("I")
    running = 0
    for start in range(0, len(prompt) - _BLOCK_BYTES + 1, _BLOCK_BYTES):
        running = crc32(prompt[start : start + _BLOCK_BYTES], running)
        sums.append(running)
    return sums
