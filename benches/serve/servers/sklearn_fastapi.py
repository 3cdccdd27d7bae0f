"""scikit-learn behind FastAPI on uvicorn with uvloop and httptools, the handler on the event loop.

usage: sklearn_fastapi.py PORT CENTERS.npy
"""

import sys

import numpy as np
import uvicorn
from centers import load
from fastapi import FastAPI
from pydantic import BaseModel

model = load(sys.argv[2])
app = FastAPI()


class Row(BaseModel):
    """One row."""

    x: list[float]


class Label(BaseModel):
    """Its cluster."""

    label: int


@app.post("/predict")
async def predict(row: Row) -> Label:
    """Answer one request."""
    return Label(label=int(model.predict(np.array([row.x]))[0]))


uvicorn.run(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    loop="uvloop",
    http="httptools",
    access_log=False,
    log_level="warning",
)
