"""What GET endpoints should not answer, made by Hypothesis: bills, a key, an account's days, models."""

from hypothesis import strategies as st
from tests.fuzz.wild import AMOUNTS, COUNTS, ODD, TEXTS, objects, or_odd

ACCOUNTS = or_odd(
    objects(
        {
            "data": st.one_of(
                objects(
                    {
                        "id": or_odd(TEXTS),
                        "total_cost": AMOUNTS,
                        "upstream_inference_cost": AMOUNTS,
                        "is_byok": or_odd(st.sampled_from(["true", "false"])),
                        "tokens_prompt": COUNTS,
                        "native_tokens_completion": COUNTS,
                        "native_tokens_cached": COUNTS,
                        "limit": AMOUNTS,
                        "limit_remaining": AMOUNTS,
                        "usage": AMOUNTS,
                        "free_model_daily_requests": or_odd(objects({"used": COUNTS, "limit": COUNTS})),
                    }
                ),
                st.lists(
                    st.builds(
                        '{{"date":{},"model":"m/a","usage":{},"byok_usage_inference":{},"requests":{}}}'.format,
                        or_odd(TEXTS),
                        AMOUNTS,
                        AMOUNTS,
                        COUNTS,
                    ),
                    max_size=3,
                ).map(lambda rows: f"[{','.join(rows)}]"),
            )
        }
    ),
    20,
).map(lambda text: text.encode("latin-1", "replace"))

_RATES = or_odd(
    st.sampled_from(['"0.000001"', '"0"', '"-1"', '"1e-9"', '"1e999999"', '"1e-99999"', "0.5"]), 4
)
_OVERRIDES = objects({"min_prompt_tokens": COUNTS, "prompt": _RATES, "utc_start": TEXTS, "utc_end": ODD})
_MODEL_ROWS = or_odd(
    st.builds(
        '{{"id":{},"context_length":{},"pricing":{{"prompt":{},"completion":{},{}}},"expiration_date":{},{}}}'.format,
        or_odd(TEXTS),
        COUNTS,
        _RATES,
        _RATES,
        st.builds('"request":{},"internal_reasoning":{},"overrides":[{}]'.format, _RATES, _RATES, _OVERRIDES),
        ODD,
        st.builds('"top_provider":{},"supported_parameters":{},"reasoning":{}'.format, ODD, ODD, ODD),
    ),
    20,
)
MODEL_PAGES = st.builds(
    '{{"data":[{}],"total_count":{},"links":{}}}'.format,
    st.lists(_MODEL_ROWS, max_size=3).map(",".join),
    COUNTS,
    or_odd(st.sampled_from(['{"next":"/models?offset=7"}', '{"next":"http://[x?offset=9"}', '{"next":""}'])),
).map(lambda text: text.encode("latin-1", "replace"))
