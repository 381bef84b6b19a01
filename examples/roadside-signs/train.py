"""Trains the small sign classifier of this example, measures it, and writes model/signs.onnx.

    /usr/bin/python3 examples/roadside-signs/generate.py --training
    /usr/bin/python3 examples/roadside-signs/train.py           # about three minutes on one core

Debian's python3-torch is enough (1.13, CPU); the export needs no other package. Seeds are fixed and one thread is used, so
the same torch build on the same kind of CPU gives the same bytes; elsewhere expect the last digits to differ.
The attack figures printed here are a quick look (PGD, and a patch optimised over random placements), not an assessment.
"""
import hashlib
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = 20260913
EPOCHS = 12
BATCH = 64
# What the camera's software does to raw pixels: x/255, then (· − MEAN)/STD per channel. It is not inside the exported file.
MEAN = torch.tensor([0.45, 0.45, 0.45]).view(1, 3, 1, 1)
STD = torch.tensor([0.25, 0.25, 0.25]).view(1, 3, 1, 1)
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
    """32×32 colour crop -> ten logits, about 17,000 weights."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
            Block(24),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(24 * 4 * 4, 10),
        )

    def forward(self, x):
        return self.layers(x)


def load(name):
    with np.load(FOLDER / "data" / f"{name}.npz") as arrays:
        return torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"]), torch.from_numpy(arrays["track"])


def prepare(raw):
    """Raw values 0…255 -> what the network takes."""
    return (raw.float() / 255 - MEAN) / STD


def augmented(raw):
    """Shifted by up to two pixels, lit differently, noisier. No mirroring: signs have a left and a right."""
    dy, dx = (int(s) for s in torch.randint(-2, 3, (2,)))
    image = torch.roll(raw, (dy, dx), (2, 3)).float() / 255
    each = (len(raw), 1, 1, 1)
    contrast, light = 1 - 0.6 * torch.rand(each) ** 2, 0.15 * torch.randn(each) * (torch.rand(each) < 0.5)
    middle = image.mean((1, 2, 3), keepdim=True)
    noise = 0.08 * torch.rand(each) * (torch.rand(each) < 0.5) * torch.randn(image.shape)
    return ((middle + (image - middle) * contrast + light + noise).clamp(0, 1) - MEAN) / STD


def right(network, raw, y):
    with torch.no_grad():
        return network(prepare(raw)).argmax(1).eq(y)


def pgd(network, x, y, eps, steps=50):
    """Still right after PGD (Madry et al. 2018) in L∞ around uint8 images, rounded back to whole values."""
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


def stuck_on(x, patch, generator):
    """A square patch [3, s, s] on each raw image: anywhere, 0.8…1.2 times its size, ±20°, 0.7…1.3 times as bright."""
    n, side = len(x), x.shape[-1]

    def draw(low, high):
        return low + (high - low) * torch.rand(n, generator=generator)

    scale, turn, light = draw(0.8, 1.2), draw(-20, 20) * np.pi / 180, draw(0.7, 1.3)
    half = patch.shape[-1] / side * scale
    cx, cy = draw(-1, 1) * (1 - half), draw(-1, 1) * (1 - half)
    c, s = torch.cos(turn) / half, torch.sin(turn) / half
    matrix = torch.stack([torch.stack([c, s, -(c * cx + s * cy)], 1), torch.stack([-s, c, -(-s * cx + c * cy)], 1)], 1)
    grid = F.affine_grid(matrix, (n, 3, side, side), align_corners=False)
    whole = patch.expand(n, -1, -1, -1)
    seen = F.grid_sample(whole, grid, padding_mode="border", align_corners=False) * light.view(n, 1, 1, 1)
    cover = (grid.abs().amax(-1) <= 1).float().unsqueeze(1)
    return x * (1 - cover) + seen.clamp(0, 255) * cover


def patch_rate(network, x, y, patch, draws=10):
    """Share of (input, placement) draws that are wrong, inputs right before."""
    generator = torch.Generator().manual_seed(SEED + 3)
    wrong = sum((~right(network, stuck_on(x, patch, generator).round(), y)).sum().item() for _ in range(draws))
    return wrong / (draws * len(x))


def universal_patch(network, x, y, side, target, steps=400):
    """One patch for all inputs and placements (Brown et al. 2017; expectation over transformation, Athalye et al. 2018)."""
    generator = torch.Generator().manual_seed(SEED + 2)
    patch = torch.rand((3, side, side), generator=generator) * 255
    for step in range(steps):
        pick = torch.randint(len(x), (64,), generator=generator)
        patch.requires_grad_(True)
        logits = network(prepare(stuck_on(x[pick].float(), patch, generator)))
        loss = -F.cross_entropy(logits, torch.full((64,), target)) if target is not None else F.cross_entropy(logits, y[pick])
        (slope,) = torch.autograd.grad(loss, patch)
        patch = (patch + (16 if step < steps // 2 else 5) * slope.sign()).clamp(0, 255).detach()
    return patch


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    x, y, _ = load("training")
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
            loss = F.cross_entropy(network(augmented(x[pick])), y[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2d}/{EPOCHS}  loss {total / (len(y) // BATCH):.4f}", flush=True)

    network.eval()
    tx, ty, track = load("test")
    n = len(ty)
    clean = right(network, tx, ty)
    first = torch.from_numpy(np.unique(track.numpy(), return_index=True)[1])
    print(f"weights {sum(p.numel() for p in network.parameters())}")
    print(f"training accuracy {right(network, x, y).float().mean():.4f}")
    print(f"clean accuracy    {int(clean.sum())}/{n} frames = {clean.float().mean():.4f}; "
          f"first frame of each track {int(clean[first].sum())}/{len(first)} = {clean[first].float().mean():.4f}")
    tx, ty, clean = tx[first], ty[first], clean[first]
    generator = torch.Generator().manual_seed(SEED + 1)
    noise = (torch.rand(tx.shape, generator=generator) * 2 - 1) * 8
    kept = right(network, (tx.float() + noise).round().clamp(0, 255), ty)
    print(f"uniform noise 8/255: {int(kept.sum())}/{len(first)} tracks = {kept.float().mean():.4f}")
    for level in (2, 4, 8):
        kept = pgd(network, tx, ty, level / 255)
        print(f"PGD-50 {level}/255:       {int(kept.sum())}/{len(first)} tracks = {kept.float().mean():.4f}", flush=True)
    tx, ty = tx[clean].float(), ty[clean]
    made, held = slice(0, None, 2), slice(1, None, 2)
    for area in (0.05, 0.0625, 0.08):
        side = round(np.sqrt(area) * tx.shape[-1])
        grey = patch_rate(network, tx[held], ty[held], torch.full((3, side, side), 127.0))
        free = universal_patch(network, tx[made], ty[made], side, None)
        with torch.no_grad():
            said = network(prepare(stuck_on(tx[made], free, generator))).argmax(1)
        target = int(torch.bincount(said[said != ty[made]], minlength=10).argmax())
        pulled = universal_patch(network, tx[made], ty[made], side, target)
        best = max((free, pulled), key=lambda patch: patch_rate(network, tx[made], ty[made], patch, 4))
        print(f"patch {side}×{side} ({side * side / tx.shape[-1] ** 2:.3f} of the crop), held-out tracks, 10 draws each: "
              f"{patch_rate(network, tx[held], ty[held], best):.3f}; the same area in grey {grey:.3f}", flush=True)

    path = FOLDER / "model" / "signs.onnx"
    path.parent.mkdir(exist_ok=True)
    torch.onnx.export(
        network,
        torch.zeros(1, *tx.shape[1:]),
        str(path),
        opset_version=13,
        input_names=["crop"],
        output_names=["logits"],
        dynamic_axes={"crop": {0: "n"}, "logits": {0: "n"}},
    )
    print(f"model/signs.onnx  {path.stat().st_size} bytes  sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
