"""What the cache's tests ask and answer."""

from msgspec import structs

from farthing.cache.answer import Asked, CachedAnswer

NOW_US = 1_795_000_000_000_000
HOUR_US = 3_600_000_000


def asked(name: str = "a", **changes: object) -> Asked:
    plain = Asked(
        key=name * 64 if len(name) == 1 else name,
        tenant="",
        task_type="general",
        region="general",
        lifetime_s=3600,
        max_size=3,
        shared=True,
        flies=True,
    )
    return structs.replace(plain, **changes)


def answered(text: str = "four", *, made_us: int = NOW_US, until_us: int = NOW_US + HOUR_US) -> CachedAnswer:
    return CachedAnswer(
        text=text,
        finish_reason="stop",
        model="m",
        call_id="call-1",
        upstream="simulator",
        made_us=made_us,
        until_us=until_us,
        cost=7,
    )
