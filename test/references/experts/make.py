"""Writes expected.json: what gguf-py and transformers say about models with experts or states.

Run again after a change, in a virtual environment that is no part of the project, with the folder of test data:

    pip install numpy safetensors torch transformers gguf
    python test/references/experts/make.py TESTDATA
    npx biome check --write test/references/experts

- gguf: for each family the names that gguf-py gives the tensors of the checkpoint in TESTDATA/refs, with shapes and checksums
  of the numbers once they are changed as llama.cpp's converter does: experts stacked, rows of q and k for interleaved
  pairs (mixtral calls itself llama), gate and up parted, A instead of log(-A), convolutions without their axis of 1.
- mxfp4: logits of the gpt-oss checkpoint with its experts in four-bit floats, as transformers computes them: each expert's
  matrix times SCALE, so that gates reach their end, rounded by gguf-py's quantiser, then unpacked by transformers from the
  blocks and scales of the published files. `checksums` are those of blocks and scales; `unclamped` is the largest change of a
  logit when gates have no end.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import gguf
import numpy as np
import torch
from gguf.quants import quantize
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from recipe import checksum

REFS = pathlib.Path(sys.argv[1]) / "refs"
SCALE = 6.0
PROMPT = 2
ROWS = [0, 31, 55]
FAMILIES = {
    "mixtral": gguf.MODEL_ARCH.LLAMA,
    "qwen3_moe": gguf.MODEL_ARCH.QWEN3MOE,
    "gpt_oss": gguf.MODEL_ARCH.GPT_OSS,
    "mamba": gguf.MODEL_ARCH.MAMBA,
    "lfm2": gguf.MODEL_ARCH.LFM2,
}


def read(name):
    return json.loads((REFS / name / "config.json").read_text()), load_file(REFS / name / "model.safetensors")


def interleaved(values, heads):
    return values.reshape(heads, 2, -1, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)


def stacked(weights):
    """Tensors with an expert's index become one without it."""
    result, experts = {}, {}
    for name, values in weights.items():
        if ".experts." in name and name.split(".experts.")[1][0].isdigit():
            layer, rest = name.split(".experts.")
            index, part = rest.split(".", 1)
            experts.setdefault((layer, part), {})[int(index)] = values
        else:
            result[name] = values
    for (layer, part), parts in experts.items():
        result[f"{layer}.experts.{part}"] = np.stack([parts[i] for i in range(len(parts))])
    return result


def converted(family, config, weights):
    for name, values in stacked(weights).items():
        if family == "mixtral" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
            yield name, interleaved(values, heads)
        elif family == "gpt_oss" and ".experts." in name:
            base, is_bias = name.replace("_bias", ""), name.endswith("_bias")
            part = ".bias" if is_bias else ".weight"
            turned = values if is_bias else values.swapaxes(-1, -2)
            if "gate_up_proj" not in name:
                yield base + part, turned
                continue
            axis = turned.ndim - (1 if is_bias else 2)
            for i, half in enumerate(["gate_proj", "up_proj"]):
                yield base.replace("gate_up_proj", half) + part, np.take(turned, range(i, turned.shape[axis], 2), axis)
        elif name.endswith("sinks"):
            yield name + ".weight", values
        elif name.endswith("A_log"):
            yield name, -np.exp(values)
        elif name.endswith(("conv1d.weight", "conv.conv.weight")):
            yield name, values.squeeze(1)
        else:
            yield name, values


def gguf_tensors(family, arch):
    config, weights = read(family)
    names = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    result = {}
    for name, values in converted(family, config, weights):
        renamed = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert renamed, name
        result[renamed] = [list(values.shape), checksum(np.ascontiguousarray(values, np.float32))]
    return dict(sorted(result.items()))


def packed(values):
    """[experts, in, out] -> blocks [experts, out, in / 32, 16] and scales, neighbours in one byte, rounded by gguf-py."""
    turned = np.ascontiguousarray(values.swapaxes(-1, -2) * np.float32(SCALE))
    raw = quantize(turned.reshape(-1, turned.shape[-1]), gguf.GGMLQuantizationType.MXFP4)
    raw = raw.reshape(*turned.shape[:-1], turned.shape[-1] // 32, 17)
    nibbles = np.concatenate([raw[..., 1:] & 15, raw[..., 1:] >> 4], axis=-1)
    return nibbles[..., ::2] | (nibbles[..., 1::2] << 4), raw[..., 0]


def bytes_checksum(values):
    flat = values.ravel().astype(np.uint32)
    return int(np.sum(flat * (np.arange(flat.size, dtype=np.uint32) * np.uint32(2) + np.uint32(1)), dtype=np.uint32))


def logits(config, weights, ids, **wrong):
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), attn_implementation="eager", dtype=torch.float32)
    report = model.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in weights.items()}, strict=False)
    assert not report.missing_keys and not report.unexpected_keys, report
    for layer in model.model.layers:
        for name, value in wrong.items():
            setattr(layer.mlp.experts, name, value)
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits[0].numpy()


def mxfp4():
    config, weights = read("gpt_oss")
    sums = {}
    for name in [n for n in weights if n.endswith(("gate_up_proj", "down_proj"))]:
        blocks, scales = packed(weights[name])
        sums[name] = [bytes_checksum(blocks), bytes_checksum(scales)]
        unpacked = convert_moe_packed_tensors(torch.from_numpy(blocks), torch.from_numpy(scales.copy()), dtype=torch.bfloat16)
        weights[name] = unpacked.to(torch.float32).numpy()
    ids = load_file(REFS / "gpt_oss" / "reference.safetensors")[f"prompt{PROMPT}.input_ids"].ravel().tolist()
    right = logits(config, weights, ids)
    wrong = logits(config, weights, ids, limit=1e9)
    return {
        "scale": SCALE,
        "prompt": PROMPT,
        "checksums": sums,
        "argmax": right.argmax(-1).tolist(),
        "rows": {row: [float(x) for x in right[row].astype(np.float64).round(5)] for row in ROWS},
        "unclamped": float(np.abs(right - wrong).max()),
    }


torch.set_num_threads(1)
expected = {"gguf": {family: gguf_tensors(family, arch) for family, arch in FAMILIES.items()}, "mxfp4": mxfp4()}
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(expected, indent=1) + "\n")
print({k: len(v) for k, v in expected["gguf"].items()}, expected["mxfp4"]["unclamped"])
