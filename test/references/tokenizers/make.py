"""Writes expected.jsonl: what Hugging Face's tokenizers library makes of awkward text, for tokenizers of every kind.

Run again after a change, in a virtual environment that is no part of the project:

    pip install tokenizers sentencepiece
    python test/references/tokenizers/make.py TESTDATA

TESTDATA is the folder with the reference checkpoints; only the charsmap of refs/t5 and the names of refs/ are used.

What the lines of expected.jsonl hold, by their "kind":

- file: a small tokenizer.json, one for each kind of component, made here of a few words, and its cases: texts with ids,
  offsets (in code points), words, and the decoded text.
- checkpoint: such cases for a tokenizer of refs/, with texts that its own reference lacks.
- pair: two texts with truncation and padding.
- sentencepiece: the pieces of refs/t5/spiece.model and the ids that SentencePiece itself gives for texts.
"""

import json
import os
import random
import sys

sys.dont_write_bytecode = True

from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))
TESTDATA = sys.argv[1]

PARTS = [
    *"the quick brown fox jumps over lazy dogs Hello WORLD don't I'm we've n't . , ! ? ... -- ' \" ( ) 1 12 345 6789 3.14".split(" "),
    *["é", "e\u0301", "e\u0323\u0301", "e\u0301\u0323", "ﬁ", "ﬁ\u0301", "½", "½\ufe0f", "Ⅷ", "٣", "ß", "İ", "Σ", "ΑΣ", "ς", "日本語", "漢字", "カタカナ", "ガ", "ｶﾞ", "한국어", "\u1112\u1161\u11ab"],
    *["，", "。", "！", "¿", "«", "…", "€", "₿", "½", "™", "№", "㎏", "ﷺ", "\u00a0", "\u3000", "\u2009", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2028"],
    *["👋", "👋🏽", "👨‍👩‍👧", "🇫🇷", "\u0000", "\u0001", "\u001c", "\u0085", "\u007f", "\u009f", "\ufffd", "\ue000", "▁", "▁▁", "Ġ", "\U0001d7d8", "\U00020000", "\U0001f9ff"],
    *[" ", "  ", "   ", "\n", "\r\n", "\r", "\t", "\n\n", " \n "],
    *["<s>", "</s>", "<unk>", "[MASK]", " [MASK] ", "<mask>", "<pad>", "[CLS]", "<0x0A>", "##", "##the", "the##"],
    *["ה", "שׁ", "नमस्ते", "ไทย", "ابت", "\u0600a", "ё", "\u0451\u0301", "q\u0307\u0323", "\u0344", "\u212b", "\u1e9b\u0323"],
]


def texts(seed, count):
    rng = random.Random(seed)
    made = ["", " ", "\n", "a", " a ", "Hello, world!", "\u0301a", "\u0001a\u0001b\u0001", "\r\na\r\n", "▁a▁"]
    while len(made) < count:
        glue = rng.choice(["", "", " ", " "])
        made.append(glue.join(rng.choice(PARTS) for _ in range(rng.randint(1, 9))))
    return made


def encoded(tokenizer, text):
    encoding = tokenizer.encode(text)
    return {
        "text": text,
        "ids": encoding.ids,
        "offsets": [value for pair in encoding.offsets for value in pair],
        "words": [-1 if word is None else word for word in encoding.word_ids],
        "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=False),
    }


CORPUS = ["the quick brown fox jumps over the lazy dogs", "Hello WORLD hello world don't I'm we've", "1 12 345 6789 3.14 é ﬁ ß", "日本語 漢字 カタカナ 한국어", "hello , world ! the the quick quick"]


def words():
    return [word for line in CORPUS for word in line.split(" ")]


def wordpiece(prefix="##"):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted({letter for word in words() for letter in word.lower() + word})
    vocab += letters + [prefix + letter for letter in letters] + list("().,!?'\"-…")
    vocab += ["the", "quick", "brown", "hello", prefix + "llo", prefix + "orld", "don", "fox", prefix + "s", "漢"]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(vocab))}
    return models.WordPiece(vocab, unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=20)


