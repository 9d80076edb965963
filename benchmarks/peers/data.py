"""The data: seeded, or read from real files that are not part of the repository. Features are float32, missing is NaN."""

import csv
import dataclasses
import datetime
import gzip
import math
import os
import pathlib

import numpy as np

SHARED = pathlib.Path(
    os.environ.get("SCORING_ENGINE_DATA") or pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data")


@dataclasses.dataclass
class Dataset:
    """Rows with a target. categories: by column, the number of codes, 0 for a number. folds: pairs of row indices."""

    name: str
    rows: np.ndarray
    targets: np.ndarray
    categories: list
    loss: str
    folds: list


def clusters(count):
    """Sixteen overlapping normal clusters of unequal size in 28 features."""
    random = np.random.default_rng(1)
    centres = random.normal(0, 0.5, (16, 28))
    shares = np.linspace(1, 4, 16)
    own = random.choice(16, count, p=shares / shares.sum())
    return (centres[own] + random.standard_normal((count, 28))).astype(np.float32)


def profit(count):
    """28 normal features; steps, interactions and a linear part, noise of deviation 1."""
    random = np.random.default_rng(2)
    x = random.standard_normal((count, 28)).astype(np.float32)
    y = (3 * np.sin(x[:, 0] * x[:, 1]) + 2 * np.abs(x[:, 2]) + x[:, 3] * x[:, 4] + 2 * (x[:, 5] > 0.5) * x[:, 6]
         + x[:, 7] - x[:, 8] + 0.5 * x[:, 9] * (x[:, 10] > 0) + random.standard_normal(count))
    return x, y.astype(np.float32)


def friedman():
    """Friedman's first problem (1991): ten features of which five matter, noise of deviation 1."""
    random = np.random.default_rng(3)
    x = random.random((20_000, 10)).astype(np.float32)
    y = (10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
         + random.standard_normal(len(x)))
    return Dataset("Friedman-1", x, y.astype(np.float32), [0] * 10, "squared", _halves(len(x)))


def segment_profit():
    """Profit that is linear in ten features, with other coefficients in each of eight segments; noise of deviation 1."""
    random = np.random.default_rng(4)
    count = 40_000
    segment = random.integers(0, 8, count)
    x = random.standard_normal((count, 10))
    beta = random.normal(0, 1, (8, 10))
    y = (x * beta[segment]).sum(axis=1) + random.standard_normal(count)
    rows = np.column_stack([segment, x]).astype(np.float32)
    return Dataset("profit by segment", rows, y.astype(np.float32), [8] + [0] * 10, "squared", _halves(count))


def telco():
    """Telco customer churn: 7,043 customers, 19 features; None where the file is absent."""
    path = SHARED / "telco/Telco-Customer-Churn.csv"
    if not path.exists():
        return None
    with open(path, newline="") as file:
        header, *lines = list(csv.reader(file))
    numbers = {"SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges"}
    columns, categories = [], []
    for c in range(1, len(header) - 1):
        values = [line[c] for line in lines]
        names = [] if header[c] in numbers else sorted(set(values))
        columns.append([names.index(v) if names else float(v) if v.strip() else math.nan for v in values])
        categories.append(len(names))
    targets = [line[-1] == "Yes" for line in lines]
    return Dataset("Telco churn", np.array(columns, np.float32).T, np.array(targets, np.float32), categories, "logistic",
                   _fifths(len(lines)))


def online_retail():
    """
    Online Retail: a customer's spend in the last 91 days, from purchases before; None where the file is absent. Spend is
    winsorised at its 99th percentile: a dozen wholesalers would rule every squared error.
    """
    path = SHARED / "online_retail/online_retail.csv.gz"
    if not path.exists():
        return None
    end = datetime.date(2011, 12, 10)
    split = end - datetime.timedelta(days=91)
    before, after = {}, {}
    with gzip.open(path, "rt", newline="") as file:
        for line in csv.DictReader(file):
            if not line["CustomerID"]:
                continue
            day = datetime.date.fromisoformat(line["InvoiceDate"][:10])
            amount = int(line["Quantity"]) * float(line["UnitPrice"])
            if day >= split:
                after[line["CustomerID"]] = after.get(line["CustomerID"], 0) + amount
            else:
                before.setdefault(line["CustomerID"], []).append(
                    ((split - day).days, amount, line["InvoiceNo"], line["StockCode"], int(line["Quantity"]), line["Country"]))
    rows, targets = [], []
    for customer, lines in sorted(before.items()):
        days = [l[0] for l in lines]
        sales = [l[1] for l in lines if l[1] > 0]
        orders = {l[2] for l in lines if l[1] > 0}
        rows.append([
            min(days), max(days), len(orders), sum(l[1] for l in lines), sum(sales) / max(len(orders), 1),
            sum(l[1] for l in lines if l[0] <= 30), sum(l[1] for l in lines if l[0] <= 90), -sum(l[1] for l in lines if l[1] < 0),
            len({l[3] for l in lines}), sum(l[4] for l in lines), len(lines), (max(days) - min(days)) / max(len(orders) - 1, 1),
            lines[0][5] == "United Kingdom"])
        targets.append(after.get(customer, 0))
    targets = np.minimum(targets, np.quantile(targets, 0.99))
    return Dataset("Online Retail spend", np.array(rows, np.float32), targets.astype(np.float32), [0] * len(rows[0]),
                   "squared", _fifths(len(rows)))


def _halves(count):
    order = np.random.default_rng(5).permutation(count)
    return [(order[: count // 2], order[count // 2:])]


def _fifths(count):
    parts = np.array_split(np.random.default_rng(5).permutation(count), 5)
    return [(np.concatenate(parts[:i] + parts[i + 1:]), parts[i]) for i in range(5)]
