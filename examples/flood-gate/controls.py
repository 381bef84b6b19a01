"""Measures both controls of this example, off and on, under an attacker who knows of them, and writes the signed statements.

    /usr/bin/python3 examples/flood-gate/controls.py    (Debian 12: python3-torch 1.13, python3-onnx, python3-cryptography; a minute)

C-64 before the network: what is cropped has to look like the staff. It is compared with the clean staff under water of any height, and refused
where it correlates with none of them as well as 99 of 100 scenes without a sticker do.
C-63 behind it: a reading whose score is below 0.9 counts as none.
Whatever is refused or counts as none closes the gate, which does no harm. The attacker wants "normal" to be read while the water is higher.

One sticker is made for all scenes (gradient over random place, size, turn and light; expectation over transformation, Athalye et al.
2018), with each combination of controls inside the attack, and measured on scenes it was not made on. A scene is beaten where most of
twenty random placements are. Both keys live as long as this process: the signatures show that the texts were not altered, not who wrote them.
"""

import base64
import datetime
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from make import CLASSES, FOLDER, SIDE, network, prepared, scenes, staff
from torch.nn import functional as F

SEED_MADE, SEED_HELD, SEED_FREE, SEED_ATTACK = 20261130, 20261131, 20261132, 20261133
STICKER = 8  # pixels of the 24 × 24 crop: a ninth of it
SCORE = 0.9
DRAWS = 20
NORMAL = CLASSES.index("normal")


def deployed():
    """The network in model/gauge.onnx, weight for weight."""
    net = network().eval()
    stored = [torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in onnx.load(str(FOLDER / "model/gauge.onnx")).graph.initializer]
    assert [tuple(t.shape) for t in stored] == [tuple(p.shape) for p in net.parameters()]
    for parameter, value in zip(net.parameters(), stored):
        parameter.data = value
    return net.requires_grad_(False)


def normal(flat):
    flat = flat - flat.mean(-1, keepdim=True)
    return flat / flat.norm(dim=-1, keepdim=True)


TEMPLATES = normal(torch.tensor(np.stack([staff(h / 2, s) for h in range(2, 2 * SIDE) for s in (-1, 0, 1)]), dtype=torch.float32).flatten(1))


def likeness(x):
    """How well raw crops [n, 1, 24, 24] correlate with the staff they look like most: [n], at most 1."""
    return (normal(x.float().flatten(1)) @ TEMPLATES.T).amax(1)


def stuck_on(x, sticker, random):
    """A square sticker [1, s, s] on each raw crop: in the middle, 0.8…1.2 times its size, ±20°, 0.7…1.3 times as bright."""
    n = len(x)

    def draw(low, high):
        return low + (high - low) * torch.rand(n, generator=random)

    half = STICKER / SIDE * draw(0.8, 1.2)
    turn, light = draw(-20, 20) * np.pi / 180, draw(0.7, 1.3)
    c, s = torch.cos(turn) / half, torch.sin(turn) / half
    middle = torch.zeros(n)
    matrix = torch.stack([torch.stack([c, s, middle], 1), torch.stack([-s, c, middle], 1)], 1)
    grid = F.affine_grid(matrix, (n, 1, SIDE, SIDE), align_corners=False)
    seen = F.grid_sample(sticker.expand(n, -1, -1, -1), grid, padding_mode="border", align_corners=False)
    cover = (grid.abs().amax(-1) <= 1).float().unsqueeze(1)
    return x * (1 - cover) + (seen * light.view(n, 1, 1, 1)).clamp(0, 255) * cover