def unigram(byte_fallback=False):
    rng = random.Random(7)
    vocab = ["<unk>", "<s>", "</s>", "▁"]
    if byte_fallback:
        vocab += [f"<0x{byte:02X}>" for byte in range(256)]
    letters = sorted({letter for word in words() for letter in word})
    vocab += letters + ["▁the", "▁quick", "he", "ll", "lo", "▁he", "▁hello", "wor", "ld", "▁w", "ick", "▁d", "on", "'t", "don", "fi", "日本", "▁漢", "the", "▁▁"]
    vocab = list(dict.fromkeys(vocab))
    return models.Unigram([(token, 0.0 if i < 3 else -round(rng.uniform(1, 9), 2)) for i, token in enumerate(vocab)], unk_id=0, byte_fallback=byte_fallback)


def bpe(**options):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("q", "u"), ("qu", "i"), ("Ġ", "w"), ("o", "r"), ("Ã", "©"), ("ð", "Ł"), ("ðŁ", "ĳ"), ("Ġ", "Ġ"), ("1", "2"), ("l", "o"), ("l", "lo")]
    vocab = {token: i for i, token in enumerate([*alphabet, *(a + b for a, b in merges)])}
    return models.BPE(vocab, merges, **options)


def character_bpe(unk, fuse, byte_fallback, missing="xzé"):
    letters = sorted({letter for word in words() for letter in word} - set(missing)) + ["▁"]
    merges = [("t", "h"), ("th", "e"), ("▁", "the"), ("q", "u"), ("l", "o"), ("l", "lo"), ("h", "e"), ("▁", "▁"), ("b", "o")]
    vocab = [*([unk] if unk else []), *([f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []), *letters, *(a + b for a, b in merges)]
    return models.BPE({token: i for i, token in enumerate(dict.fromkeys(vocab))}, merges, unk_token=unk, fuse_unk=fuse, byte_fallback=byte_fallback)


def make(model, normalizer=None, pre=None, post=None, decoder=None, added=()):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    if post is not None:
        tokenizer.post_processor = post
    if decoder is not None:
        tokenizer.decoder = decoder
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return tokenizer


def split(pattern, behavior, invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def files():
    charsmap = next(n for n in json.load(open(f"{TESTDATA}/refs/t5/tokenizer.json"))["normalizer"]["normalizers"] if n["type"] == "Precompiled")["precompiled_charsmap"]
    import base64

    precompiled = normalizers.Precompiled(base64.b64decode(charsmap))
    N, P, D, S = normalizers, pre_tokenizers, decoders, processors
    meta = {"pre": P.Metaspace(), "decoder": D.Metaspace()}
    level = {"pre": P.ByteLevel(add_prefix_space=False), "decoder": D.ByteLevel()}
    bert = S.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    mask = AddedToken("[MASK]", lstrip=True, rstrip=True, special=True)
    made = {
        "bert": make(wordpiece(), N.BertNormalizer(), P.BertPreTokenizer(), bert, D.WordPiece(), [mask]),
        "bert-cased": make(wordpiece(), N.BertNormalizer(lowercase=False), P.BertPreTokenizer(), bert, D.WordPiece(cleanup=False)),
        "bert-dirty": make(wordpiece("~"), N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False), P.Whitespace(), None, D.WordPiece("~")),
        "unigram": make(unigram(), N.Sequence([N.NFKC(), N.Replace(Regex(" {2,}"), " ")]), **meta),
        "unigram-precompiled": make(unigram(), N.Sequence([precompiled, N.Strip(left=False, right=True), N.Replace(Regex(" {2,}"), "▁")]), **meta, added=[AddedToken("<mask>", lstrip=True, special=True, normalized=False)]),
        "unigram-bytes": make(unigram(True), N.Nmt(), P.Metaspace(prepend_scheme="first", split=False), None, D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])),
        "unigram-first": make(unigram(True), N.Strip(), P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="first")]), None, D.Metaspace(), [AddedToken("the", single_word=True, normalized=True)]),
        "roberta": make(bpe(), None, P.ByteLevel(add_prefix_space=True), S.RobertaProcessing(("Ġ", 220), ("!", 0), trim_offsets=True, add_prefix_space=True), D.ByteLevel(), [AddedToken("<mask>", lstrip=True, special=True)]),
        "roberta-plain": make(bpe(), None, P.ByteLevel(add_prefix_space=False), S.ByteLevel(trim_offsets=True, add_prefix_space=False), D.ByteLevel()),
        "bytes-normalized": make(bpe(ignore_merges=True), N.Sequence([N.Prepend("_"), N.NFD(), N.ByteLevel()]), None, None, D.ByteLevel()),
        "llama-split": make(bpe(), N.NFC(), P.Sequence([split(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]), None, D.ByteLevel()),
        "bpe-unknown": make(character_bpe("<unk>", False, False), N.Replace(" ", "▁"), None, None, D.BPEDecoder("x")),
        "bpe-fused": make(character_bpe("<unk>", True, False), N.Sequence([N.Lowercase(), N.Prepend("▁"), N.Replace(" ", "▁")]), None, None, D.Fuse()),
        "bpe-bytes": make(character_bpe("<unk>", True, True), N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, None, D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])),
        "bpe-suffix": make(models.BPE({token: i for i, token in enumerate(["<unk>", *"thequick.", *(letter + "</w>" for letter in "thequick."), "th", "the</w>", "qu"])}, [("t", "h"), ("th", "e</w>"), ("q", "u")], unk_token="<unk>", end_of_word_suffix="</w>"), None, P.Whitespace(), None, D.BPEDecoder("</w>")),
        "bpe-prefix": make(models.BPE({token: i for i, token in enumerate(["<unk>", *"thequick", *("##" + letter for letter in "thequick"), "th", "the", "##ui"])}, [("t", "##h"), ("th", "##e"), ("##u", "##i")], unk_token="<unk>", continuing_subword_prefix="##"), None, P.WhitespaceSplit(), None, D.WordPiece()),
        "wordlevel": make(models.WordLevel({token: i for i, token in enumerate(["<unk>", "the", "quick", "hello", ",", "12", "漢字"])}, unk_token="<unk>"), N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase()]), P.Sequence([P.Whitespace(), P.Digits(individual_digits=False)])),
        "ctc": make(models.WordLevel({token: i for i, token in enumerate(["<pad>", "|", *"thequick", "<unk>"])}, unk_token="<unk>"), N.Replace(" ", "|"), split("", "isolated"), None, D.CTC()),
    }
    level_model = lambda: models.WordLevel({"<unk>": 0}, unk_token="<unk>")
    for name, pre in {
        "punctuation": P.Punctuation(),
        "punctuation-contiguous": P.Punctuation("contiguous"),
        "digits": P.Digits(individual_digits=True),
        "delimiter": P.CharDelimiterSplit("e"),
        "scripts": P.UnicodeScripts(),
        "fixed": P.FixedLength(length=3),
        "split-removed": split(r"\s+", "removed"),
        "split-previous": split(r"[aeiou]", "merged_with_previous"),
        "split-next": split(r"[aeiou]", "merged_with_next"),
        "split-contiguous": split(r"\w", "contiguous"),
        "split-inverted": split(r"\p{L}+|\p{N}", "removed", True),
        "split-empty": split(r"(?=[A-Z])|x*", "isolated"),
        "words": P.Whitespace(),
        "metaspace-never": P.Metaspace(prepend_scheme="never"),
        "bert": P.BertPreTokenizer(),
    }.items():
        made[f"cut-{name}"] = make(level_model(), None, pre)
    for name, normalizer in {
        "nfc": N.NFC(), "nfd": N.NFD(), "nfkc": N.NFKC(), "nfkd": N.NFKD(), "precompiled": precompiled, "nmt": N.Nmt(), "strip": N.Strip(), "accents": N.Sequence([N.NFD(), N.StripAccents()]),
        "replace-empty": N.Replace(Regex("o*"), "-"), "bert": N.BertNormalizer(), "lowercase": N.Lowercase(), "replace": N.Replace(Regex("l+|  "), "__"), "bytes": N.ByteLevel(),
    }.items():
        made[f"normal-{name}"] = make(models.WordLevel({"<unk>": 0}, unk_token="<unk>"), normalizer, split("", "isolated"))
    # ids of characters say what the normalizer made of them
    for name in [name for name in made if name.startswith("normal-")]:
        letters = sorted({letter for text in texts(3, 160) for letter in made[name].normalizer.normalize_str(text)})
        normalizer = made[name].normalizer
        made[name] = make(models.WordLevel({token: i for i, token in enumerate(["<unk>", *letters])}, unk_token="<unk>"), normalizer, P.FixedLength(length=1))
    return made


