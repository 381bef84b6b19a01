"""Draws the synthetic traffic signs of this example: shapes and digits from formulas, no photograph anywhere.

A track is one sign that a roadside camera follows over a few frames while the detector's crop moves and sharpens. Sign,
wear, light, background and camera stay the same in a track; size, place, blur and noise change from frame to frame.

    /usr/bin/python3 examples/roadside-signs/generate.py            # test set: data/test.npz
    /usr/bin/python3 examples/roadside-signs/generate.py --training # also the training set, which is not committed

Arrays: x uint8 [n, 3, 32, 32] (red, green, blue), y int64 [n] (index into CLASSES), track int64 [n].
No track is in both sets.
"""
import argparse
import hashlib
import pathlib
import zipfile

import numpy as np

SIDE = 32
OVER = 2  # rendered at twice the size, then averaged
CLASSES = ["limit-30", "limit-50", "limit-80", "limit-100", "no-entry", "stop", "give-way", "danger", "priority-road", "keep-right"]
SEEDS = {"training": 20260911, "test": 20260912}
FOLDER = pathlib.Path(__file__).resolve().parent

_ROWS, _COLUMNS = np.mgrid[0 : SIDE * OVER, 0 : SIDE * OVER]
# Image coordinates: u to the right, v downwards, both in [-1, 1].
U = (_COLUMNS + 0.5) / (SIDE * OVER) * 2 - 1
V = (_ROWS + 0.5) / (SIDE * OVER) * 2 - 1

RED, WHITE, BLACK = np.array([0.72, 0.08, 0.10]), np.array([0.90, 0.90, 0.88]), np.array([0.07, 0.07, 0.08])
BLUE, YELLOW, GREY = np.array([0.07, 0.25, 0.62]), np.array([0.93, 0.72, 0.08]), np.array([0.50, 0.51, 0.52])

# Five by seven dots per glyph.
GLYPHS = {
    "0": "01110 10001 10001 10001 10001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
}
GLYPHS = {name: np.array([[c == "1" for c in row] for row in rows.split()], dtype=float) for name, rows in GLYPHS.items()}


def inside(distance, rim=0.03):
    """1 where the signed distance is below zero, with a soft rim."""
    return 1 / (1 + np.exp(np.clip(distance / rim * 4, -40, 40)))


def polygon(u, v, corners, radius, turn):
    """Signed distance (to the edges) of a regular polygon whose corners lie at `radius`."""
    angles = turn + (np.arange(corners) + 0.5) * 2 * np.pi / corners
    edge = radius * np.cos(np.pi / corners)
    return np.max([u * np.cos(a) + v * np.sin(a) - edge for a in angles], axis=0)


def lettering(u, v, text, height, width):
    """Coverage of a line of glyphs centred on the sign, `height` and `width` being those of the whole line."""
    dots = np.concatenate([np.pad(GLYPHS[c], ((0, 0), (0, 1))) for c in text], axis=1)[:, :-1]
    rows, columns = dots.shape
    x = (u / width + 0.5) * columns - 0.5
    y = (v / height + 0.5) * rows - 0.5
    padded = np.pad(dots, 2)
    x, y = np.clip(x + 2, 0, columns + 2.999), np.clip(y + 2, 0, rows + 2.999)
    c, r = x.astype(int), y.astype(int)
    fx, fy = x - c, y - r
    value = (padded[r, c] * (1 - fx) + padded[r, c + 1] * fx) * (1 - fy) + (padded[r + 1, c] * (1 - fx) + padded[r + 1, c + 1] * fx) * fy
    return inside(0.45 - value, 0.5)


def paint(colour, layer, coverage):
    return colour * (1 - coverage[..., None]) + layer * coverage[..., None]


