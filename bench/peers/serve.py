"""Attacks one model with a reference implementation: one JSON job per line on stdin, one JSON answer per line on stdout.

The references are not part of this project: VAUBAN_AUTOATTACK, VAUBAN_FOOLBOX and VAUBAN_EAGERPY name their folders.
"""

import json
import os
import sys
import time
import types
import warnings

# One thread, as ours; read when the libraries are loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
# What the references print must not mix with the answers.
answers, sys.stdout = sys.stdout, sys.stderr

warnings.filterwarnings("ignore")
for variable in ("VAUBAN_AUTOATTACK", "VAUBAN_FOOLBOX", "VAUBAN_EAGERPY"):
    if os.environ.get(variable):
        sys.path.insert(0, os.environ[variable])
# Foolbox's model zoo, which nothing here uses, clones repositories with GitPython.
sys.modules.setdefault("git", types.SimpleNamespace(Repo=None))

import torch  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from onnx_torch import OnnxModule, batched, load_array  # noqa: E402

torch.set_num_threads(1)
models = {}


class Counted(torch.nn.Module):
    """Counts the samples a model is asked about, and those that a gradient is taken of."""

    def __init__(self, model):
        super().__init__()
        self.model, self.queries, self.gradients = model, 0, 0

    def forward(self, x):
        self.queries += len(x)
        if x.requires_grad:
            self.gradients += len(x)
        return self.model(x)


def autoattack(model, x, y, job):
    from autoattack import AutoAttack

    norm = {"linf": "Linf", "l2": "L2", "l1": "L1"}[job["norm"]]
    attack = AutoAttack(model, norm=norm, eps=job["eps"], version="standard", device="cpu", verbose=False, seed=job["seed"])
    if job.get("attacks"):
        attack.attacks_to_run = job["attacks"]
    targets = min(9, job["outputs"] - 1)
    attack.apgd_targeted.n_target_classes = min(attack.apgd_targeted.n_target_classes, targets)
    attack.fab.n_target_classes = min(attack.fab.n_target_classes, targets)
    return attack.run_standard_evaluation(x, y, bs=job.get("batch", 250))


def foolbox_pgd(model, x, y, job):
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[job["norm"]]
    attack = kind(rel_stepsize=job["stepShare"], steps=job["steps"])
    torch.manual_seed(job["seed"])
    found = []
    size = job.get("batch", 250)
    for i in range(0, len(x), size):
        found.append(attack(wrapped, x[i : i + size], y[i : i + size], epsilons=job["eps"])[1])
    return torch.cat(found)


ATTACKS = {"autoattack": autoattack, "foolbox-pgd": foolbox_pgd}


def answer(job):
    if job["model"] not in models:
        models[job["model"]] = OnnxModule(job["model"]).eval()
    model = models[job["model"]]
    x, y = load_array(job["x"]), load_array(job["y"]).long()
    if job["attack"] == "logits":
        return {"logits": batched(model, x).tolist()}
    rows = slice(job.get("from", 0), job.get("to", len(x)))
    x, y = x[rows], y[rows]
    counted = Counted(model)
    wall, cpu = time.perf_counter(), time.process_time()
    adversarial = ATTACKS[job["attack"]](counted, x, y, job)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    correct = (batched(model, adversarial).argmax(1) == y).sum().item()
    return {
        "robust": correct, "n": len(x), "wall": wall, "cpu": cpu,
        "queries": counted.queries, "gradients": counted.gradients,
    }


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
    except Exception as error:  # The caller prints the reason and skips the comparison.
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
