"""Makes a Whisper of tiny's shape with random weights: a Hugging Face folder, its three ONNX graphs, and a sound with its features.

    pip install numpy onnx safetensors torch transformers
    python bench/whisper-export.py FOLDER
"""

import json
import os
import sys

import numpy as np
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

FOLDER = sys.argv[1]
SECONDS = 30
SPECIAL = {50257: "<|endoftext|>", 50258: "<|startoftranscript|>", 50259: "<|en|>", 50260: "<|de|>", 50358: "<|translate|>", 50359: "<|transcribe|>", 50363: "<|notimestamps|>"}


def tokenizer(size):
    vocabulary = {SPECIAL.get(i, f"t{i}"): i for i in range(size)}
    added = [{"id": i, "content": text, "special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False} for i, text in SPECIAL.items()]
    return {"version": "1.0", "added_tokens": added, "normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None, "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "t0"}}


class Encoder(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.encoder = model.model.encoder

    def forward(self, features):
        return self.encoder(features).last_hidden_state


class Decoder(torch.nn.Module):
    """One step; without past keys it reads the encoder's vectors."""

    def __init__(self, model, layers):
        super().__init__()
        self.model, self.layers = model, layers

    def forward(self, ids, hidden, *past):
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        for i in range(len(past) // 4):
            own_key, own_value, key, value = past[4 * i : 4 * i + 4]
            cache.self_attention_cache.update(own_key, own_value, i)
            cache.cross_attention_cache.update(key, value, i)
            cache.is_updated[i] = True
        places = torch.arange(ids.shape[1]) + (past[0].shape[2] if past else 0)
        out = self.model.model.decoder(input_ids=ids, encoder_hidden_states=hidden, past_key_values=cache, use_cache=True, position_ids=places[None])
        logits = self.model.proj_out(out.last_hidden_state[:, -1:])
        present = []
        for i in range(self.layers):
            own, cross = cache.self_attention_cache.layers[i], cache.cross_attention_cache.layers[i]
            present += [own.keys, own.values] + ([] if past else [cross.keys, cross.values])
        return (logits, *present)


def main():
    torch.manual_seed(0)
    os.makedirs(FOLDER, exist_ok=True)
    config = WhisperConfig(vocab_size=51865, d_model=384, encoder_layers=4, decoder_layers=4, encoder_attention_heads=6, decoder_attention_heads=6, encoder_ffn_dim=1536, decoder_ffn_dim=1536, init_std=0.06, begin_suppress_tokens=None, suppress_tokens=None, attn_implementation="eager")
    model = WhisperForConditionalGeneration(config).eval()
    model.save_pretrained(FOLDER)
    extractor = WhisperFeatureExtractor()
    extractor.save_pretrained(FOLDER)
    json.dump({"decoder_start_token_id": 50258, "eos_token_id": 50257, "max_length": 448}, open(f"{FOLDER}/generation_config.json", "w"))
    json.dump(tokenizer(config.vocab_size), open(f"{FOLDER}/tokenizer.json", "w"))
    t = np.arange(16000 * SECONDS) / 16000
    sound = (0.3 * np.sin(2 * np.pi * (200 + 60 * t) * t) * (0.5 + 0.5 * np.sin(9 * t))).astype(np.float32)
    sound.tofile(f"{FOLDER}/sound.f32")
    features = extractor(sound, sampling_rate=16000, return_tensors="np").input_features
    features.tofile(f"{FOLDER}/features.f32")
    layers, heads, width = config.decoder_layers, config.decoder_attention_heads, config.d_model // config.decoder_attention_heads
    with torch.no_grad():
        hidden = Encoder(model)(torch.tensor(features))
        torch.onnx.export(Encoder(model), (torch.tensor(features),), f"{FOLDER}/encoder.onnx", dynamo=False, opset_version=17, input_names=["features"], output_names=["hidden"])
        ids = torch.tensor([[50258, 50259, 50359, 50363]])
        kinds = ["own_key", "own_value", "key", "value"]
        names = [f"{kind}{i}" for i in range(layers) for kind in kinds]
        torch.onnx.export(Decoder(model, layers), (ids, hidden), f"{FOLDER}/decoder.onnx", dynamo=False, opset_version=17, input_names=["ids", "hidden"], output_names=["logits", *names])
        past = [torch.zeros(1, heads, 4 if k < 2 else 1500, width) for _ in range(layers) for k in range(4)]
        axes = {name: {2: "past"} for name in names if name.startswith("own")}
        grown = [f"new_{name}" for name in names if name.startswith("own")]
        torch.onnx.export(Decoder(model, layers), (ids[:, :1], hidden, *past), f"{FOLDER}/decoder_next.onnx", dynamo=False, opset_version=17, input_names=["ids", "hidden", *names], output_names=["logits", *grown], dynamic_axes=axes)


main()
