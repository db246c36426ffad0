"""The four families once more, in float64 numpy and from their papers alone: a second opinion on what transformers
computes, and the exact value that its float32 rounding is measured against.

Source: Llama 2 (2023), Mistral 7B (2023), Qwen2 (2024), GPT-2 (2019), RoFormer (2021), GQA (2023).
"""

import numpy as np


def decode(config, weights, ids, rows, angle_type=np.float32):
    """Logits of the given rows, [len(rows), vocab] float64, and the mean number of keys a head effectively attends to.

    Rotary angles are rounded to angle_type: float32, at every step of their making, is how these models are trained and run,
    and at position 2,000 it moves logits by more than all other rounding.
    """
    run = gpt2 if config["model_type"] == "gpt2" else llama
    return run(config, lambda name: weights[name].astype(np.float64), ids, rows, angle_type)


def llama(config, w, ids, rows, angle_type):
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    eps = config["rms_norm_eps"]
    theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    cos, sin = rotation(len(ids), size, theta, angle_type)
    effective = []
    x = w("model.embed_tokens.weight")[ids]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."

        def project(name, inputs):
            out = inputs @ w(f"{at}self_attn.{name}_proj.weight").T
            return out + w(f"{at}self_attn.{name}_proj.bias") if config["model_type"] == "qwen2" and name != "o" else out

        normed = rms_norm(x, w(at + "input_layernorm.weight"), eps)
        q = rotate(split_heads(project("q", normed), heads), cos, sin)
        k = rotate(split_heads(project("k", normed), kv_heads), cos, sin)
        v = split_heads(project("v", normed), kv_heads)
        attended, keys = attention(q, k, v, window)
        effective.append(keys)
        x = x + project("o", attended)
        normed = rms_norm(x, w(at + "post_attention_layernorm.weight"), eps)
        gate = normed @ w(at + "mlp.gate_proj.weight").T
        x = x + (gate / (1 + np.exp(-gate)) * (normed @ w(at + "mlp.up_proj.weight").T)) @ w(at + "mlp.down_proj.weight").T
    head = w("model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight")
    return rms_norm(x[rows], w("model.norm.weight"), eps) @ head.T, np.mean(effective)


def gpt2(config, w, ids, rows, _):
    eps, at = config["layer_norm_epsilon"], "transformer."
    effective = []
    x = w(at + "wte.weight")[ids] + w(at + "wpe.weight")[: len(ids)]

    def norm(name, inputs):
        centered = inputs - inputs.mean(-1, keepdims=True)
        return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + eps) * w(name + ".weight") + w(name + ".bias")

    def linear(name, inputs):
        return inputs @ w(name + ".weight") + w(name + ".bias")

    for layer in range(config["n_layer"]):
        block = f"{at}h.{layer}."
        q, k, v = np.split(linear(block + "attn.c_attn", norm(block + "ln_1", x)), 3, axis=-1)
        attended, keys = attention(*(split_heads(part, config["n_head"]) for part in (q, k, v)), None)
        effective.append(keys)
        x = x + linear(block + "attn.c_proj", attended)
        h = linear(block + "mlp.c_fc", norm(block + "ln_2", x))
        h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
        x = x + linear(block + "mlp.c_proj", h)
    return norm(at + "ln_f", x[rows]) @ w(at + "wte.weight").T, np.mean(effective)


def rms_norm(x, weight, eps):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight


def split_heads(x, heads):
    """[tokens, heads * size] -> [heads, tokens, size]"""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def rotation(tokens, size, theta, angle_type):
    exponents = (np.arange(0, size, 2) / size).astype(angle_type).astype(np.float64)
    frequencies = 1 / (theta**exponents).astype(angle_type)
    angles = (np.arange(tokens, dtype=angle_type)[:, None] * frequencies).astype(np.float64)
    return np.cos(angles), np.sin(angles)


def rotate(x, cos, sin):
    """Turns the pairs (i, i + size / 2) of every head."""
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attention(q, k, v, window):
    """Causal attention, a key/value head shared by consecutive query heads: [tokens, heads * size], effective keys."""
    heads, tokens, size = q.shape
    age = np.arange(tokens)[:, None] - np.arange(tokens)[None, :]
    hidden = (age < 0) if window is None else (age < 0) | (age >= window)
    out, effective = np.empty((tokens, heads, size)), []
    for head in range(heads):
        shared = head * len(k) // heads
        scores = q[head] @ k[shared].T / np.sqrt(size)
        scores[hidden] = -np.inf
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        effective.append(np.mean(1 / (p[tokens // 2 :] ** 2).sum(-1)))
        out[:, head] = p @ v[shared]
    return out.reshape(tokens, -1), np.mean(effective)
