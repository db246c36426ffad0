"""Computes heads.json and tasks.json: what transformers and sentence-transformers make of encoders.

    pip install numpy pillow torch transformers sentence-transformers
    HENCE_TESTDATA=../testdata python test/references/encoders/make.py
    npx biome check --write test/references/encoders

heads.json: small encoders of every head whose weights are arithmetic (see ../recipe.ts), so that no weights need keeping:
their tensors, and hidden states and logits of token ids. tasks.json: answers of pipelines over the reference checkpoints of
the testdata, and of the arithmetic token classifier with the tokenizer of `bert`.
"""

import json
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from recipe import fill_tensor, stream_key

REFS = pathlib.Path(os.environ.get("HENCE_TESTDATA", HERE.parents[2].parent / "shared" / "testdata")) / "refs"
SIZES = dict(vocab_size=512, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, max_position_embeddings=160)
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
NAMED = dict(id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)})
THREE = dict(id2label={0: "no", 1: "perhaps", 2: "yes"}, label2id={"no": 0, "perhaps": 1, "yes": 2})
MODERN = dict(local_attention=8, global_attn_every_n_layers=2, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
VIT = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=20, patch_size=6, num_channels=3)

HEADS = {
    "bert sequence": ("BertForSequenceClassification", dict(model_type="bert", **SIZES, **THREE)),
    "bert token": ("BertForTokenClassification", dict(model_type="bert", **SIZES, **NAMED)),
    "bert pooler": ("BertModel", dict(model_type="bert", **SIZES, hidden_act="relu", type_vocab_size=3)),
    "bert untied": ("BertForMaskedLM", dict(model_type="bert", **SIZES, tie_word_embeddings=False)),
    "roberta masked": ("RobertaForMaskedLM", dict(model_type="roberta", **{**SIZES, "max_position_embeddings": 82}, pad_token_id=1, hidden_act="relu")),
    "roberta token": ("RobertaForTokenClassification", dict(model_type="roberta", **SIZES, **NAMED, pad_token_id=3)),
    "xlm-roberta sequence": ("XLMRobertaForSequenceClassification", dict(model_type="xlm-roberta", **SIZES, num_labels=1)),
    "modernbert sequence": ("ModernBertForSequenceClassification", dict(model_type="modernbert", **SIZES, **MODERN, **THREE)),
    "modernbert mean": ("ModernBertForSequenceClassification", dict(model_type="modernbert", **SIZES, **MODERN, **THREE, classifier_pooling="mean", classifier_bias=True, norm_bias=True)),
    "modernbert token": ("ModernBertForTokenClassification", dict(model_type="modernbert", **SIZES, **MODERN, **NAMED, attention_bias=True, mlp_bias=True)),
    "vit pooler": ("ViTModel", dict(model_type="vit", **VIT)),
}


