"""Runs the engine and its peers in turn on the same data and reports medians, ratios and bars. See benchmarks/README.md."""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time

import faiss
import numpy as np
import sklearn
import xgboost
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score

import data
import store
from engine import ROOT, Engine

THREADS = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count())
K = 16
TREES, DEPTH, LEARNING_RATE = 100, 6, 0.1
WARM_UP_SECONDS = 1.5  # the engine's code is compiled better the more it runs
OURS, SKLEARN, XGBOOST, FAISS, REDIS = "engine", "scikit-learn", "XGBoost", "FAISS", "Redis"


@dataclasses.dataclass
class Line:
    """A line of the table: a median by contestant, the ratio that its bar is about, and whether that is met."""

    task: str
    unit: str
    medians: dict
    ratio: str = ""
    bar: str = ""
    met: bool | None = None


def turn():
    """Every measured call is made within one of these."""
    return contextlib.nullcontext()


def alternate(rounds, contestants, warm_up=WARM_UP_SECONDS):
    """Calls each contestant in turn, rounds times: by name, the (seconds, result) of each call. Before, each warms up."""
    for run in contestants.values() if warm_up else ():
        with turn():
            until = time.monotonic() + warm_up
            run(0)
            while time.monotonic() < until:
                run(0)
    outcomes = {name: [] for name in contestants}
    for i in range(rounds):
        for name, run in contestants.items():
            with turn():
                time.sleep(0.05)  # threads of the one before may still spin
                outcomes[name].append(run(i))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return outcomes


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def medians(outcomes, value=lambda outcome: outcome[0]):
    return {name: statistics.median(value(o) for o in list_) for name, list_ in outcomes.items()}


def rates(count, seconds):
    return {name: count / s / 1e6 for name, s in seconds.items()}


# k-means: fit from one start, then the nearest of 16 centroids.

def compare_k_means(engine, options):
    count = 100_000 if options.quick else 1_000_000
    x = data.clusters(count)
    file = engine.file(x)

    def fit_ours(seed):
        answer = engine.run("k-means-fit", points=file, columns=28, k=K, seed=seed)
        return answer["seconds"], np.array(answer["centroids"]).reshape(K, 28)

    def fit_sklearn(seed):
        seconds, model = timed(lambda: KMeans(K, n_init=1, random_state=seed).fit(x))
        return seconds, model.cluster_centers_

    def fit_faiss(seed):
        # All rows, like the others: by default FAISS would take 256 a centroid. Its 25 iterations are the default.
        model = faiss.Kmeans(28, K, seed=seed + 1, max_points_per_centroid=count)
        return timed(lambda: model.train(x))[0], model.centroids

    fits = alternate(options.rounds, {OURS: fit_ours, SKLEARN: fit_sklearn, FAISS: fit_faiss})
    seconds = medians(fits)
    inertia = medians(fits, lambda outcome: mean_squared_distance(x, outcome[1]))
    faster = min(seconds[SKLEARN], seconds[FAISS])
    worse = inertia[OURS] / min(inertia[SKLEARN], inertia[FAISS]) - 1
    yield Line(f"k-means fit, {count:,} x 28, K={K}", "s", seconds, f"{seconds[OURS] / faster:.2f} of the faster", "<= 0.33",
               seconds[OURS] <= faster / 3)
    yield Line("  its inertia a row", "", inertia, f"{100 * worse:+.3f} %", "<= +0.1 %", worse <= 0.001)

    model = KMeans(K, n_init=1, random_state=0, max_iter=1).fit(x[:50_000])
    model.cluster_centers_ = centroids = fits[SKLEARN][0][1].astype(np.float32)
    index = faiss.IndexFlatL2(28)
    index.add(centroids)
    predictions = alternate(options.rounds, {
        OURS: lambda _: engine.rows("segment-assign", file, 28, np.int32, centroids=centroids.ravel().tolist()),
        SKLEARN: lambda _: timed(lambda: model.predict(x)),
        FAISS: lambda _: timed(lambda: index.search(x, 1)[1].ravel()),
    })
    agreement = np.mean(predictions[OURS][0][1] == predictions[SKLEARN][0][1])
    rate = rates(count, medians(predictions))
    ratio = rate[OURS] / rate[SKLEARN]
    yield Line("k-means predict (standardised by ours)", "M rows/s", rate, f"{ratio:.1f} x scikit-learn", ">= 10", ratio >= 10)
    yield Line("  same segment as scikit-learn's", "%", {OURS: 100 * agreement}, "", ">= 99.99", agreement >= 0.9999)


