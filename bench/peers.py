"""Python's own pools, driven over stdin and stdout: one JSON order a line, one JSON answer a line."""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import Pool


def powers(x):
    return x, x**2, x**3


def labelled(x):
    return {"x": x, "s": f"a{x}"}


def busy(seed, iterations):
    state = seed
    for _ in range(iterations):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
    return state


def costly(iterations):
    return busy(iterations, iterations)


TASKS = {"powers": powers, "labelled": labelled, "busy": busy, "costly": costly}


def answer(order, executor, pool):
    task = TASKS[order["task"]]
    if "iterations" in order:
        task = partial(task, iterations=order["iterations"])
    inputs = order["inputs"] if "inputs" in order else range(order["count"])
    start = time.perf_counter()
    if order["by"] == "loop":
        for x in inputs:
            task(x)
    elif order["by"] == "ProcessPoolExecutor.map":
        for _ in executor.map(task, inputs, chunksize=order.get("chunksize", 1)):
            pass
    else:
        pool.map(task, inputs, chunksize=order.get("chunksize"))
    return (time.perf_counter() - start) * 1000


def main():
    workers = int(sys.argv[1])
    with Pool(workers) as pool, ProcessPoolExecutor(workers) as executor:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line), executor, pool)), flush=True)


if __name__ == "__main__":
    main()
