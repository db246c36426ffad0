"""Trains the storyteller from scratch: python models/storyteller/train.py OUT

Needs torch, transformers and tokenizers, and node for the corpus. Writes a Hugging Face folder, and loss.csv beside it;
export.mjs makes the shipped file of it. The seed is fixed; the numbers of another machine differ in their last digits.
"""

import csv
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
SPECIALS = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]
VOCABULARY = 1024
CONTEXT = 512
ROW = 360
IGNORED = -100
DOCUMENTS = 60_000
BATCH = 10
REPEAT_ROWS = 3
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 1_500
REPEAT_STEPS = STEPS // 3
PEAK_RATE = 3e-3
WARM_UP = 100


def corpus():
    text = subprocess.run(["node", str(HERE / "corpus.mjs"), str(DOCUMENTS)], capture_output=True, text=True, check=True).stdout
    return [rendered(json.loads(line)) for line in text.splitlines()]


def rendered(document):
    if "text" in document:
        return f"<s>{document['text']}</s>"
    turns = "".join(f"<|{m['role']}|>{m['content']}<|end|>" for m in document["messages"])
    return f"<s>{turns}</s>"


def train_tokenizer(documents):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(documents[:10_000], trainer)
    return tokenizer


def batches(tokenizer, documents):
    """Rows of whole documents, none of them cut; what is left of a row is not learned from."""
    rows, row = [], []
    for encoding in tokenizer.encode_batch(documents, add_special_tokens=False):
        if len(row) + len(encoding.ids) > ROW:
            rows.append(row + [IGNORED] * (ROW - len(row)))
            row = []
        row = row + encoding.ids[:ROW]
    rows = torch.tensor(rows)
    print(f"{(rows != IGNORED).sum():,} tokens, {len(rows):,} rows", flush=True)
    generator = torch.Generator().manual_seed(0)
    step = 0
    while True:
        for chosen in torch.randperm(len(rows), generator=generator).split(BATCH):
            ids, labels = rows[chosen].clamp(min=0), rows[chosen]
            if step < REPEAT_STEPS:
                again, learned = repeats(generator)
                ids, labels = torch.cat([ids, again]), torch.cat([labels, learned])
            yield ids, labels
            step += 1


def repeats(generator):
    """Random tokens that come again, every row after a length of its own. To look back is learned from these much sooner than from stories."""
    ids = torch.randint(len(SPECIALS), VOCABULARY, (REPEAT_ROWS, ROW), generator=generator)
    labels = torch.full_like(ids, IGNORED)
    for row in range(REPEAT_ROWS):
        period = int(torch.randint(8, ROW // 2, (1,), generator=generator))
        ids[row] = ids[row, torch.arange(ROW) % period]
        labels[row, period:] = ids[row, period:]
    return ids, labels


def rate_at(step):
    if step < WARM_UP:
        return PEAK_RATE * (step + 1) / WARM_UP
    return PEAK_RATE * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / (STEPS - WARM_UP))))


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    documents = corpus()
    tokenizer = train_tokenizer(documents)
    tokenizer.save(str(out / "tokenizer.json"))
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=160,
            intermediate_size=416,
            num_hidden_layers=5,
            num_attention_heads=5,
            num_key_value_heads=1,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    began = time.time()
    with open(out / "loss.csv", "w", newline="") as file:
        log = csv.writer(file)
        log.writerow(["step", "loss"])
        for step, (ids, labels) in zip(range(STEPS), batches(tokenizer, documents)):
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step)
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(ids, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if step % 10 == 0:
                log.writerow([step, round(loss.item(), 4)])
                file.flush()
            if step % 50 == 0:
                print(f"step {step} loss {loss.item():.4f} {time.time() - began:.0f} s", flush=True)
                if step % 100 == 0:
                    model.save_pretrained(out)
    model.save_pretrained(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
