"""Draws the synthetic frontal chest radiographs of this example: anatomy from formulas, no patient anywhere.

Every image is made of smooth fields on the unit square (torso, lungs, heart, spine, diaphragm, ribs, clavicles, vessels),
an exposure, and quantum noise. "Pneumonia" adds one to three irregular opacities inside a lung; their contrast is drawn
from a distribution whose faint end overlaps with what healthy chests show here too (crowded vessels, streaks, breast
shadow), so that no classifier can reach 100 % and the clean accuracy means something.

    /usr/bin/python3 examples/chest-xray/generate.py            # test set: data/test.npz
    /usr/bin/python3 examples/chest-xray/generate.py --training # also the training set, which is not committed

Arrays: x uint8 [n, 1, 48, 48] (0 black, 255 white), y int64 [n] (0 normal, 1 pneumonia), patient int64 [n].
Training patients have one to three images each, test patients one, and no patient is in both.
"""
import argparse
import hashlib
import pathlib
import zipfile

import numpy as np

SIDE = 48
CLASSES = ["normal", "pneumonia"]
SEEDS = {"training": 20260901, "test": 20260902}
FOLDER = pathlib.Path(__file__).resolve().parent

_ROWS, _COLUMNS = np.mgrid[0:SIDE, 0:SIDE]
# Image coordinates: u to the right, v downwards, both in [-1, 1].
U = (_COLUMNS + 0.5) / SIDE * 2 - 1
V = (_ROWS + 0.5) / SIDE * 2 - 1


def edge(distance, softness):
    """1 inside (distance < 0), 0 outside, with a soft rim."""
    return 1 / (1 + np.exp(np.clip(distance / softness, -40, 40)))


def ellipse(u, v, cu, cv, ru, rv):
    """A signed field: negative inside the ellipse, about a distance near its rim."""
    return (np.sqrt(((u - cu) / ru) ** 2 + ((v - cv) / rv) ** 2) - 1) * min(ru, rv)


def blob(u, v, cu, cv, ru, rv, angle):
    """A Gaussian spot with its own axes."""
    c, s = np.cos(angle), np.sin(angle)
    a, b = c * (u - cu) + s * (v - cv), -s * (u - cu) + c * (v - cv)
    return np.exp(-0.5 * ((a / ru) ** 2 + (b / rv) ** 2))


def texture(rng, cells):
    """Smooth random relief in about [-1, 1]: a coarse random grid, interpolated with cosines."""
    grid = rng.normal(size=(cells + 1, cells + 1))
    at = np.linspace(0, cells, SIDE, endpoint=False)
    low = at.astype(int)
    t = (1 - np.cos(np.pi * (at - low))) / 2
    rows = grid[low] * (1 - t)[:, None] + grid[low + 1] * t[:, None]
    return (rows[:, low] * (1 - t) + rows[:, low + 1] * t) / 1.5


def draw_patient(rng):
    """What stays the same in every image of one person."""
    return {
        "width": rng.uniform(0.86, 1.06),
        "height": rng.uniform(0.90, 1.08),
        "lung": rng.uniform(0.16, 0.28),
        "tissue": rng.uniform(0.58, 0.72),
        "heart": rng.uniform(0.26, 0.36),
        "ribs": rng.uniform(0.030, 0.065),
        "rib_pitch": rng.uniform(0.20, 0.26),
        "rib_slope": rng.uniform(0.25, 0.55),
        "breast": rng.uniform(0.02, 0.09) if rng.random() < 0.45 else 0.0,
        "vessels": rng.uniform(0.03, 0.085),
        "fat": rng.uniform(0.0, 0.06),
    }


