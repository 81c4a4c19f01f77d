"""OpenBLAS, as numpy has it, on the shapes of `hone-bench bilevel kernels`, on one thread: CPU milliseconds a call.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python3 Benchmarks/Peers/kernels_reference.py
"""

import json
import time

import numpy as np


def milliseconds(work, runs):
    times = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(runs):
            work()
        times.append((time.process_time() - start) / runs * 1e3)
    return sorted(times)[2]


def main():
    random = np.random.default_rng(1)
    for n in (31, 130, 650):
        a = random.standard_normal((n, n))
        a = a + a.T + 8 * n * np.eye(n)
        runs = max(1, 20_000_000 // n**3 + 1)
        print(json.dumps({"name": f"Cholesky, n = {n}", "ms": milliseconds(lambda: np.linalg.cholesky(a), runs)}))
    x, w, r = (random.standard_normal(shape) for shape in ((600, 65), (10, 65), (600, 10)))
    print(json.dumps({"name": "X W', 600 x 65 x 10", "ms": milliseconds(lambda: x @ w.T, 500)}))
    print(json.dumps({"name": "R' X, 10 x 600 x 65", "ms": milliseconds(lambda: r.T @ x, 500)}))


if __name__ == "__main__":
    main()
