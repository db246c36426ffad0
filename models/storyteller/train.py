"""Trains the storyteller from scratch: python models/storyteller/train.py OUT

Needs torch, transformers and tokenizers, and node for the corpus. Writes a Hugging Face folder, and loss.csv beside it;
export.mjs makes the shipped file of it. The seed is fixed; the numbers of another machine differ in their last digits.
"""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
SPECIALS = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]
ASSISTANT, END = SPECIALS.index("<|assistant|>"), SPECIALS.index("<|end|>")
VOCABULARY = 768
CONTEXT = 512
DOCUMENTS = 60_000
BATCH_TOKENS = 1_536
# Widths of batches are multiples of this: the kernels are made anew for each shape.
WIDTH_STEP = 16
POOL = 2_048
ANSWER_WEIGHT = 4
LONGEST_ANSWER = 24
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 4_400
PEAK_RATE = 1.5e-3
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
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def batches(rows):
    """
    Batches of documents of about one length, in the order of the text; then the whole stories at its end again and again.
    No document sees another one.
    """
    generator = torch.Generator().manual_seed(0)
    while True:
        for start in range(0, len(rows), POOL):
            pool = sorted(rows[start : start + POOL], key=len)
            cuts, batch = [], []
            for row in pool:
                if (len(batch) + 1) * width_for(row) > BATCH_TOKENS:
                    cuts.append(batch)
                    batch = []
                batch.append(row)
            for chosen in torch.randperm(len(cuts), generator=generator):
                yield padded(cuts[chosen])
        rows = rows[-len(rows) * 3 // 10 :]


def width_for(row):
    return -(-len(row) // WIDTH_STEP) * WIDTH_STEP


def padded(rows):
    width = max(map(width_for, rows))
    rows = rows + [[]] * (BATCH_TOKENS // width - len(rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    weights = torch.tensor([weights_of(row) + [0] * (width - len(row)) for row in rows], dtype=torch.float32)
    return ids, weights


def weights_of(row):
    """An answer counts for more than the text it is about: there is little of it, and all that is hard is in it."""
    weights = [1] * len(row)
    for start in (i + 1 for i, token in enumerate(row) if token == ASSISTANT):
        end = next((i for i in range(start, len(row)) if row[i] == END), len(row))
        if end - start <= LONGEST_ANSWER:
            weights[start:end] = [ANSWER_WEIGHT] * (end - start)
    return weights


def losses(model, ids, weights):
    """The weighted loss to learn from, and the plain one of the answers alone, to watch."""
    logits = model(ids).logits[:, :-1].float()
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    weights = weights[:, 1:]
    answers = weights > 1
    return (each * weights).sum() / weights.sum(), each[answers].mean().item()


def rate_at(step):
    """Flat for three quarters, because the longest documents come last, then down to nothing."""
    return PEAK_RATE * min(1, (step + 1) / WARM_UP, (STEPS - step) / (STEPS / 4))


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    documents = corpus()
    tokenizer = train_tokenizer(documents[::6])
    tokenizer.save(str(out / "tokenizer.json"))
    rows = [encoding.ids[:CONTEXT] for encoding in tokenizer.encode_batch(documents, add_special_tokens=False)]
    print(f"{sum(map(len, rows)):,} tokens, {len(rows):,} documents", flush=True)
    model = new_model()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
    began = time.time()
    with open(out / "loss.csv", "w", newline="", buffering=1) as file:
        log = csv.writer(file)
        log.writerow(["step", "loss", "answers"])
        for step, (ids, weights) in zip(range(STEPS), batches(rows)):
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step)
            with torch.autocast("cpu", torch.bfloat16):
                loss, answers = losses(model, ids, weights)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if step % 10 == 0:
                log.writerow([step, round(loss.item(), 4), round(answers, 4)])
            if step % 100 == 0:
                print(f"step {step} loss {loss.item():.4f} answers {answers:.4f} {time.time() - began:.0f} s, {ids.shape[1]} wide", flush=True)
            if step % 200 == 199:
                model.save_pretrained(out)
    model.save_pretrained(out)


def new_model():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=6,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            initializer_range=0.05,
            bos_token_id=0,
            eos_token_id=1,
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
