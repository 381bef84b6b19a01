"""Draws the staff gauge of this example and trains the network that reads it.

    /usr/bin/python3 examples/flood-gate/make.py        (Debian 12: python3-torch 1.13, python3-numpy; about 20 s, one thread)

Everything is made from formulas: a board with a scale in front of a wall, water up to some height, light, dirt and noise. There is no
photograph. Writes data/test.npz (240 scenes) and model/gauge.onnx; training scenes are drawn from another seed and not kept.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent
SIDE, CLASSES = 24, ("normal", "high", "flood")
SEED_TEST, SEED_TRAINING, SEED_NETWORK = 20261126, 20261127, 20261128


def staff(height, shift=0.0):
    """The board with its scale, 0…1, and water up to `height` pixels; no light, no dirt: what the scene is held against."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    picture = np.full((SIDE, SIDE), 0.45)
    board = (x >= 7 + shift) & (x < 17 + shift)
    picture[board] = 0.9
    mark = (np.floor(y / 2) % 2 == 0) & (x < np.where(np.floor(y / 2) % 4 == 0, 14, 11) + shift)
    picture[board & mark] = 0.1
    return np.where(y >= SIDE - height, 0.25, picture)


def scene(random, band):
    height = 1.5 + 7.2 * band + random.uniform(0.5, 6.7)
    picture = staff(height, random.uniform(-1, 1))
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    ripples = 0.08 * np.sin(y * random.uniform(1.5, 2.5) + x * random.uniform(0.2, 0.6) + random.uniform(0, 6))
    picture = np.where(y >= SIDE - height, picture + ripples, picture)
    for _ in range(random.integers(0, 4)):
        cy, cx, r = random.uniform(0, SIDE), random.uniform(0, SIDE), random.uniform(0.8, 2)
        picture = picture - 0.25 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / r**2)
    picture = picture * random.uniform(0.7, 1.1) + random.uniform(-0.05, 0.1) * (x / SIDE - 0.5)
    picture = picture + random.normal(0, 0.03, picture.shape)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def scenes(seed, n):
    """x uint8 [n, 1, 24, 24], y int64 [n]: as many scenes of each band, mixed."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % len(CLASSES))
    return np.stack([scene(random, band)[None] for band in y]), y.astype(np.int64)


def prepared(raw):
    """Raw values 0…255 -> what the network takes."""
    return (raw.float() / 255 - 0.45) / 0.3


def network():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(12 * 6 * 6, len(CLASSES)),
    )


def main():
    torch.manual_seed(SEED_NETWORK)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    (FOLDER / "data").mkdir(exist_ok=True)
    (FOLDER / "model").mkdir(exist_ok=True)
    x, y = scenes(SEED_TEST, 240)
    np.savez_compressed(FOLDER / "data" / "test.npz", x=x, y=y)
    train_x, train_y = (torch.from_numpy(part) for part in scenes(SEED_TRAINING, 4000))
    net = network()
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(12):
        for pick in torch.randperm(len(train_y)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(net(prepared(train_x[pick])), train_y[pick]).backward()
            optimiser.step()
    net.eval()
    with torch.no_grad():
        right = net(prepared(torch.from_numpy(x))).argmax(1).eq(torch.from_numpy(y)).sum()
    print(f"clean: {int(right)} of {len(y)}; weights {sum(p.numel() for p in net.parameters())}")
    torch.onnx.export(
        net,
        torch.zeros(1, 1, SIDE, SIDE),
        str(FOLDER / "model" / "gauge.onnx"),
        opset_version=13,
        input_names=["crop"],
        output_names=["logits"],
        dynamic_axes={"crop": {0: "n"}, "logits": {0: "n"}},
    )
    for name in ("data/test.npz", "model/gauge.onnx"):
        file = FOLDER / name
        print(f"{name}  {file.stat().st_size} bytes  sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