def build(kind, config, seed):
    """The model with uniform numbers of a width that keeps attention and logits alive, norms around one, by way of a file."""
    cls, made = getattr(transformers, kind), transformers.AutoConfig.for_model(**config)
    with tempfile.TemporaryDirectory() as folder:
        cls(made).save_pretrained(folder)
        path = pathlib.Path(folder) / "model.safetensors"
        with safe_open(path, "pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
        tensors = []
        for index, (name, shape) in enumerate(shapes.items()):
            is_norm = "norm" in name.lower() and name.endswith("weight")
            tensors.append({"name": name, "shape": shape, "center": 1.0 if is_norm else 0.0, "halfRange": 0.5 if len(shape) == 2 else 0.4, "key": stream_key(seed, index)})
        save_file({t["name"]: torch.from_numpy(fill_tensor(t)) for t in tensors}, path, metadata={"format": "pt"})
        return cls.from_pretrained(folder, attn_implementation="eager").eval().float(), tensors


@torch.no_grad()
def heads():
    result = {}
    for seed, (name, (kind, config)) in enumerate(HEADS.items()):
        model, tensors = build(kind, config, seed)
        entry = {"architecture": kind, "config": {**config, "architectures": [kind]}, "seed": seed, "tensors": {t["name"]: t["shape"] for t in tensors}, "texts": []}
        if config["model_type"] == "vit":
            pixels = fill_tensor({"shape": [2, 3, 20, 20], "center": 0.0, "halfRange": 1.0, "key": stream_key(seed, 999)})
            out = model(pixel_values=torch.from_numpy(pixels))
            entry["hidden"] = numbers(out.last_hidden_state[:, ::3, ::8])
            entry["head"] = numbers(out.pooler_output)
        else:
            for length in (5, 60):
                ids = [(7 + 31 * i * i + length) % 500 + 5 for i in range(length)]
                inputs = {"input_ids": torch.tensor([ids])}
                types = [int(i > length / 2) for i in range(length)] if config["model_type"] == "bert" else None
                if types:
                    inputs["token_type_ids"] = torch.tensor([types])
                out = model(**inputs, output_hidden_states=True)
                head = out.logits[0] if "logits" in out else out.pooler_output[0]
                head = head[::7, ::32] if head.ndim == 2 and head.shape[1] > 64 else head
                hidden = (out.hidden_states[-1] if config["model_type"] != "modernbert" else model.model(**inputs).last_hidden_state)[0]
                entry["texts"].append({"ids": ids, "types": types, "hidden": numbers(hidden[::7, ::8]), "head": numbers(head)})
        result[name] = entry
    return result


def tasks():
    transformers.logging.set_verbosity_error()
    from PIL import Image

    load = lambda kind, name: (getattr(transformers, kind).from_pretrained(REFS / name, attn_implementation="eager").eval(), transformers.AutoTokenizer.from_pretrained(REFS / name))
    result = {}
    fills = {"bert": "The river carries [MASK] wooden boxes.", "xlm-roberta": "The river <mask> boxes.", "modernbert": "A quiet [MASK] repairs the [MASK]."}
    for name, text in fills.items():
        model, tokenizer = load("AutoModelForMaskedLM", name)
        found = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer)(text, top_k=3)
        result[f"fill-mask {name}"] = {"text": text, "answer": found}
    model, tokenizer = load("AutoModelForSequenceClassification", "roberta")
    classify = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    inputs = ["how water becomes steam?", {"text": "The river", "text_pair": "carries boxes."}]
    result["classify-text roberta"] = {"texts": inputs, "answer": [classify(i, top_k=None) for i in inputs], "sigmoid": classify(inputs[0], top_k=None, function_to_apply="sigmoid")}
    token, _ = build(*HEADS["bert token"], seed=list(HEADS).index("bert token"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(REFS / "bert")
    ner = transformers.pipeline("token-classification", model=token, tokenizer=tokenizer)
    text = "The baker doesn't understand unfamiliar neighbourhoods, my quiet engineer explains: describing seventeen numbers!"
    answers = {strategy: ner(text, aggregation_strategy=strategy) for strategy in ("none", "simple", "first", "average", "max")}
    result["classify-tokens bert"] = {"text": text, "answer": answers}
    clip = transformers.CLIPModel.from_pretrained(REFS / "clip", attn_implementation="eager").eval()
    processor = transformers.CLIPProcessor(
        transformers.CLIPImageProcessor.from_pretrained(REFS / "clip"), transformers.AutoTokenizer.from_pretrained(REFS / "clip")
    )
    labels = ["a river", "seven boxes", "the morning sky"]
    image = Image.open(REFS / "clip" / "image.png").convert("RGB")
    texts = [f"This is a photo of {label}." for label in labels]
    with torch.no_grad():
        both = clip(**processor(text=texts, images=image, return_tensors="pt", padding=True))
    shares = both.logits_per_image.softmax(-1)[0].tolist()
    result["zero-shot clip"] = {"labels": labels, "answer": sorted(({"label": l, "score": s} for l, s in zip(labels, shares)), key=lambda x: -x["score"]), "embeds": numbers(both.image_embeds[0])}
    vit = transformers.ViTForImageClassification.from_pretrained(REFS / "vit", attn_implementation="eager").eval()
    pixels = transformers.ViTImageProcessor.from_pretrained(REFS / "vit")(Image.open(REFS / "vit" / "image.png").convert("RGB"), return_tensors="pt")
    with torch.no_grad():
        shares = vit(**pixels).logits.softmax(-1)[0]
    result["classify-image vit"] = {"answer": [{"label": vit.config.id2label[int(i)], "score": float(shares[i])} for i in shares.argsort(descending=True)[:3]]}
    result.update(sentences())
    return result


SENTENCE_TEXTS = ["The river carries boxes.", "HOW water becomes Steam?", "A quiet engineer."]
SENTENCES = {
    "cls, max and mean": dict(old=True, pooling=dict(pooling_mode_cls_token=True, pooling_mode_max_tokens=True, pooling_mode_mean_tokens=True)),
    "max and mean": dict(pooling=dict(pooling_mode_max_tokens=True, pooling_mode_mean_tokens=True)),
    "root of the length": dict(old=True, pooling=dict(pooling_mode_mean_sqrt_len_tokens=True), normalize=True),
    "weighted mean": dict(pooling=dict(pooling_mode_weightedmean_tokens=True)),
    "last token": dict(pooling=dict(pooling_mode_lasttoken=True), max_seq_length=6),
    "dense": dict(pooling=dict(pooling_mode_mean_tokens=True), dense=[dict(size=24, bias=True, activation="Tanh"), dict(size=10, bias=False, activation="Identity")], normalize=True),
    "prompt left out": dict(pooling=dict(pooling_mode_mean_tokens=True, include_prompt=False), prompts={"query": "seven wooden: "}, prompt_name="query"),
    "prompt by default": dict(pooling=dict(pooling_mode_cls_token=True), prompts={"query": "seven wooden: "}, default_prompt_name="query"),
}


def sentences():
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

    result = {}
    for seed, (name, case) in enumerate(SENTENCES.items()):
        with tempfile.TemporaryDirectory() as folder:
            for file in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
                (pathlib.Path(folder) / file).write_bytes((REFS / "bert" / file).read_bytes())
            first = Transformer(folder, max_seq_length=case.get("max_seq_length", 128))
            pooling = Pooling(64, **{"pooling_mode_mean_tokens": False, **case["pooling"]})
            modules, width, tensors = [first, pooling], pooling.get_sentence_embedding_dimension(), []
            for i, dense in enumerate(case.get("dense", [])):
                layer = Dense(width, dense["size"], bias=dense["bias"], activation_function=getattr(torch.nn, dense["activation"])())
                own = [{"name": "linear.weight", "shape": [dense["size"], width]}] + ([{"name": "linear.bias", "shape": [dense["size"]]}] if dense["bias"] else [])
                for j, tensor in enumerate(own):
                    tensor.update(center=0.0, halfRange=0.3, key=stream_key(100 + seed, 10 * i + j))
                layer.load_state_dict({t["name"]: torch.from_numpy(fill_tensor(t)) for t in own})
                modules.append(layer)
                tensors.append({t["name"]: t["shape"] for t in own})
                width = dense["size"]
            if case.get("normalize"):
                modules.append(Normalize())
            model = SentenceTransformer(modules=modules, prompts=case.get("prompts"), default_prompt_name=case.get("default_prompt_name"), device="cpu")
            answer = model.encode(SENTENCE_TEXTS, prompt_name=case.get("prompt_name"), convert_to_numpy=True)
            saved = tempfile.mkdtemp()
            model.save(saved)
            # Older versions, which most published models come from, spell these two files otherwise.
            old = {"1_Pooling/config.json": {"word_embedding_dimension": 64, **{"pooling_mode_mean_tokens": False, **case["pooling"]}}} if case.get("old") else {}
            if "max_seq_length" in case:
                old["sentence_bert_config.json"] = {"max_seq_length": case["max_seq_length"], "do_lower_case": False}
            files = {str(p.relative_to(saved)): json.loads(p.read_text()) for p in pathlib.Path(saved).rglob("*.json") if p.parent != pathlib.Path(saved) or p.name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json")}
            result[f"sentence {name}"] = {"texts": SENTENCE_TEXTS, "files": {**files, **old}, "seed": 100 + seed, "layers": tensors, "promptName": case.get("prompt_name"), "answer": numbers(torch.from_numpy(answer))}
    return result


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{float(value):.9g}")
    return int(value) if isinstance(value, np.integer) else value


if __name__ == "__main__":
    torch.set_num_threads(1)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    (HERE / "heads.json").write_text(json.dumps(plain({"madeWith": versions, "models": heads()})) + "\n")
    (HERE / "tasks.json").write_text(json.dumps(plain({"madeWith": versions, **tasks()})) + "\n")