def made_against(net, x, controls, accepted, steps=600):
    """The sticker that most surely makes the water "normal", with the controls in the loss."""
    random = torch.Generator().manual_seed(SEED_ATTACK)
    sticker = torch.rand((1, STICKER, STICKER), generator=random) * 255
    for step in range(steps):
        pick = torch.randint(len(x), (96,), generator=random)
        sticker.requires_grad_(True)
        shown = stuck_on(x[pick].float(), sticker, random)
        logits = net(prepared(shown))
        loss = F.cross_entropy(logits, torch.full((96,), NORMAL))
        if "C-63" in controls:
            loss = loss + F.relu(2 * SCORE - logits.softmax(1)[:, NORMAL]).mean()
        if "C-64" in controls:
            loss = loss + 20 * F.relu(accepted + 0.01 - likeness(shown)).mean()
        (slope,) = torch.autograd.grad(loss, sticker)
        sticker = (sticker + (-12 if step < steps // 2 else -4) * slope.sign()).clamp(0, 255).detach()
    return sticker


def beaten(net, x, sticker, controls, accepted):
    """Scenes in which most placements are read as "normal" and nothing closes the gate."""
    random = torch.Generator().manual_seed(SEED_ATTACK + 1)
    hits = torch.zeros(len(x))
    for _ in range(DRAWS):
        shown = stuck_on(x.float(), sticker, random).round()
        score = net(prepared(shown)).softmax(1)
        hit = score.argmax(1) == NORMAL
        if "C-63" in controls:
            hit &= score[:, NORMAL] >= SCORE
        if "C-64" in controls:
            hit &= likeness(shown) >= accepted
        hits += hit
    return int((hits * 2 > DRAWS).sum()), float(hits.mean() / DRAWS)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    net = deployed()
    free = torch.from_numpy(scenes(SEED_FREE, 1000)[0])
    accepted = float(likeness(free).quantile(0.01))
    score = net(prepared(free)).softmax(1).amax(1)
    print(f"likeness accepted from {accepted:.4f}; without a sticker {float((score < SCORE).float().mean()):.3f} of scenes score below {SCORE}")
    x, y = (torch.from_numpy(part) for part in scenes(SEED_MADE, 800))
    made = x[y != NORMAL]
    x, y = (torch.from_numpy(part) for part in scenes(SEED_HELD, 400))
    x, y = x[y != NORMAL], y[y != NORMAL]
    held = x[net(prepared(x)).argmax(1) == y]
    counts = {}
    for controls in ((), ("C-63",), ("C-64",), ("C-63", "C-64")):
        sticker = made_against(net, made, controls, accepted)
        counts[controls], draws = beaten(net, held, sticker, controls, accepted)
        print(f"{' and '.join(controls) or 'no control'} on: {counts[controls]} of {len(held)} scenes, {draws:.3f} of draws")
    digest = hashlib.sha256((FOLDER / "model/gauge.onnx").read_bytes()).hexdigest()
    both = counts["C-63", "C-64"]
    method = (
        f"A square sticker of {STICKER} by {STICKER} pixels in the middle of the crop, made by gradient on {len(made)} drawn scenes with high or "
        f"flood water, both controls inside the attack, and measured on {len(held)} others: a scene is beaten where most of {DRAWS} random "
        f"placements (size, turn, light) read \"normal\", look like the staff (correlation from {accepted:.4f}, which refuses one in a hundred scenes "
        f"without a sticker) and score {SCORE} or more. Beaten with neither control {counts[()]}, with C-63 alone {counts['C-63',]}, with C-64 "
        f"alone {counts['C-64',]}, with both {both} of {len(held)}. Seeds stand in controls.py, which repeats it. Digital only: nothing was printed."
    )
    for control, other, claim in (
        ("C-64", "C-63", "A crop that does not look like the staff is refused, and the gate closes."),
        ("C-63", "C-64", f"A reading that scores below {SCORE} counts as none, and the gate closes."),
    ):
        write(
            {
                "format": "vauban/statement/1",
                "control": control,
                "threats": ["T-02"],
                "at": "gauge",
                "claim": claim,
                "method": method,
                "kind": "measurement",
                "n": len(held),
                "successes": both,
                "unit": "scene",
                "without": {"n": len(held), "successes": counts[other,]},
                "adaptive": True,
                "by": "Inspection body for water works (invented, as everybody in this example; the run of controls.py is real)",
                "independent": True,
                "date": datetime.date.today().isoformat(),
                "subject": {"component": "gauge", "sha256": digest},
            }
        )


def write(statement):
    """Signed over its canonical JSON (RFC 8785): all its numbers are whole, all its keys ASCII."""
    key = Ed25519PrivateKey.generate()
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signature = {
        "alg": "ed25519",
        "publicKey": base64.b64encode(public).decode(),
        "value": base64.b64encode(key.sign(text.encode())).decode(),
    }
    file = FOLDER / "evidence" / f"{statement['control'].lower()}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**statement, "signature": signature}, indent=2, ensure_ascii=False) + "\n")
    print(f"evidence/{file.name} written, dated {statement['date']}")


if __name__ == "__main__":
    main()