def sign(name, u, v):
    """Colours [rows, columns, 3] and coverage [rows, columns] of a sign on the unit disc."""
    round_plate = np.hypot(u, v)
    if name.startswith("limit-"):
        digits = name.removeprefix("limit-")
        face = paint(np.broadcast_to(RED, (*u.shape, 3)), WHITE, inside(round_plate - 0.76))
        face = paint(face, BLACK, lettering(u, v, digits, 0.72, 0.40 * len(digits) + (0.12 if len(digits) == 2 else 0.0)))
        return face, inside(round_plate - 1)
    if name == "no-entry":
        face = paint(np.broadcast_to(RED, (*u.shape, 3)), WHITE, inside(np.maximum(np.abs(u) - 0.70, np.abs(v) - 0.18)))
        return face, inside(round_plate - 1)
    if name == "stop":
        plate = polygon(u, v, 8, 1.05, 0)
        face = paint(np.broadcast_to(WHITE, (*u.shape, 3)), RED, inside(plate + 0.07))
        return paint(face, WHITE, lettering(u, v, "STOP", 0.52, 1.45)), inside(plate)
    if name in ("give-way", "danger"):
        up = -1 if name == "danger" else 1
        plate = polygon(u, v + 0.18 * up, 3, 1.22, -np.pi / 6 if up > 0 else np.pi / 6)
        face = paint(np.broadcast_to(RED, (*u.shape, 3)), WHITE, inside(plate + 0.19))
        if name == "danger":
            face = paint(face, BLACK, inside(np.maximum(np.abs(u) - 0.075, np.abs(v - 0.02) - 0.27)))
            face = paint(face, BLACK, inside(np.hypot(u, v - 0.48) - 0.09))
        return face, inside(plate)
    if name == "priority-road":
        plate = (np.abs(u) + np.abs(v)) / np.sqrt(2) - 0.72
        return paint(np.broadcast_to(WHITE, (*u.shape, 3)), YELLOW, inside(plate + 0.20)), inside(plate)
    c = np.sqrt(0.5)  # keep-right: an arrow to the lower right
    a, b = c * (u + v), c * (v - u)
    shaft = np.maximum(np.abs(a - 0.02) - 0.48, np.abs(b) - 0.10)
    head = np.maximum(np.abs(b) - (0.66 - a), 0.22 - a)
    face = paint(np.broadcast_to(BLUE, (*u.shape, 3)), WHITE, inside(np.minimum(shaft, head)))
    return face, inside(round_plate - 1)


def relief(rng, cells):
    """Smooth random field in about [-1, 1]."""
    grid = rng.normal(size=(cells + 1, cells + 1))
    at = np.linspace(0, cells, SIDE * OVER, endpoint=False)
    low = at.astype(int)
    t = (1 - np.cos(np.pi * (at - low))) / 2
    rows = grid[low] * (1 - t)[:, None] + grid[low + 1] * t[:, None]
    return (rows[:, low] * (1 - t) + rows[:, low + 1] * t) / 1.5


