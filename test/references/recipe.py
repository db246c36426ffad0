"""Weights and prompts of the models of real size: recipe.ts in numpy, bit for bit."""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
FAMILIES = ["llama", "mistral", "qwen2", "gpt2"]
PROMPT_STREAM = 0xFFFFFFFF


def read_recipe(family):
    recipe = json.loads((HERE / "recipes" / f"{family}.json").read_text())
    layers = recipe["config"].get("num_hidden_layers") or recipe["config"]["n_layer"]
    expanded = []
    for tensor in recipe["tensors"]:
        count = layers if "{layer}" in tensor["name"] else 1
        expanded += [{"center": 0.0, **tensor, "name": tensor["name"].replace("{layer}", str(i))} for i in range(count)]
    for index, tensor in enumerate(expanded):
        tensor["key"] = stream_key(recipe["seed"], index)
    return {**recipe, "tensors": expanded}


def fill_tensor(tensor):
    count = int(np.prod(tensor["shape"]))
    values = (hash_range(tensor["key"], count) >> np.uint32(8)).astype(np.float64)
    values -= 2.0**23
    values *= tensor["halfRange"] / 2.0**23
    values += tensor["center"]
    return values.astype(np.float32).reshape(tensor["shape"])


def prompt_ids(recipe):
    key = stream_key(recipe["seed"], PROMPT_STREAM)
    hashes = hash_range(key, recipe["promptLength"]).astype(np.uint64)
    return (hashes * np.uint64(recipe["config"]["vocab_size"]) >> np.uint64(32)).astype(np.int64)


def checksum(values):
    bits = np.ascontiguousarray(values).view(np.uint32).ravel()
    odd = np.arange(bits.size, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return int(np.sum(bits * odd, dtype=np.uint32))


def stream_key(seed, index):
    mixed = int(mix(np.array([seed], np.uint32))[0])
    return int(mix(np.array([(mixed + index) & 0xFFFFFFFF], np.uint32))[0])


def hash_range(key, count):
    index = np.arange(count, dtype=np.uint32)
    index *= np.uint32(0x9E3779B9)
    index += np.uint32(key)
    return mix(index)


def mix(x):
    x = x ^ (x >> np.uint32(16))
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x
