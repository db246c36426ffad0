"""Computes expected.json with transformers on a CPU: what searches over the small encoder–decoders of the test data find.

    pip install numpy safetensors torch transformers
    python test/references/seq2seq/make.py TESTDATA/refs
    npx biome check --write test/references/seq2seq

What expected.json holds:

- searches: beam searches with options as `generate` takes them; sequences without the decoder's beginning, and scores.
- original: T5 in its first form (plain relu, one table for everything), made of the t5 model's own tensors: logits after the
  beginning and the greedy ids.
- times: tokens Whisper's rule of times lets through, for made-up logits and beginnings.
"""

import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSeq2SeqLM, GenerationConfig, T5Config, T5ForConditionalGeneration
from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor

HERE = os.path.dirname(os.path.abspath(__file__))
REFS = sys.argv[1]
torch.set_num_threads(1)

OPTIONS = [
    {"num_beams": 3, "early_stopping": True, "length_penalty": 2.0, "max_new_tokens": 24},
    {"num_beams": 4, "early_stopping": "never", "length_penalty": 1.0, "max_new_tokens": 16},
    {"num_beams": 4, "early_stopping": "never", "length_penalty": -0.5, "max_new_tokens": 16},
    {"num_beams": 2, "early_stopping": False, "length_penalty": 0.0, "max_new_tokens": 12},
    {"num_beams": 5, "early_stopping": False, "length_penalty": -1.0, "max_new_tokens": 20},
    {"num_beams": 4, "early_stopping": True, "no_repeat_ngram_size": 2, "min_new_tokens": 6, "max_new_tokens": 24},
    {"num_beams": 3, "early_stopping": False, "no_repeat_ngram_size": 1, "max_new_tokens": 12},
    {"num_beams": 4, "early_stopping": True, "forced_bos_token_id": 33, "forced_eos_token_id": "end", "max_new_tokens": 12},
    {"num_beams": 3, "early_stopping": True, "repetition_penalty": 1.7, "max_new_tokens": 16},
    {"num_beams": 3, "early_stopping": False, "suppress_tokens": [80, 152, 156, 293], "begin_suppress_tokens": [96, 90, 308], "max_new_tokens": 14},
    {"num_beams": 3, "early_stopping": False, "bad_words_ids": [[80, 80], [152, 159, 72], [293], [96, 252]], "max_new_tokens": 14},
]


def searches():
    found = []
    for name in ["t5", "bart", "marian"]:
        folder = os.path.join(REFS, name)
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
        prompts = json.load(open(os.path.join(folder, "reference.json")))["prompts"]
        for which, options in enumerate(OPTIONS):
            prompt = which % len(prompts)
            end = model.generation_config.eos_token_id
            given = {k: (end if v == "end" else v) for k, v in options.items()}
            if "bad_words_ids" in given:
                given["bad_words_ids"] = [word for word in given["bad_words_ids"] if max(word) < model.config.vocab_size]
            for key in ["suppress_tokens", "begin_suppress_tokens"]:
                if key in given:
                    given[key] = [token for token in given[key] if token < model.config.vocab_size]
            ids = torch.tensor([prompts[prompt]["input_ids"]])
            out = model.generate(
                ids, do_sample=False, num_return_sequences=given["num_beams"], output_scores=True, return_dict_in_generate=True, **given
            )
            sequences = []
            for row in out.sequences[:, 1:].tolist():
                sequences.append(row[: row.index(end) + 1] if end in row else row)
            found.append({"model": name, "prompt": prompt, "options": given, "sequences": sequences, "scores": [round(s, 6) for s in out.sequences_scores.tolist()]})
            print(name, which, sequences[0], found[-1]["scores"])
    return found


def original():
    folder = os.path.join(REFS, "t5")
    config = json.load(open(os.path.join(folder, "config.json")))
    for key in ["dense_act_fn", "is_gated_act", "architectures", "dtype", "transformers_version"]:
        config.pop(key, None)
    config.update({"feed_forward_proj": "relu", "tie_word_embeddings": True})
    model = T5ForConditionalGeneration(T5Config(**config)).eval()
    stored = load_file(os.path.join(folder, "model.safetensors"))
    weights = {}
    for name, tensor in stored.items():
        if "wi_1" in name or name == "lm_head.weight" or "embed_tokens" in name:
            continue
        weights[name.replace("wi_0", "wi")] = tensor
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all("embed_tokens" in m or m == "lm_head.weight" for m in missing), (missing, unexpected)
    model.tie_weights()
    prompt = json.load(open(os.path.join(folder, "reference.json")))["prompts"][2]
    ids = torch.tensor([prompt["input_ids"]])
    with torch.no_grad():
        target = [0]
        logits = None
        for _ in range(16):
            rows = model(input_ids=ids, decoder_input_ids=torch.tensor([target])).logits[0]
            if logits is None:
                logits = rows[-1]
            target.append(int(rows[-1].argmax()))
    return {"config": config, "prompt": 2, "logits": [round(x, 6) for x in logits.tolist()], "greedy": target[1:]}


def times():
    config = GenerationConfig(eos_token_id=50, bos_token_id=50, no_timestamps_token_id=63, max_initial_timestamp_index=5, decoder_start_token_id=51)
    cases = []
    begins = [[], [64], [64, 3], [64, 3, 70], [64, 3, 70, 70], [64, 3, 70, 70, 9], [66], [10], [64, 70], [80, 5, 90, 90, 7, 99], [68, 1, 68]]
    for seed in range(3):
        for begin in begins:
            for weight in [0.0, 3.0, -6.0]:
                logits = [float(np.float32(4 * np.sin((seed + 1) * 12.9898 * (i + 1)) + (weight if i >= 64 else 0))) for i in range(120)]
                processor = WhisperTimeStampLogitsProcessor(config, begin_index=2)
                scores = processor(torch.tensor([[51, 52, *begin]]), torch.tensor([logits]))
                allowed = torch.isfinite(scores[0]).nonzero().flatten().tolist()
                cases.append({"seed": seed, "weight": weight, "begin": begin, "allowed": ranges(allowed)})
    return cases


def ranges(ids):
    runs = []
    for i in ids:
        if runs and runs[-1][1] == i:
            runs[-1][1] = i + 1
        else:
            runs.append([i, i + 1])
    return runs


if __name__ == "__main__":
    made = {"searches": searches(), "original": original(), "times": times()}
    with open(os.path.join(HERE, "expected.json"), "w") as file:
        json.dump(made, file)
        file.write("\n")
