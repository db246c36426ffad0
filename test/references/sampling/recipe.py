"""Writes fixtures/expected.json: the probabilities that transformers' samplers leave of seeded logits.

Run with torch and transformers: python recipe.py
"""

import json
import math
from pathlib import Path

import torch
from transformers import LogitsProcessorList, MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper, TypicalLogitsWarper

SIZE = 120
CASES = [
    {},
    {"temperature": 0.6},
    {"temperature": 3.0},
    {"topK": 7},
    {"topP": 0.8},
    {"topP": 0.35, "temperature": 2.5},
    {"minP": 0.1},
    {"typicalP": 0.6},
    {"typicalP": 0.2, "temperature": 1.8},
    {"typicalP": 0.95},
    {"topK": 30, "topP": 0.9, "temperature": 1.5},
    {"topK": 40, "topP": 0.95, "minP": 0.02, "temperature": 2.0},
    {"topP": 0.9, "typicalP": 0.7, "temperature": 1.3},
    {"topK": 25, "topP": 0.97, "minP": 0.01, "typicalP": 0.8, "temperature": 1.7},
]


def logits(seed):
    return torch.tensor([[3 * math.sin((seed + 1) * 12.9898 * (i + 1)) for i in range(SIZE)]], dtype=torch.float32).double()


def warpers(case):
    # In the order in which generate() applies them.
    found = LogitsProcessorList()
    if "temperature" in case:
        found.append(TemperatureLogitsWarper(case["temperature"]))
    if "topK" in case:
        found.append(TopKLogitsWarper(case["topK"]))
    if "topP" in case:
        found.append(TopPLogitsWarper(case["topP"]))
    if "minP" in case:
        found.append(MinPLogitsWarper(case["minP"]))
    if "typicalP" in case:
        found.append(TypicalLogitsWarper(case["typicalP"]))
    return found


expected = []
for seed, case in enumerate(CASES):
    left = torch.softmax(warpers(case)(torch.zeros(1, 1, dtype=torch.long), logits(seed)), -1)[0]
    pairs = [[i, round(p, 9)] for i, p in enumerate(left.tolist()) if p > 0]
    expected.append({"seed": seed, "sampling": case, "left": pairs})
(Path(__file__).parent / "fixtures" / "expected.json").write_text(json.dumps(expected) + "\n")
