"""Trains the classifier of drawn shapes: python models/shapes/train.py

Needs torch and onnx, and node for the pictures. Writes shapes.onnx beside itself.
"""

import json
import subprocess
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
SIZE = 32
TRAIN = 40_000
EPOCHS = 8
BATCH = 128


class Shapes(nn.Module):
    def __init__(self, classes):
        super().__init__()
        widths = [1, 16, 32, 64, 64]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride=1 if a == 1 else 2, padding=1) for a, b in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[1:])
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        for layer, norm in zip(self.layers, self.norms):
            x = F.relu(norm(layer(x)))
        return self.head(x.mean((2, 3)))


class Shares(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        return torch.softmax(self.model(image), 1)


def pictures(count, first):
    data = subprocess.run(["node", str(HERE / "dataset.mjs"), str(count), str(first)], capture_output=True, check=True).stdout
    rows = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(count, SIZE * SIZE + 1)
    return rows[:, 1:].view(count, 1, SIZE, SIZE).float() / 255, rows[:, 0].long()


def main():
    torch.manual_seed(0)
    classes = json.loads((HERE / "config.json").read_text())["id2label"]
    images, labels = pictures(TRAIN, 1_000_000)
    model = Shapes(len(classes))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    steps = EPOCHS * (TRAIN // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps + 1)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(TRAIN).split(BATCH):
            if len(rows) < BATCH:
                continue
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / (TRAIN // BATCH):.4f}", flush=True)
    model.eval()
    names = {"input_names": ["image"], "output_names": ["shares"], "dynamic_axes": {"image": {0: "batch"}, "shares": {0: "batch"}}}
    torch.onnx.export(Shares(model), torch.zeros(1, 1, SIZE, SIZE), str(HERE / "shapes.onnx"), dynamo=False, opset_version=17, **names)


if __name__ == "__main__":
    main()