def mean_squared_distance(x, centroids):
    """Mean over rows of the squared distance to the nearest centroid, in float64 for every contestant alike."""
    centroids = centroids.astype(np.float64)
    total = 0.0
    for part in np.array_split(x, max(len(x) // 50_000, 1)):
        part = part.astype(np.float64)
        distances = (part ** 2).sum(axis=1)[:, None] - 2 * part @ centroids.T + (centroids ** 2).sum(axis=1)
        total += distances.min(axis=1).sum()
    return total / len(x)


# Trees: training, prediction of many rows and of one.

def boosted_sklearn(loss, categories):
    kind = HistGradientBoostingClassifier if loss == "logistic" else HistGradientBoostingRegressor
    return kind(max_iter=TREES, max_depth=DEPTH, max_leaf_nodes=2 ** DEPTH, learning_rate=LEARNING_RATE, l2_regularization=1,
                early_stopping=False, random_state=0, categorical_features=[i for i, c in enumerate(categories) if c > 0] or None)


def train_xgboost(x, y, loss):
    settings = dict(tree_method="hist", max_bin=256, max_depth=DEPTH, eta=LEARNING_RATE, reg_lambda=1, nthread=THREADS, verbosity=0,
                    objective="binary:logistic" if loss == "logistic" else "reg:squarederror", base_score=float(y.mean()))
    return xgboost.train(settings, xgboost.DMatrix(x, y, nthread=THREADS), TREES)


def train_ours(engine, rows_file, columns, targets_file, loss="squared", categories=None):
    return engine.run("tree-train", rows=rows_file, columns=columns, targets=targets_file, loss=loss, categories=categories,
                      trees=TREES, depth=DEPTH, learning_rate=LEARNING_RATE)["seconds"]


def compare_trees(engine, options):
    count = 50_000 if options.quick else 500_000
    x, y = data.profit(count + 100_000)
    x, held_out, y, truth = x[:count], x[count:], y[:count], y[count:]
    rows_file, targets_file, held_out_file = engine.file(x), engine.file(y), engine.file(held_out)
    trained = alternate(options.rounds, {
        OURS: lambda _: (train_ours(engine, rows_file, 28, targets_file), None),
        XGBOOST: lambda _: timed(lambda: train_xgboost(x, y, "squared")),
        SKLEARN: lambda _: timed(lambda: boosted_sklearn("squared", [0] * 28).fit(x, y)),
    })
    seconds = medians(trained)
    booster, boosted = trained[XGBOOST][0][1], trained[SKLEARN][0][1]
    ratio = seconds[OURS] / seconds[XGBOOST]
    yield Line(f"trees, training, {count:,} x 28, {TREES} trees", "s", seconds, f"{ratio:.2f} of XGBoost", "<= 0.8", ratio <= 0.8)

    errors = {
        OURS: rmse(engine.rows("tree-predict", held_out_file, 28, np.float32)[1], truth),
        XGBOOST: rmse(booster.inplace_predict(held_out), truth),
        SKLEARN: rmse(boosted.predict(held_out), truth),
    }
    yield loss_line("  its held-out RMSE", "squared", errors)

    predicted = alternate(options.rounds, {
        OURS: lambda _: engine.rows("tree-predict", rows_file, 28, np.float32),
        XGBOOST: lambda _: timed(lambda: booster.inplace_predict(x)),
        SKLEARN: lambda _: timed(lambda: boosted.predict(x)),
    })
    rate = rates(count, medians(predicted))
    ratio = rate[OURS] / rate[XGBOOST]
    yield Line("trees, predict, raw rows", "M rows/s", rate, f"{ratio:.1f} x XGBoost", ">= 15", ratio >= 15)

    booster.set_param({"nthread": 1})  # more only costs, for one row
    single = alternate(options.rounds, {
        OURS: lambda _: (engine.run("tree-predict-row", rows=held_out_file, columns=28)["seconds"], None),
        XGBOOST: lambda _: (timed(lambda: [booster.inplace_predict(held_out[r:r + 1]) for r in range(1000)])[0] / 1000, None),
        SKLEARN: lambda _: (timed(lambda: [boosted.predict(held_out[r:r + 1]) for r in range(20)])[0] / 20, None),
    })
    micros = {name: 1e6 * s for name, s in medians(single).items()}
    yield Line("trees, predict, one row", "us", micros, f"1 : {micros[XGBOOST] / micros[OURS]:.0f} XGBoost", "< 1 us", micros[OURS] < 1)


def rmse(predicted, truth):
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - truth) ** 2)))


def loss_line(name, loss, values):
    """Held-out quality against the better peer: an AUC may be 0.003 below, an RMSE 1 % above."""
    peers = [v for n, v in values.items() if n != OURS]
    if loss == "logistic":
        difference = values[OURS] - max(peers)
        return Line(name, "AUC", values, f"{difference:+.4f}", ">= -0.003", difference >= -0.003)
    worse = values[OURS] / min(peers) - 1
    return Line(name, "RMSE", values, f"{100 * worse:+.2f} %", "<= +1 %", worse <= 0.01)


