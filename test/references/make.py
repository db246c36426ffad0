"""Computes expected/<family>.json with transformers on a CPU: float32, eager attention, one thread.

Run again after a change of a recipe, in a virtual environment that is no part of the project:

    pip install numpy safetensors torch transformers
    nice python test/references/make.py            # all families, or name some; a few minutes and 4 GB of memory
    npx biome check --write test/references/expected

What expected/<family>.json holds:

- tensors: checksum of every tensor; recipe.test.ts holds recipe.ts to them.
- rows: for some positions of the prompt the logits at vocabularyIds, and of the whole row the maximum, its id, its lead over
  the second, the mean, the Euclidean norm and the sums of BLOCKS equal parts.
- float64: the same logits at a few positions from float64_decoder.py, which shares no code with transformers.
- noise: largest distance between the two over all rows, for every kind of number: what float32 rounding is worth.
  exactAngles: the largest distance of logits if the rotary angles are not rounded to float32 either.
- sensitivity: largest change of a logit when a feature is got wrong; what a test must be able to see.
- greedy: continuation of the prompt by the most likely ids, and the smallest lead of the first over the second.
"""

import copy
import json
import os
import platform
import sys

sys.dont_write_bytecode = True
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from float64_decoder import decode
from recipe import FAMILIES, HERE, checksum, fill_tensor, prompt_ids, read_recipe

POSITIONS = [0, 1, 15, 16, 127, 128, 511, 512, 513, 1023, 1024, 1535, 1536, 2047, 2048, 2112]
FLOAT64_POSITIONS = [0, 16, 512, 2047, 2112]
VOCABULARY_IDS = [0, 1, 2, 15, 16, 17, 63, 64, 255, 999, 1000, 4095, 4096, 7919, 10007, 15999, 16000, 20011, 24023, 28001, 31993, 31997, 31998, 31999]
BLOCKS = 32
GREEDY_STEPS = 16

WRONG_ROPE = {"rope_theta": 10000.0, "rope_type": "default"}
WRONG = {
    "llama": {"theta 10000": {"rope_parameters": WRONG_ROPE}, "epsilon 1e-6": {"rms_norm_eps": 1e-6}},
    "mistral": {"window 511": {"sliding_window": 511}, "no window": {"sliding_window": None}},
    "qwen2": {"theta 10000": {"rope_parameters": WRONG_ROPE}, "no biases": {}, "window 512": {"use_sliding_window": True, "sliding_window": 512, "max_window_layers": 0}},
    "gpt2": {"erf gelu": {"activation_function": "gelu"}, "epsilon 1e-6": {"layer_norm_epsilon": 1e-6}, "no biases": {}},
}


def build(config, weights):
    made = AutoModelForCausalLM.from_config(AutoConfig.for_model(**copy.deepcopy(config)), attn_implementation="eager", dtype=torch.float32)
    report = made.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()}, strict=False, assign=True)
    made.tie_weights()
    tied = {"lm_head.weight"} if config["tie_word_embeddings"] else set()
    assert set(report.missing_keys) <= tied and not report.unexpected_keys, report
    return made.eval()


@torch.no_grad()
def logits_at(model, ids, rows):
    return model(torch.tensor(ids)[None], use_cache=False, logits_to_keep=torch.tensor(rows)).logits[0].numpy()


@torch.no_grad()
def greedy(model, ids):
    """Every step from scratch, then once more with the cache: the ids must agree."""
    ids, margins = list(ids), []
    length = len(ids)
    for _ in range(GREEDY_STEPS):
        first, second = np.sort(row := logits_at(model, ids, [len(ids) - 1])[0])[:-3:-1]
        margins.append(float(first - second))
        ids.append(int(row.argmax()))
    prompt = torch.tensor(ids[:length])[None]
    cached = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=GREEDY_STEPS, do_sample=False, eos_token_id=None)
    assert cached[0].tolist() == ids, f"greedy ids {ids[length:]} become {cached[0, length:].tolist()} with a cache, margins {margins}"
    return {"ids": ids[length:], "smallestMargin": min(margins)}


def describe(position, row):
    exact = row.astype(np.float64)
    second, first = np.sort(exact)[-2:]
    return {
        "position": position,
        "logits": exact[VOCABULARY_IDS].tolist(),
        "max": first,
        "argmax": int(row.argmax()),
        "margin": first - second,
        "mean": exact.mean(),
        "norm": np.sqrt((exact**2).sum()),
        "blockSums": exact.reshape(BLOCKS, -1).sum(-1).tolist(),
    }


def distance(a, b, key):
    return max(float(np.abs(np.subtract(x[key], y[key])).max()) for x, y in zip(a, b))


def make(family):
    recipe = read_recipe(family)
    config, ids = recipe["config"], prompt_ids(recipe)
    weights = {tensor["name"]: fill_tensor(tensor) for tensor in recipe["tensors"]}
    model = build(config, weights)
    logits = logits_at(model, ids, POSITIONS)
    exact, effective_keys = decode(config, weights, ids, POSITIONS)
    exact_angles, _ = decode(config, weights, ids, POSITIONS, angle_type=np.float64)
    rows = [describe(*pair) for pair in zip(POSITIONS, logits)]
    exact_rows = [describe(*pair) for pair in zip(POSITIONS, exact)]
    sensitivity = {}
    for name, change in WRONG[family].items():
        altered = {key: value * (0 if "bias" in name and key.endswith(".bias") else 1) for key, value in weights.items()}
        kept = {key: value for key, value in config.items() if not (key == "rope_theta" and "rope_parameters" in change)}
        sensitivity[name] = float(np.abs(logits_at(build({**kept, **change}, altered), ids, POSITIONS) - logits).max())
    expected = {
        "madeWith": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "seed": recipe["seed"],
        "tensors": {name: checksum(values) for name, values in weights.items()},
        "prompt": {"length": len(ids), "start": ids[:8].tolist(), "end": ids[-8:].tolist(), "sum": int(ids.sum())},
        "statistics": {"logitsDeviation": float(logits.std()), "effectiveKeys": float(effective_keys)},
        "vocabularyIds": VOCABULARY_IDS,
        "rows": rows,
        "float64": [{"position": p, "logits": exact[POSITIONS.index(p)][VOCABULARY_IDS].tolist()} for p in FLOAT64_POSITIONS],
        "noise": {
            "logits": float(np.abs(exact - logits).max()),
            **{key: distance(rows, exact_rows, key) for key in ("max", "mean", "norm", "blockSums")},
            "exactAngles": float(np.abs(exact_angles - logits).max()),
        },
        "sensitivity": sensitivity,
        "greedy": greedy(model, ids.tolist()),
    }
    (HERE / "expected" / f"{family}.json").write_text(json.dumps(rounded(expected), indent=2) + "\n")
    print(family, {key: expected[key] for key in ("statistics", "noise", "sensitivity", "greedy")}, flush=True)


def rounded(value):
    """Nine significant digits, which hold a float32 exactly."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or FAMILIES:
        make(name)
