"""Makes encoders with random weights in the shapes of published ones: Hugging Face folders, each with its ONNX graph.

    pip install onnx torch transformers
    python bench/encoders-export.py FOLDER
"""

import os
import sys

import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

SHAPES = {
    "minilm-l6": dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536),
    "bert-base": dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072),
}


class Text(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        # Added to the scores; built here so that no version-specific helper is traced.
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * -1e9
        x = self.model.embeddings(input_ids=input_ids, token_type_ids=torch.zeros_like(input_ids))
        out = self.model.encoder(x, attention_mask=mask)
        return out.last_hidden_state if hasattr(out, "last_hidden_state") else out[0]


class Image(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values).last_hidden_state


def main(folder):
    torch.manual_seed(0)
    for name, shape in SHAPES.items():
        path = os.path.join(folder, name)
        model = BertModel(BertConfig(**shape, attn_implementation="eager"), add_pooling_layer=False).eval()
        model.save_pretrained(path)
        ids = torch.randint(1, 30000, (2, 7))
        axes = {"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "sequence"}, "last_hidden_state": {0: "batch", 1: "sequence"}}
        torch.onnx.export(Text(model), (ids, torch.ones_like(ids)), os.path.join(path, "model.onnx"), dynamo=False, opset_version=17, input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"], dynamic_axes=axes)
    path = os.path.join(folder, "vit-small")
    model = ViTModel(ViTConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, intermediate_size=1536, attn_implementation="eager"), add_pooling_layer=False).eval()
    model.save_pretrained(path)
    torch.onnx.export(Image(model), (torch.zeros(2, 3, 224, 224),), os.path.join(path, "model.onnx"), dynamo=False, opset_version=17, input_names=["pixel_values"], output_names=["last_hidden_state"], dynamic_axes={"pixel_values": {0: "batch"}, "last_hidden_state": {0: "batch"}})


main(sys.argv[1])
