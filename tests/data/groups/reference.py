"""Writes groups.json: random groups, and who of them is an outlier by plain DBSCAN and MAD.

Nothing here is fast or shares an idea with the library: all pairs, a queue, statistics.median.
Run: python3 reference.py > groups.json
"""

import json
import math
import random
import statistics

TO_DEVIATION = 1.4826
MEAN_TO_DEVIATION = 1.2533
SCALED_SHARE = 0.03


def spread(distances, scaled, magnitude):
    middle = statistics.median(distances)
    deviation = TO_DEVIATION * middle if middle > 0 else MEAN_TO_DEVIATION * statistics.fmean(distances)
    return max(deviation, TO_DEVIATION * SCALED_SHARE * magnitude) if scaled else deviation


def dbscan(series, tolerance, scaled):
    middle = [statistics.median(column) for column in zip(*series)]
    distances = [math.dist(member, middle) for member in series]
    deviation = spread(distances, scaled, math.hypot(*middle))
    if deviation == 0:
        return [False] * len(series), [0.0] * len(series)
    clusters, left = [], set(range(len(series)))
    while left:
        queue, cluster = [left.pop()], []
        while queue:
            at = queue.pop()
            cluster.append(at)
            near = [b for b in left if math.dist(series[at], series[b]) <= tolerance * deviation]
            left.difference_update(near)
            queue.extend(near)
        clusters.append(cluster)
    largest = max(clusters, key=lambda cluster: (len(cluster), -min(distances[at] for at in cluster)))
    return [at not in largest for at in range(len(series))], [d / deviation for d in distances]


def mad(series, tolerance, percent, scaled):
    values = [value for member in series for value in member]
    middle = statistics.median(values)
    deviation = spread([abs(value - middle) for value in values], scaled, abs(middle))
    if deviation == 0:
        return [False] * len(series), [0.0] * len(series)
    outliers, distances = [], []
    for member in series:
        out = sum(abs(value - middle) > tolerance * deviation for value in member)
        outliers.append(100 * out > percent * len(member))
        own = sorted((abs(value - middle) for value in member), reverse=True)
        distances.append(own[math.floor(len(member) * percent / 100)] / deviation)
    return outliers, distances


def group(random):
    count = random.choice([3, 4, 5, 7, 10, 20, 50])
    buckets = random.choice([1, 1, 1, 2, 5, 15])
    level, noise = random.choice([0, 1, 50, 1e6]), random.choice([0.01, 1, 30])
    kind = random.choice(["noise", "one", "few", "halves", "steps", "equal", "mostly"])
    series = []
    for at in range(count):
        shift = 0
        if kind == "one" and at == 0 or kind == "few" and at < count // 5:
            shift = noise * random.uniform(1, 12)
        if kind == "halves" and at % 2:
            shift = 10 * noise
        if kind == "steps":
            shift = noise * 3 * at
        own = [float(f"{level + shift + random.gauss(0, noise):.7g}") for _ in range(buckets)]
        if kind == "equal":
            own = [float(level)] * buckets
        if kind == "mostly":
            own = [float(level + (at == 1) * 3) for _ in range(buckets)]
        series.append(own)
    return series


def main():
    random.seed(18)
    groups = []
    for at in range(1000):
        series = group(random)
        algorithm = ["dbscan", "scaled_dbscan", "mad", "scaled_mad"][at % 4]
        tolerance, percent = random.choice([0.33, 1, 2, 3, 5]), random.choice([0, 10, 20, 50, 90])
        scaled = algorithm.startswith("scaled")
        if algorithm.endswith("mad"):
            outliers, distances = mad(series, tolerance, percent, scaled)
        else:
            outliers, distances = dbscan(series, tolerance, scaled)
        groups.append({
            "algorithm": algorithm, "tolerance": tolerance, "percent": percent, "series": series,
            "outliers": [at for at, is_outlier in enumerate(outliers) if is_outlier],
            "distances": [float(f"{distance:.6g}") for distance in distances],
        })
    print("[\n" + ",\n".join(json.dumps(group) for group in groups) + "\n]")


main()
