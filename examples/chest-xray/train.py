"""Trains the small convolutional network of this example, measures it, and writes model/cnn.onnx.

    /usr/bin/python3 examples/chest-xray/generate.py --training
    /usr/bin/python3 examples/chest-xray/train.py               # about two minutes on one core

Debian's python3-torch is enough (1.13, CPU); the export needs no other package. Seeds are fixed and one thread is used, so
the same torch build on the same kind of CPU gives the same bytes; elsewhere expect the last digits to differ.
The attack figures printed here are a quick look (PGD), not an assessment: PGD overstates robustness.
"""
import hashlib
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = 20260903
EPOCHS = 16
BATCH = 64
# What the deployed pre-processing does to raw pixels: x/255, then (· − MEAN)/STD. It is not inside the exported file.
MEAN, STD = 0.48, 0.24
FOLDER = pathlib.Path(__file__).resolve().parent


class Block(nn.Module):
    """A residual block of two 3×3 convolutions (He et al. 2016)."""

    def __init__(self, channels):
        super().__init__()
        self.a = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.an = nn.BatchNorm2d(channels)
        self.b = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.bn(self.b(F.relu(self.an(self.a(x))))))


class Classifier(nn.Module):
    """48×48 grey image -> two logits. About 10,000 weights: small enough to read, deep enough to be fooled."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            Block(8),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 20, 3, padding=1, bias=False),
            nn.BatchNorm2d(20),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 40, 3, padding=1, bias=False),
            nn.BatchNorm2d(40),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(40, 2)

    def forward(self, x):
        return self.head(self.features(x))


def load(name):
    with np.load(FOLDER / "data" / f"{name}.npz") as arrays:
        return torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])


def prepare(raw):
    """Raw values 0…255 -> what the network takes."""
    return (raw.float() / 255 - MEAN) / STD


def augmented(raw):
    """Shifted by up to two pixels, exposed differently, noisier: what another machine and another day do to an image.

    No mirroring: the heart stays where it is. Noise and light make the network steadier on average, not against an attacker.
    """
    dy, dx = (int(s) for s in torch.randint(-2, 3, (2,)))
    image = torch.roll(raw, (dy, dx), (2, 3)).float() / 255
    each = (len(raw), 1, 1, 1)
    contrast, light = 1 - 0.5 * torch.rand(each) ** 2, 0.15 * torch.randn(each) * (torch.rand(each) < 0.5)
    middle = image.mean((1, 2, 3), keepdim=True)
    noise = 0.05 * torch.rand(each) * (torch.rand(each) < 0.5) * torch.randn(image.shape)
    return ((middle + (image - middle) * contrast + light + noise).clamp(0, 1) - MEAN) / STD


def right(network, raw, y):
    with torch.no_grad():
        return network(prepare(raw)).argmax(1).eq(y)


def pgd(network, x, y, eps, steps=50):
    """Still right after PGD (Madry et al. 2018) in L∞ around uint8 images, rounded back to whole grey values."""
    radius, standing = eps * 255, []
    for part, label in zip(x.float().split(100), y.split(100)):
        moved = (part + (torch.rand_like(part) * 2 - 1) * radius).clamp(0, 255)
        for step in range(steps):
            moved.requires_grad_(True)
            loss = F.cross_entropy(network(prepare(moved)), label, reduction="sum")
            (slope,) = torch.autograd.grad(loss, moved)
            size = radius * (0.25 if step < steps // 2 else 0.08)
            moved = (moved + size * slope.sign()).detach()
            moved = torch.max(torch.min(moved, part + radius), part - radius).clamp(0, 255)
        standing.append(right(network, part, label) & right(network, moved.round(), label))
    return torch.cat(standing)


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    x, y = load("training")
    network = Classifier()
    steps = EPOCHS * (len(y) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        network.train()
        order = torch.randperm(len(y))
        total = 0.0
        for at in range(len(y) // BATCH):
            pick = order[at * BATCH : (at + 1) * BATCH]
            batch = augmented(x[pick])
            loss = F.cross_entropy(network(batch), y[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2d}/{EPOCHS}  loss {total / (len(y) // BATCH):.4f}", flush=True)

    network.eval()
    tx, ty = load("test")
    n = len(ty)
    clean = right(network, tx, ty)
    print(f"weights {sum(p.numel() for p in network.parameters())}")
    print(f"training accuracy {right(network, x, y).float().mean():.4f}")
    print(f"clean accuracy    {int(clean.sum())}/{n} = {clean.float().mean():.4f}")
    generator = torch.Generator().manual_seed(SEED + 1)
    for level in (4, 8):
        noise = (torch.rand(tx.shape, generator=generator) * 2 - 1) * level
        kept = right(network, (tx.float() + noise).round().clamp(0, 255), ty)
        print(f"uniform noise {level}/255: {int(kept.sum())}/{n} = {kept.float().mean():.4f}")
    for level in (1, 2, 4, 8):
        kept = pgd(network, tx, ty, level / 255)
        print(f"PGD-50 {level}/255:       {int(kept.sum())}/{n} = {kept.float().mean():.4f}", flush=True)

    path = FOLDER / "model" / "cnn.onnx"
    path.parent.mkdir(exist_ok=True)
    torch.onnx.export(
        network,
        torch.zeros(1, *tx.shape[1:]),
        str(path),
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
    )
    print(f"model/cnn.onnx  {path.stat().st_size} bytes  sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