# Held-out quality on data of several kinds, cross-validated where there are few rows.

def compare_quality(engine, options):
    for load in (data.telco, data.online_retail, data.friedman, data.segment_profit):
        dataset = load()
        if dataset is None:
            print(f"{load.__name__}: no file in {'SCORING_ENGINE_DATA' if 'SCORING_ENGINE_DATA' in os.environ else '../shared/data'}",
                  file=sys.stderr)
            continue
        with turn():
            folds = [quality(engine, dataset, train, test) for train, test in dataset.folds]
        values = {name: statistics.mean(fold[name] for fold in folds) for name in folds[0]}
        yield loss_line(f"{dataset.name}, {len(dataset.rows):,} x {dataset.rows.shape[1]}, {len(folds)} fold(s)", dataset.loss, values)


def quality(engine, dataset, train, test):
    x, y, columns = dataset.rows, dataset.targets, dataset.rows.shape[1]
    train_ours(engine, engine.file(x[train]), columns, engine.file(y[train]), dataset.loss, dataset.categories)
    wide = one_hot(x, dataset.categories)  # how XGBoost 1.7 takes categories; the others take them as they are
    boosted = boosted_sklearn(dataset.loss, dataset.categories).fit(x[train], y[train])
    scores = {
        OURS: engine.rows("tree-predict", engine.file(x[test]), columns, np.float32)[1],
        XGBOOST: train_xgboost(wide[train], y[train], dataset.loss).inplace_predict(wide[test]),
        SKLEARN: boosted.predict_proba(x[test])[:, 1] if dataset.loss == "logistic" else boosted.predict(x[test]),
    }
    return {name: roc_auc_score(y[test], s) if dataset.loss == "logistic" else rmse(s, y[test]) for name, s in scores.items()}


def one_hot(x, categories):
    return np.column_stack([x[:, [c]] if n == 0 else x[:, [c]] == np.arange(n) for c, n in enumerate(categories)]).astype(np.float32)


# The customer store: the same customers in the engine, in its own process, and in Redis, behind a socket.

RECORD_BYTES = 10 + store.VALUE_BYTES  # id, header and features


def compare_store(engine, options):
    if reason := store.Redis.missing():
        print(f"store: skipped, {reason}", file=sys.stderr)
        return
    sizes = [100_000] if options.quick else [int(n) for n in options.customers.split(",")]
    memory = {}
    with contextlib.closing(store.Redis()) as redis:
        for customers in sizes:
            for line in compare_store_of(customers, engine, redis, options):
                if line.unit == "B":
                    memory[customers] = line.medians[OURS]
                yield line
    growth = max(memory.values()) / min(memory.values()) - 1
    yield Line(f"store, memory a customer, {min(sizes):,} to {max(sizes):,}", "", {}, f"{100 * growth:.1f} % apart", "<= 5 %", growth <= 0.05)


def compare_store_of(customers, engine, redis, options):
    big = customers > 10_000_000  # loaded once, by code that is warm
    operations = 300_000 if options.quick else 3_000_000

    def load_ours(_):
        engine.run("store-close")
        answer = engine.run("store-load", customers=customers, threads=THREADS)
        if answer["customers"] != customers or answer["disk_bytes"] > 0:
            raise RuntimeError(f"not all customers are in memory: {answer}")
        return answer["seconds"], answer["record_bytes"] + answer["index_bytes"]

    loads = alternate(1 if big else options.rounds, {OURS: load_ours, REDIS: lambda _: redis.load(customers)}, 0 if big else WARM_UP_SECONDS)
    rate = rates(customers, medians(loads))
    yield Line(f"store, {customers:,} customers: first load", "M/s", rate, f"{rate[OURS] / rate[REDIS]:.1f} x Redis", ">= 1.5 M/s", rate[OURS] >= 1.5)
    memory = medians(loads, lambda outcome: outcome[1] / customers)
    ratio = memory[OURS] / memory[REDIS]
    yield Line("  memory a customer, index included", "B", memory, f"{ratio:.2f} x Redis", "<= 0.9", ratio <= 0.9)
    ratio = memory[OURS] / RECORD_BYTES
    yield Line(f"  of which {RECORD_BYTES} are id, header and features", "", {}, f"{ratio:.2f}", "<= 1.35", ratio <= 1.35)

    reads = rates(operations, medians(alternate(options.rounds, {
        OURS: lambda _: (engine.run("store-read", operations=operations)["seconds"], None),
        "blocks": lambda _: (engine.run("store-read-many", operations=operations)["seconds"], None),
        REDIS: lambda _: (redis.read(customers, operations), None),
        "one customer": lambda _: (redis.read(1, operations), None),
    })))
    for name, task in ((OURS, "one by one"), ("blocks", "in blocks of 256")):
        ratio = reads[name] / reads[REDIS]
        yield Line(f"  reads of random customers, {task}", "M/s", {OURS: reads[name], REDIS: reads[REDIS]}, f"{ratio:.1f} x Redis", ">= 2.5", ratio >= 2.5)

    yield Line("  reads, Redis of one customer only", "M/s", {OURS: reads[OURS], REDIS: reads["one customer"]}, f"{reads[OURS] / reads['one customer']:.1f} x Redis")

    own = {
        "update": lambda _: (engine.run("store-update", operations=operations)["seconds"] / operations, None),
        "scan": lambda _: (engine.run("store-scan")["seconds"] / customers, None),
    }
    seconds = medians(alternate(options.rounds, own))
    yield Line("  updates of random customers", "M/s", {OURS: 1e-6 / seconds["update"]})
    scan = 1e-6 / seconds["scan"]
    yield Line("  scan, one thread", "M/s", {OURS: scan}, "", ">= 8 M/s", scan >= 8)