def blurred(image, sigma):
    """Gaussian blur of [rows, columns, 3] with repeated edges."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(image, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    image = sum(w * padded[k : k + image.shape[0]] for k, w in enumerate(kernel))
    padded = np.pad(image, ((0, 0), (reach, reach), (0, 0)), mode="edge")
    return sum(w * padded[:, k : k + image.shape[1]] for k, w in enumerate(kernel))


def draw_track(rng, name, frames):
    """Frames [frames, 3, SIDE, SIDE] as uint8 of one sign by one road."""
    # Sky above, something green or grey below, a building or a hedge beside: only the colours matter at this size.
    sky = np.array([0.55, 0.68, 0.85]) * rng.uniform(0.6, 1.2) + rng.normal(0, 0.04, 3)
    ground = np.array([[0.25, 0.36, 0.18], [0.42, 0.41, 0.40], [0.45, 0.33, 0.25]])[rng.integers(3)] * rng.uniform(0.5, 1.3)
    horizon, slant = rng.uniform(-1.2, 1.2), rng.normal(0, 0.3)
    low = inside(horizon + slant * U - V, 0.3)[..., None]
    background = sky * (1 - low) + ground * low
    background = background * (1 + 0.30 * relief(rng, 5)[..., None]) + 0.06 * relief(rng, 14)[..., None]

    tilt, yaw, pitch = rng.normal(0, 0.09), rng.normal(0, 0.32), rng.normal(0, 0.10)
    wear, fade = rng.uniform(0, 0.22), rng.uniform(0, 0.35)
    light = float(np.clip(rng.lognormal(-0.12, 0.38), 0.28, 1.6))
    warmth = rng.normal(0, 0.05)
    shadow = rng.uniform(0.45, 0.8) if rng.random() < 0.25 else 1.0
    shade = inside(V * np.cos(a := rng.uniform(0, 2 * np.pi)) + U * np.sin(a) - rng.normal(0, 0.3), 0.15)[..., None]
    softness = rng.lognormal(-0.10, 0.45)
    size = rng.uniform(0.66, 0.84)
    dirt = relief(rng, 9)[..., None]
    result = []
    for frame in range(frames):
        nearness = (frame + 1) / frames
        radius = size * (0.82 + 0.25 * nearness) + rng.normal(0, 0.02)
        du, dv = rng.normal(0, 0.08, 2)
        x, y = (U - du) / radius, (V - dv) / radius
        c, s = np.cos(tilt), np.sin(tilt)
        x, y = c * x + s * y, -s * x + c * y
        depth = 1 + 0.22 * np.sin(yaw) * x + 0.22 * np.sin(pitch) * y
        u, v = x / (np.cos(yaw) * depth), y / (np.cos(pitch) * depth)
        face, coverage = sign(name, u, v)
        face = face * (1 - wear * np.clip(dirt, 0, 1)) * (1 - fade) + fade * (0.5 * face + 0.5 * GREY)
        pole = inside(np.maximum(np.abs(x) - 0.07, -y))
        image = paint(paint(background, GREY * 0.8, pole), face, coverage)
        image = image * (1 - shade * (1 - shadow)) * light * np.array([1 + warmth, 1, 1 - warmth])
        # Far away the crop is enlarged from fewer pixels: softer, and with motion on top.
        image = blurred(image, OVER * softness * (1.25 - 0.55 * nearness))
        image = image.reshape(SIDE, OVER, SIDE, OVER, 3).mean((1, 3))
        image = np.clip(image, 0, 1.3) ** 0.8
        image = image + rng.normal(size=image.shape) * rng.uniform(0.008, 0.03) * (1.3 - 0.3 * nearness)
        result.append(np.clip(np.rint(image * 255), 0, 255).astype(np.uint8).transpose(2, 0, 1))
    return result


def draw_set(seed, tracks, frames, first_track):
    rng = np.random.default_rng(seed)
    x, y, which = [], [], []
    for number in range(tracks):
        label = number % len(CLASSES)
        drawn = draw_track(rng, CLASSES[label], frames)
        # In random order: whoever takes the first frame of each track takes neither the nearest nor the farthest.
        x.extend(drawn[k] for k in rng.permutation(frames))
        y.extend([label] * frames)
        which.extend([first_track + number] * frames)
    return {"x": np.stack(x), "y": np.asarray(y, dtype=np.int64), "track": np.asarray(which, dtype=np.int64)}


def write_npz(path, arrays):
    """An .npz whose bytes depend on nothing but the arrays: fixed dates, fixed order. Returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(entry, "w") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return hashlib.sha256(path.read_bytes()).hexdigest()


SETS = {
    "training": lambda: draw_set(SEEDS["training"], 3000, 3, 100000),
    "test": lambda: draw_set(SEEDS["test"], 500, 2, 500000),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--training", action="store_true", help="also write data/training.npz (about 28 MB, not committed)")
    options = parser.parse_args()
    for name in ("test", "training") if options.training else ("test",):
        arrays = SETS[name]()
        digest = write_npz(FOLDER / "data" / f"{name}.npz", arrays)
        print(f"data/{name}.npz  {len(arrays['y'])} frames of {len(np.unique(arrays['track']))} tracks  sha256 {digest}")


if __name__ == "__main__":
    main()
