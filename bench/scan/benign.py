"""Writes benign pickles of the libraries at hand (scikit-learn, NumPy, joblib, PyTorch, pandas, SciPy where present) into a folder.

    /usr/bin/python3 bench/scan/benign.py FOLDER [--quick]

Everything is made here from toy data with fixed seeds; nothing is loaded. --quick: only what takes no time, without
SciPy, pandas, scikit-learn, joblib and PyTorch. Prints one line per library that is missing.
"""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import http
import ipaddress
import itertools
import pathlib
import pickle
import random
import sys
import time
import uuid

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def dump(name, value, protocols=(2, 4, 5)):
    for protocol in protocols:
        with open(folder / f"{name}-p{protocol}.pkl", "wb") as file:
            pickle.dump(value, file, protocol=protocol)


dump(
    "python-values",
    {
        "a": [1, 2.5, None, True, "text", b"bytes", 10**40, complex(1, 2), bytearray(b"x")],
        "b": (datetime.datetime(2026, 1, 1), datetime.timedelta(days=1), datetime.date(2026, 1, 2)),
        "c": collections.OrderedDict(x=1),
        "d": collections.defaultdict(list, {"k": [1]}),
        "e": {1, 2}, "f": frozenset({3}), "g": decimal.Decimal("1.5"), "h": fractions.Fraction(1, 3),
        "i": pathlib.PurePosixPath("a/b"), "j": collections.Counter("abca"), "k": collections.deque([1, 2]),
        "l": uuid.UUID(int=7), "m": slice(1, 2), "n": range(3), "o": ValueError("x"), "p": random.Random(1).getstate(),
    },
    protocols=(0, 1, 2, 3, 4, 5),
)
dump(
    "python-objects",
    [type(None), functools.partial(round, ndigits=2), itertools.count(3), iter([1, 2]), iter(range(3)), ipaddress.ip_address("1.1.1.1"), ipaddress.ip_network("::/64"), time.gmtime(0)],
    (0, 2, 4),
)
dump("http-status", http.HTTPStatus.OK, (2, 4))
dump("nested", {"layers": [{"w": [float(i) for i in range(50)], "name": f"layer{i}"} for i in range(40)]}, (0, 2, 4))

try:
    import numpy as np

    rng = np.random.default_rng(0)
    dump("numpy-arrays", {"w": rng.normal(size=(30, 20)), "i": np.arange(10), "s": np.array(["a", "bc"]), "x": np.float64(1.5), "b": np.bool_(True), "r": np.zeros(3, dtype=[("a", "f4"), ("b", "i8")])})
    dump("numpy-objects", np.array([{"a": 1}, [1, 2], "x", None], dtype=object))
    dump("numpy-random", {"rs": np.random.RandomState(3), "gen": np.random.default_rng(4)})
    dump("numpy-masked", np.ma.masked_array([1.0, 2.0], mask=[0, 1]))
    dump("numpy-classes", [np.matrix([[1, 2]]), np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.char.array(["a", "b"]), np.poly1d([1, 2]), np.ma.masked, np.finfo("f4")])
    np.save(folder / "numpy.npy", rng.normal(size=(8, 8)))
    np.save(folder / "numpy-objects.npy", np.array([{"a": 1}, "x"], dtype=object), allow_pickle=True)
    np.savez(folder / "numpy.npz", a=rng.normal(size=5), b=np.array(["x", None], dtype=object))
    np.savez_compressed(folder / "numpy-packed.npz", a=rng.normal(size=500))
except ImportError as missing:
    print(missing)

if "--quick" in sys.argv:
    sys.exit()

try:
    import scipy.sparse

    dump("scipy-sparse", {"csr": scipy.sparse.random(20, 20, 0.1, random_state=0, format="csr"), "coo": scipy.sparse.eye(4, format="coo")})
    import scipy.stats, scipy.interpolate, scipy.spatial

    dump("scipy-objects", {"spline": scipy.interpolate.CubicSpline([0, 1, 2], [0, 1, 4]), "tree": scipy.spatial.cKDTree([[0, 0], [1, 1]]), "line": scipy.interpolate.interp1d([1, 2, 3], [1, 2, 3]), "nearest": scipy.interpolate.interp1d([1, 2, 3], [1, 2, 3], kind="nearest"), "density": scipy.stats.gaussian_kde([[1, 2, 4]])})
    dump("scipy-distributions", {"frozen": scipy.stats.norm(0, 1), "poisson": scipy.stats.poisson(3), "beta": scipy.stats.beta})