# The report.

def environment(engine):
    about = engine.run("about")
    with open("/proc/cpuinfo") as file:
        cpu = re.search(r"model name\s*: (.*)", file.read()).group(1)
    return {
        "date": datetime.date.today().isoformat(), "cpu": cpu, "cores": os.cpu_count(), "threads": THREADS,
        "engine": f"{about['engine']} on {about['runtime']}, {about['vector_bits']}-bit vectors",
        "scikit-learn": sklearn.__version__, "XGBoost": xgboost.__version__, "FAISS": faiss.__version__, "Redis": store.Redis.installed(),
        "numpy": np.__version__, "Python": platform.python_version(),
    }


def cells(lines):
    contestants = [OURS, SKLEARN, XGBOOST, FAISS, REDIS]
    yield ["task", "unit", *contestants, "ratio", "bar", "met"]
    for line in lines:
        numbers = [f"{line.medians[c]:.4g}" if c in line.medians else "" for c in contestants]
        yield [line.task, line.unit, *numbers, line.ratio, line.bar, "" if line.met is None else "yes" if line.met else "MISSED"]


def table(lines):
    rows = list(cells(lines))
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def markdown(lines, about, rounds):
    header, *rows = cells(lines)
    return "\n".join([
        f"# The engine and its peers, {about['date']}", "",
        f"Made by `benchmarks/peers/run`: one run, engine and peers in turn, medians of {rounds}. See [benchmarks](../README.md).", "",
        *(f"- {name}: {value}" for name, value in about.items()), "",
        "| " + " | ".join(header) + " |", "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows), ""])


def write_results(lines, about, rounds):
    slug = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", about["cpu"].lower())).strip("-")
    folder = ROOT / "benchmarks/results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{about['date']}-{slug}.md"
    path.write_text(markdown(lines, about, rounds))
    results = {"environment": about, "rounds": rounds, "lines": [dataclasses.asdict(line) for line in lines]}
    path.with_suffix(".json").write_text(json.dumps(results, indent=2, default=lambda v: v.item()) + "\n")
    print(f"written: {path.relative_to(ROOT)} and .json")


SECTIONS = {"kmeans": compare_k_means, "trees": compare_trees, "quality": compare_quality, "store": compare_store}


def main():
    parser = argparse.ArgumentParser(description="Compares the engine with scikit-learn, XGBoost, FAISS and Redis.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round: a smoke test, nothing is written")
    parser.add_argument("--rounds", type=int, help="measured calls of each contestant, default 5")
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}; nothing is written")
    parser.add_argument("--customers", default="1000000,5000000,30000000", help="sizes of the store, default %(default)s; the largest takes 13 GB")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if not set(chosen) <= set(SECTIONS):
        parser.error(f"--only: expected some of {','.join(SECTIONS)}, found {options.only}")
    options.rounds = options.rounds or (1 if options.quick else 5)
    faiss.omp_set_num_threads(THREADS)
    with tempfile.TemporaryDirectory(prefix="peers-") as folder, contextlib.closing(Engine(folder)) as engine:
        about = environment(engine)
        lines = []
        for section in chosen:
            print(section, file=sys.stderr)
            lines.extend(SECTIONS[section](engine, options))
    print("; ".join(f"{name} {value}" for name, value in about.items()))
    print(table(lines))
    if not options.quick and chosen == list(SECTIONS):
        write_results(lines, about, options.rounds)


if __name__ == "__main__":
    main()