def draw_image(rng, patient, pneumonia):
    """One radiograph as uint8 [48, 48]."""
    # The person never stands quite straight: shift, tilt and depth of breath change from image to image.
    tilt, du, dv = rng.normal(0, 0.035), rng.normal(0, 0.03), rng.normal(0, 0.035)
    c, s = np.cos(tilt), np.sin(tilt)
    u = (c * (U - du) + s * (V - dv)) / patient["width"]
    v = (-s * (U - du) + c * (V - dv)) / patient["height"]
    breath = rng.uniform(-0.05, 0.06)

    image = 0.04 + (patient["tissue"] + patient["fat"]) * edge(ellipse(u, v, 0, 0.25, 1.02, 1.30), 0.03)

    lungs = np.zeros_like(u)
    for side in (-1, 1):
        field = edge(ellipse(u, v, side * 0.43, -0.05 + breath, 0.33, 0.68), 0.028)
        dome = 0.48 + breath + (0.05 if side > 0 else 0.0) + 0.35 * (u - side * 0.40) ** 2
        lungs = np.maximum(lungs, field * edge(v - dome, 0.025))
    heart = edge(ellipse(u, v, 0.13, 0.24 + breath / 2, patient["heart"], 0.34), 0.035)
    lungs = lungs * (1 - heart)
    image = image * (1 - lungs) + patient["lung"] * lungs

    spine = np.exp(-((u / 0.10) ** 2)) * edge(ellipse(u, v, 0, 0.25, 1.02, 1.30), 0.03)
    image = image + 0.10 * spine + 0.06 * heart

    # Posterior ribs fall away from the spine; the chest wall outside the lungs shows them less.
    phase = rng.uniform(0, 2 * np.pi)
    ribs = np.cos(2 * np.pi * (v - patient["rib_slope"] * np.abs(u) ** 1.4) / patient["rib_pitch"] + phase)
    image = image + patient["ribs"] * np.clip(ribs, 0, 1) ** 1.5 * (0.35 + 0.65 * lungs)
    for side in (-1, 1):
        clavicle = np.exp(-(((v + 0.66 + 0.16 * side * u) / 0.035) ** 2)) * edge(-(side * u - 0.08), 0.03)
        image = image + 0.09 * clavicle * edge(side * u - 0.75, 0.05)
        image = image + 0.11 * blob(u, v, side * 0.19, -0.06, 0.07, 0.13, side * 0.3)

    # Vessels branch from the hilum and thin out; crowding after a shallow breath is a healthy look-alike.
    crowding = rng.uniform(0.7, 1.5)
    for _ in range(rng.integers(14, 24)):
        side = rng.choice((-1, 1))
        reach = rng.beta(1.6, 2.6)
        angle = rng.uniform(-1.3, 1.3)
        cu, cv = side * (0.20 + 0.42 * reach * np.cos(angle)), -0.04 + 0.60 * reach * np.sin(angle)
        image = image + patient["vessels"] * crowding * (1 - 0.6 * reach) * lungs * blob(
            u, v, cu, cv, rng.uniform(0.06, 0.16), rng.uniform(0.015, 0.03), side * angle
        )
    for side in (-1, 1):
        image = image + patient["breast"] * edge(ellipse(u, v, side * 0.45, 0.42, 0.36, 0.28), 0.05)
    image = image + 0.012 * texture(rng, 6) * lungs

    # Both groups: an old scar or a streak now and then, a cable across the chest in some.
    if rng.random() < 0.30:
        side = rng.choice((-1, 1))
        image = image + rng.uniform(0.03, 0.12) * lungs * blob(
            u, v, side * rng.uniform(0.3, 0.6), rng.uniform(-0.3, 0.4), rng.uniform(0.10, 0.22), 0.022, rng.uniform(-0.6, 0.6)
        )
    if rng.random() < 0.15:
        slope, offset = rng.uniform(-0.6, 0.6), rng.uniform(-0.5, 0.5)
        image = image + 0.12 * np.exp(-(((v - slope * u - offset) / 0.025) ** 2))
    # A hazy patch without disease: summation of soft tissue, a skin fold. The faint end of real findings looks the same.
    if rng.random() < 0.20:
        image = image + haze(rng, u, v, lungs, rng.uniform(0.01, 0.050))

    if pneumonia:
        peak = float(np.clip(rng.lognormal(np.log(0.195), 0.45), 0.045, 0.50))
        for number in range(rng.choice((1, 1, 1, 2, 2, 3))):
            image = image + haze(rng, u, v, lungs, peak * (1 if number == 0 else rng.uniform(0.4, 0.9)))

    # Exposure: gain, gamma, a gradient from an oblique tube, then quantum noise (more where less arrives at the detector).
    image = np.clip(image, 0, 1.2) ** rng.uniform(0.88, 1.14)
    image = image * rng.uniform(0.88, 1.10) + rng.uniform(-0.02, 0.03)
    image = image * (1 + rng.normal(0, 0.04) * U + rng.normal(0, 0.04) * V)
    noise = rng.uniform(0.010, 0.022)
    image = image + rng.normal(size=image.shape) * noise * np.sqrt(0.4 + np.clip(image, 0, 1))
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


def haze(rng, u, v, lungs, peak):
    """An irregular opacity: a few overlapping spots inside one lung, its texture broken by air."""
    side = rng.choice((-1, 1))
    cu, cv = side * rng.uniform(0.27, 0.60), rng.uniform(-0.45, 0.42)
    size = rng.uniform(0.09, 0.24)
    field = np.zeros_like(u)
    for _ in range(rng.integers(2, 6)):
        field = np.maximum(
            field,
            blob(
                u,
                v,
                cu + rng.normal(0, 0.5 * size),
                cv + rng.normal(0, 0.5 * size),
                size * rng.uniform(0.5, 1.1),
                size * rng.uniform(0.5, 1.1),
                rng.uniform(0, np.pi),
            ),
        )
    return peak * np.clip(field * (1 + 0.25 * texture(rng, 10)), 0, 1.3) * lungs


def draw_set(seed, patients, images_per_patient, first_patient):
    """Arrays of one set; `images_per_patient` is (fewest, most)."""
    rng = np.random.default_rng(seed)
    x, y, who = [], [], []
    for number in range(patients):
        patient = draw_patient(rng)
        pneumonia = bool(rng.random() < 0.5)
        for _ in range(rng.integers(images_per_patient[0], images_per_patient[1] + 1)):
            x.append(draw_image(rng, patient, pneumonia))
            y.append(int(pneumonia))
            who.append(first_patient + number)
    return {
        "x": np.stack(x)[:, None, :, :],
        "y": np.asarray(y, dtype=np.int64),
        "patient": np.asarray(who, dtype=np.int64),
    }


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
    "training": lambda: draw_set(SEEDS["training"], 4000, (1, 3), 100000),
    "test": lambda: draw_set(SEEDS["test"], 600, (1, 1), 500000),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--training", action="store_true", help="also write data/training.npz (about 18 MB, not committed)")
    options = parser.parse_args()
    for name in ("test", "training") if options.training else ("test",):
        arrays = SETS[name]()
        digest = write_npz(FOLDER / "data" / f"{name}.npz", arrays)
        counts = np.bincount(arrays["y"], minlength=len(CLASSES))
        share = ", ".join(f"{CLASSES[k]} {counts[k]}" for k in range(len(CLASSES)))
        print(f"data/{name}.npz  {len(arrays['y'])} images of {len(np.unique(arrays['patient']))} patients ({share})  sha256 {digest}")


if __name__ == "__main__":
    main()