except ImportError as missing:
    print(missing)

try:
    import pandas as pd

    dump("pandas-frame", pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": pd.date_range("2026-01-01", periods=3), "d": pd.Categorical(["u", "v", "u"])}))
    dump("pandas-series", pd.Series([1.5, 2.5], index=["x", "y"], name="s"))
except ImportError as missing:
    print(missing)

try:
    import numpy as np
    from sklearn import (
        calibration, cluster, compose, decomposition, discriminant_analysis, dummy, ensemble, feature_extraction, feature_selection,
        gaussian_process, impute, isotonic, kernel_approximation, linear_model, manifold, mixture, model_selection, naive_bayes,
        neighbors, neural_network, pipeline, preprocessing, svm, tree,
    )

    import scipy.stats

    rng = np.random.RandomState(0)
    x = rng.normal(size=(80, 5))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    t = x[:, 0] * 2 + 0.1 * rng.normal(size=80)
    models = {
        "logistic": linear_model.LogisticRegression().fit(x, y),
        "ridge": linear_model.Ridge().fit(x, t),
        "lasso-cv": linear_model.LassoCV(cv=3).fit(x, t),
        "sgd": linear_model.SGDClassifier(random_state=0).fit(x, y),
        "huber": linear_model.HuberRegressor().fit(x, t),
        "forest": ensemble.RandomForestClassifier(5, random_state=0).fit(x, y),
        "extra-trees": ensemble.ExtraTreesRegressor(5, random_state=0).fit(x, t),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0).fit(x, y),
        "hist-boosting": ensemble.HistGradientBoostingClassifier(max_iter=5).fit(x, y),
        "adaboost": ensemble.AdaBoostClassifier(n_estimators=3, random_state=0).fit(x, y),
        "isolation-forest": ensemble.IsolationForest(n_estimators=5, random_state=0).fit(x),
        "voting": ensemble.VotingClassifier([("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier())]).fit(x, y),
        "stacking": ensemble.StackingClassifier([("a", naive_bayes.GaussianNB())], cv=3).fit(x, y),
        "svc": svm.SVC(probability=True, random_state=0).fit(x, y),
        "linear-svc": svm.LinearSVC().fit(x, y),
        "knn": neighbors.KNeighborsClassifier(algorithm="kd_tree").fit(x, y),
        "knn-ball": neighbors.KNeighborsRegressor(algorithm="ball_tree").fit(x, t),
        "mlp": neural_network.MLPClassifier((4,), max_iter=20, random_state=0).fit(x, y),
        "gp": gaussian_process.GaussianProcessRegressor(gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()).fit(x, t),
        "kmeans": cluster.KMeans(3, n_init=2, random_state=0).fit(x),
        "dbscan": cluster.DBSCAN().fit(x),
        "pca": decomposition.PCA(2).fit(x),
        "nmf": decomposition.NMF(2, init="random", random_state=0).fit(abs(x)),
        "tsne": manifold.Isomap(n_neighbors=10).fit(x),
        "mixture": mixture.GaussianMixture(2, random_state=0).fit(x),
        "lda": discriminant_analysis.LinearDiscriminantAnalysis().fit(x, y),
        "isotonic": isotonic.IsotonicRegression().fit(x[:, 0], t),
        "calibrated": calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=3).fit(x, y),
        "grid": model_selection.GridSearchCV(linear_model.LogisticRegression(), {"C": [0.1, 1]}, cv=3).fit(x, y),
        "random-search": model_selection.RandomizedSearchCV(linear_model.LogisticRegression(), {"C": scipy.stats.loguniform(0.1, 1)}, n_iter=2, cv=3, random_state=0).fit(x, y),
        "select": feature_selection.SelectKBest(k=2).fit(x, y),
        "nystroem": kernel_approximation.Nystroem(n_components=5, random_state=0).fit(x),
        "tfidf": feature_extraction.text.TfidfVectorizer().fit(["a cat sat", "a dog ran"]),
        "columns": compose.ColumnTransformer([("s", preprocessing.StandardScaler(), [0, 1]), ("m", preprocessing.MinMaxScaler(), slice(2, 4))]).fit(x),
        "function": preprocessing.FunctionTransformer(np.log1p),
        "pipeline": pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.PolynomialFeatures(2), preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(x, y),
        "one-hot": preprocessing.OneHotEncoder().fit([["a"], ["b"]]),
        "dummy": dummy.DummyClassifier().fit(x, y),
    }
    for index, (name, model) in enumerate(models.items()):
        dump(f"sklearn-{name}", model, ((2, 4), (3, 5), (4,))[index % 3])
except ImportError as missing:
    print(missing)

try:
    import joblib
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    for protocol in (0, 1):
        joblib.dump({"w": np.arange(6.0).reshape(2, 3), "o": np.array([1, "x"], dtype=object)}, folder / f"joblib-p{protocol}.joblib", protocol=protocol)
    rng = np.random.RandomState(0)
    x = rng.normal(size=(80, 5))
    forest = RandomForestClassifier(5, random_state=0).fit(x, x[:, 0] > 0)
    objects = {"a": np.array([1, "x", None], dtype=object), "b": rng.normal(size=(4, 3)), "c": np.asfortranarray(rng.normal(size=(4, 3)))}
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("lz4", 3)):
        name = compress if isinstance(compress, int) else compress[0]
        try:
            joblib.dump(forest, folder / f"joblib-forest-{name}.joblib", compress=compress)
            joblib.dump(objects, folder / f"joblib-objects-{name}.joblib", compress=compress)
        except ValueError as missing:
            print(missing)
except ImportError as missing:
    print(missing)

try:
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(4 * 13 * 13, 10), torch.nn.GELU(), torch.nn.Softmax(dim=1)
    )
    rnn = torch.nn.LSTM(4, 8, batch_first=True)
    transformer = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 16), 1)
    optimiser = torch.optim.Adam(net.parameters())
    torch.save(net.state_dict(), folder / "torch-state.pt")
    torch.save(net.state_dict(), folder / "torch-state-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(net, folder / "torch-model.pt")
    torch.save(rnn, folder / "torch-rnn-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(transformer, folder / "torch-transformer.pt")
    torch.save({"model": net.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 3, "scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 3).state_dict()}, folder / "torch-checkpoint.ckpt")
    torch.save({t: torch.zeros(3).to(getattr(torch, t)) for t in ("float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "float64", "complex64")}, folder / "torch-types.pt")
    torch.save([torch.nn.Parameter(torch.ones(2)), torch.Size([1, 2]), torch.device("cpu"), torch.float32, torch.sparse_coo_tensor([[0], [1]], [2.0], (2, 2))], folder / "torch-others.pt")
    import torch.nn.utils.prune

    linear = torch.nn.Linear(3, 2)
    torch.save(linear, folder / "torch-linear.pt")
    torch.save(torch.utils.data.TensorDataset(torch.ones(2, 3)), folder / "torch-dataset.pt")
    torch.save(torch.nn.utils.weight_norm(torch.nn.Linear(3, 2)), folder / "torch-weight-norm.pt")
    torch.save(torch.nn.utils.spectral_norm(torch.nn.Linear(3, 2)), folder / "torch-spectral-norm.pt")
    torch.save(torch.nn.utils.prune.l1_unstructured(torch.nn.Linear(3, 2), "weight", 1), folder / "torch-pruned.pt")
    dump("torch-plain", net.state_dict(), (2, 4))
    torch.jit.script(net).save(str(folder / "torch-script.pt"))
    torch.jit.trace(net, torch.zeros(1, 1, 28, 28)).save(str(folder / "torch-traced.pt"))
except ImportError as missing:
    print(missing)
