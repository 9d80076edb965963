"""The engine's side: a process of ScoringEngine.Benchmarks that answers tasks line by line."""

import json
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "benchmarks/ScoringEngine.Benchmarks/bin/Release/net10.0/ScoringEngine.Benchmarks.dll"


class Engine:
    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._files = 0
        self._process = subprocess.Popen(
            ["dotnet", str(PROGRAM), "tasks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, task, **arguments):
        print(json.dumps({"task": task, **arguments}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the engine ended on task {task} with code {self._process.wait()}")
        return json.loads(line)

    def file(self, values):
        """Writes float32 values where the engine can read them."""
        self._files += 1
        path = self._folder / f"{self._files}.f32"
        np.ascontiguousarray(values, dtype="<f4").tofile(path)
        return str(path)

    def rows(self, task, rows_file, columns, dtype, **arguments):
        """A task with one value a row: seconds and the values."""
        output = self._folder / "output.bin"
        answer = self.run(task, rows=rows_file, columns=columns, output=str(output), **arguments)
        return answer["seconds"], np.fromfile(output, dtype=dtype)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
