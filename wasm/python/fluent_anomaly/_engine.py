"""The module, and the addresses in its memory. Its exports are those of wasm/page/engine/src/abi.rs."""

import json
from functools import lru_cache
from importlib.resources import files

import numpy as np
from wasmtime import Engine, Instance, Module, Store

COLUMNS = {
    "time": (0, np.float64),
    "value": (1, np.float64),
    "expected": (2, np.float64),
    "lower": (3, np.float64),
    "upper": (4, np.float64),
    "share": (5, np.float64),
    "outlier": (6, np.float64),
    "change": (7, np.float64),
    "anomalous": (8, np.uint8),
    "status": (9, np.uint8),
    "anomaly_score": (10, np.float64),
}


@lru_cache(maxsize=1)
def _module():
    """Compiled once a process: half a second."""
    engine = Engine()
    return engine, Module(engine, files(__package__).joinpath("engine.wasm").read_bytes())


class Instantiated:
    """One series in a memory of its own."""

    def __init__(self, times, values):
        engine, module = _module()
        self._store = Store(engine)
        self._exports = Instance(self._store, module, []).exports(self._store)
        self._write(self._call("points", len(times)), times.tobytes() + values.tobytes())
        if not self._call("load", -np.inf):
            raise ValueError(self._reply())

    def ask(self, name, settings):
        """Calls an export that reads settings; gives its reply."""
        lines = "\n".join(f"{key}={_text(value)}" for key, value in settings.items() if value is not None)
        text = lines.encode()
        self._write(self._call("text", len(text)), text)
        if self._call(name):
            return self._reply()
        raise ValueError("\n".join(f"{problem['key']}: {problem['message']}" for problem in self._reply()))

    def column(self, name):
        """A copy of a column."""
        number, kind = COLUMNS[name]
        size = self._call("column_len", number) * np.dtype(kind).itemsize
        return np.frombuffer(self._read(self._call("column", number), size), dtype=kind)

    def _reply(self):
        text = self._read(self._call("reply"), self._call("reply_len"))
        return json.loads(text) if text else None

    def _call(self, name, *arguments):
        result = self._exports[name](self._store, *arguments)
        # addresses are unsigned
        return result & 0xFFFFFFFF

    def _write(self, address, data):
        self._exports["memory"].write(self._store, data, address)

    def _read(self, address, size):
        return bytes(self._exports["memory"].read(self._store, address, address + size)) if size else b""


def _text(value):
    """A setting as the configuration has it, on one line."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return " ".join(text.split())