def sentencepiece_line():
    model = SentencePieceProcessor(model_file=f"{TESTDATA}/refs/t5/spiece.model")
    ids = range(model.get_piece_size())
    kind = lambda id: 2 if model.is_unknown(id) else 3 if model.is_control(id) else 5 if model.is_unused(id) else 6 if model.is_byte(id) else 1
    return {
        "kind": "sentencepiece",
        "name": "t5",
        "tokens": [model.id_to_piece(id) for id in ids],
        "scores": [model.get_score(id) for id in ids],
        "types": [kind(id) for id in ids],
        "cases": [{"text": text, "ids": model.encode(text)} for text in texts(77, 200)],
    }


def main():
    made = files()
    out = {"files": {}, "cases": {}, "checkpoints": {}, "pairs": []}
    for i, (name, tokenizer) in enumerate(made.items()):
        out["files"][name] = json.loads(tokenizer.to_str())
        out["cases"][name] = [encoded(tokenizer, text) for text in texts(3 if name.startswith("normal-") else 100 + i, 30 if not name.startswith("normal-") else 50)]
    for i, name in enumerate(sorted(os.listdir(f"{TESTDATA}/refs"))):
        path = f"{TESTDATA}/refs/{name}/tokenizer.json"
        if os.path.exists(path):
            out["checkpoints"][name] = [encoded(Tokenizer.from_file(path), text) for text in texts(1000 + i, 15)]
    rng = random.Random(5)
    for i in range(60):
        name = rng.choice(["bert", "roberta", "roberta-plain", "unigram", "t5", "xlm-roberta", "whisper"])
        tokenizer = made[name] if name in made else Tokenizer.from_file(f"{TESTDATA}/refs/{name}/tokenizer.json")
        a, b = (" ".join(rng.choice(PARTS[:40]) for _ in range(rng.randint(1, 12))) for _ in range(2))
        truncation = {"max_length": rng.randint(5, 24), "stride": rng.choice([0, 0, 1]), "strategy": rng.choice(["longest_first", "only_first", "only_second"]), "direction": rng.choice(["left", "right"])}
        padding = {"direction": rng.choice(["left", "right"]), "pad_id": 1, "pad_type_id": 0, "length": rng.choice([None, 20]), "pad_to_multiple_of": rng.choice([None, 8])}
        special = rng.random() < 0.8
        tokenizer.enable_truncation(**truncation)
        tokenizer.enable_padding(**padding)
        pair = b if rng.random() < 0.8 else None
        try:
            encoding = tokenizer.encode(a, pair, add_special_tokens=special)
        except BaseException as error:
            out["pairs"].append({"name": name, "a": a, "b": pair, "truncation": truncation, "padding": padding, "special": special, "error": str(error)[:80]})
            tokenizer.no_truncation()
            tokenizer.no_padding()
            continue
        shown = {
            "ids": encoding.ids,
            "typeIds": encoding.type_ids,
            "offsets": [value for pair in encoding.offsets for value in pair],
            "attentionMask": encoding.attention_mask,
            "specialMask": encoding.special_tokens_mask,
        }
        out["pairs"].append({"name": name, "a": a, "b": pair, "truncation": truncation, "padding": padding, "special": special, **shown})
        tokenizer.no_truncation()
        tokenizer.no_padding()
    # The charsmap is in testdata; a copy would be a quarter of a megabyte.
    for file in out["files"].values():
        for normalizer in [file["normalizer"], *((file["normalizer"] or {}).get("normalizers") or [])]:
            if normalizer and normalizer["type"] == "Precompiled":
                normalizer["precompiled_charsmap"] = "refs/t5"
    lines = [{"kind": "file", "name": name, "file": file, "cases": out["cases"][name]} for name, file in out["files"].items()]
    lines += [{"kind": "checkpoint", "name": name, "cases": cases} for name, cases in out["checkpoints"].items()]
    lines.append(sentencepiece_line())
    lines += [{"kind": "pair", **pair} for pair in out["pairs"] if "error" not in pair]
    with open(f"{HERE}/expected.jsonl", "w", encoding="utf-8") as target:
        for line in lines:
            target.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")


main()
