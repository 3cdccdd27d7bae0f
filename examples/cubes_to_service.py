"""From files to a service: frames, cubes, features, a mini-batch model, answers over REST.

usage: python examples/cubes_to_service.py

Thirty machines each write a file of 500 readings of 60 sensors; a third of them run quietly, a
third shake, a third run hot and shake. The files become one stack; 2,000 cubes of it (the first 50
readings of 20 random sensors of each machine) give the features of what a machine does; a model is
trained on them batch by batch, saved, served, and asked about the machines.
"""

import json
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd

import ferrule
from ferrule.cluster import MiniBatchKMeans
from ferrule.data import Cubes, FrameStack

MACHINES, READINGS, SENSORS = 30, 500, 60
SHAPE = (MACHINES, 50, 20)
# Mean and deviation of the readings in each state.
STATES = {"quiet": (0.0, 1.0), "shaking": (0.0, 3.0), "hot and shaking": (4.0, 3.0)}
N_CUBES, CUBES_AT_A_TIME = 2000, 100


def write_files(folder: Path) -> None:
    """Write the files of all machines: CSV of one half of them, Parquet of the other."""
    rng = np.random.default_rng(7)
    names = [f"sensor{index:02}" for index in range(SENSORS)]
    for machine in range(MACHINES):
        mean, deviation = list(STATES.values())[machine % len(STATES)]
        frame = pd.DataFrame(rng.normal(mean, deviation, (READINGS, SENSORS)), columns=names)
        if machine % 2:
            frame.to_csv(folder / f"machine{machine:02}.csv", index=False)
        else:
            frame.to_parquet(folder / f"machine{machine:02}.parquet")


def features(cubes: np.ndarray) -> np.ndarray:
    """Return a row for each layer of each cube: mean, deviation and two quantiles of its values."""
    layers = cubes.reshape(-1, SHAPE[1] * SHAPE[2])
    low, high = np.quantile(layers, [0.1, 0.9], axis=1)
    return np.column_stack([layers.mean(axis=1), layers.std(axis=1), low, high])


def train(cubes: Cubes) -> MiniBatchKMeans:
    """Fit a model to the features of the cubes, which are made as they are needed."""
    model = MiniBatchKMeans(n_clusters=len(STATES), random_state=0)
    for batch in cubes.batches(CUBES_AT_A_TIME):
        model.partial_fit(features(batch))
    return model


def ask(url: str, rows: np.ndarray) -> list[int]:
    """Ask a server for the clusters of rows."""
    body = json.dumps({"instances": rows.tolist()}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)["predictions"]


def main() -> None:
    """Go the whole way, and check where it leads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        stack = FrameStack.read(folder)
        print(stack)
        cubes = Cubes(stack, SHAPE, rows="first", seed=1, total=N_CUBES)
        print(cubes)
        model = train(cubes)
        print("model saved:", ferrule.save(model, folder / "machines.safetensors"))
        # The service is asked with a cube that the model has not seen.
        unseen = features(Cubes(stack, SHAPE, seed=2)[0])
        with ferrule.Server(folder / "machines.safetensors") as server:
            answers = ask(f"{server.http_url}/v1/models/machines:predict", unseen)
    if answers != model.predict(unseen).tolist():
        raise SystemExit("the service answers otherwise than the model")
    for index, state in enumerate(STATES):
        print(f"{state}: cluster {set(answers[index :: len(STATES)])}")
    if len(set(zip(answers, [*range(len(STATES))] * MACHINES, strict=False))) != len(STATES):
        raise SystemExit("the clusters are not the states of the machines")


if __name__ == "__main__":
    main()
