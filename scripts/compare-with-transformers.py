"""What transformers computes for one input of a local checkpoint, layer by layer.

    python compare-with-transformers.py REQUEST.json ANSWERS.safetensors

The request names the folder, the kind of model, its input, and the modules whose inputs or outputs are wanted. Everything is
computed in float32, with plain attention. Needs torch, transformers and safetensors.
"""

import json
import sys

import torch
import transformers
from safetensors.torch import save_file

CLASSES = {
    "decoder": ["AutoModelForCausalLM", "AutoModelForImageTextToText"],
    "encoder": ["AutoModel"],
    "encoder-decoder": ["AutoModelForSeq2SeqLM", "AutoModelForSpeechSeq2Seq"],
}


def load(folder, kind):
    problem = None
    for name in CLASSES[kind]:
        try:
            model = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True)
            # Of a model that also sees, the part that reads.
            return getattr(model, "text_model", model).eval() if kind == "encoder" else model.eval()
        except ValueError as error:
            problem = problem or error
    raise problem


def find(modules, path):
    """The module of a tensor's name: heads may stand before either name."""
    for name in modules:
        if name and (name == path or path.endswith("." + name) or name.endswith("." + path)):
            return modules[name]
    return None


def rows(value, tokens, heads):
    """[1, tokens, ...] or [1, heads, tokens, ...] as [tokens, numbers]."""
    value = value[0] if isinstance(value, (tuple, list)) else value
    value = value.detach().float()
    if value.dim() == 4 and value.shape[1] in heads and value.shape[2] == tokens:
        value = value.transpose(1, 2)
    return value.reshape(tokens, -1).contiguous().clone() if value.numel() % tokens == 0 else None


def main(request, answers):
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    model = load(request["folder"], request["kind"])
    ids = request["ids"]
    tokens = len(ids)
    seen = {}
    modules = dict(model.named_modules())

    def watch(tap, module, is_input):
        def hook(_, inputs, output):
            value = rows(inputs if is_input else output, tokens, request["heads"])
            if value is not None:
                seen[tap] = value

        module.register_forward_hook(hook)

    for tap, (path, is_input) in request["modules"].items():
        module = find(modules, path)
        if module is not None:
            watch(tap, module, is_input)

    wanted = {"output_hidden_states": True, "return_dict": True}
    if request["kind"] == "encoder-decoder":
        source = (
            {"input_features": torch.tensor(request["features"]).reshape(1, request["mels"], -1)}
            if "features" in request
            else {"input_ids": torch.tensor([request["source"]])}
        )
        output = model(**source, decoder_input_ids=torch.tensor([ids]), use_cache=False, **wanted)
        states = {"encoder.": output.encoder_hidden_states, "": output.decoder_hidden_states}
        seen["encoder.final"] = output.encoder_last_hidden_state[0].contiguous().clone()
    else:
        cache = {} if request["kind"] == "encoder" else {"use_cache": False}
        output = model(input_ids=torch.tensor([ids]), **cache, **wanted)
        states = {}
        if request["kind"] == "encoder":
            states[""] = output.hidden_states
            seen["hidden"] = output.last_hidden_state[0].contiguous().clone()
    for prefix, list_of_states in states.items():
        for index, state in enumerate(list_of_states or []):
            # The last state may have gone through the final norm.
            name = prefix + ("embeddings" if index == 0 else f"layer{index - 1}")
            if index < len(list_of_states) - 1:
                seen[name] = state[0].float().contiguous().clone()
    if getattr(output, "logits", None) is not None:
        seen["logits"] = output.logits[0].float().contiguous().clone()
    save_file(seen, answers, {"transformers": transformers.__version__})


main(json.load(open(sys.argv[1])), sys.argv[2])
