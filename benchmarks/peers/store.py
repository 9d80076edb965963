"""Redis as a store of the same customers: a server of its own, on loopback, that keeps nothing."""

import contextlib
import csv
import io
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import numpy as np

# As in the engine's record: 20 bytes of header, 28 float32.
VALUE_BYTES = 132
# redis-benchmark draws keys of 12 digits. They take the memory of the engine's 10-byte ids: allocations are of 16 bytes.
KEY_DIGITS = 12
COMMAND_RECORDS = 250


class Redis:
    """A redis-server and its data; raises when it cannot be started."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="peers-redis-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", self._folder.name], stdout=subprocess.DEVNULL)
        self._socket = self._connect()
        self._answers = self._socket.makefile("rb")

    @staticmethod
    def missing():
        """Why there is no Redis here, or None."""
        programs = [p for p in ("redis-server", "redis-benchmark") if shutil.which(p) is None]
        return f"no {' and no '.join(programs)} (Debian package redis-server)" if programs else None

    @staticmethod
    def installed():
        """Its version."""
        if Redis.missing():
            return "none"
        return subprocess.run(["redis-server", "--version"], check=True, capture_output=True, text=True).stdout.split("v=")[1].split()[0]

    def load(self, customers):
        """Seconds for storing the customers anew, pipelined from one connection; and the bytes they then take."""
        self._command(b"FLUSHALL")
        before = int(self._info("used_memory"))
        start = time.perf_counter()
        commands = -(-customers // COMMAND_RECORDS)
        reader = threading.Thread(target=lambda: [self._expect(b"+OK") for _ in range(commands)])
        reader.start()
        for first in range(0, customers, 100 * COMMAND_RECORDS):
            self._socket.sendall(records(first, min(first + 100 * COMMAND_RECORDS, customers)))
        reader.join()
        seconds = time.perf_counter() - start
        return seconds, self._settled_memory() - before

    def read(self, customers, operations):
        """Seconds of pipelined GETs from several connections: of random customers, or of one alone when there is just one."""
        misses = int(self._info("keyspace_misses"))
        result = subprocess.run(
            ["redis-benchmark", "-h", "127.0.0.1", "-p", str(self._port), "-c", "50", "-P", "100", "-n", str(operations),
             "-r", str(customers), "--csv", "GET", "__rand_int__"], check=True, capture_output=True, text=True)
        if int(self._info("keyspace_misses")) != misses:
            raise RuntimeError("redis-benchmark asked for customers that are not stored")
        row = next(csv.DictReader(io.StringIO(result.stdout)))
        return operations / float(row["rps"])

    def close(self):
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def _connect(self):
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", self._port))
            if self._process.poll() is not None:
                raise RuntimeError(f"redis-server ended with code {self._process.returncode}")
            time.sleep(0.05)
        raise RuntimeError("redis-server does not answer")

    def _settled_memory(self):
        """Memory once the hash table is no longer being enlarged, when for a while there are two of them."""
        memory = -1
        while memory != (memory := int(self._info("used_memory"))):
            time.sleep(0.5)
        return memory

    def _info(self, name):
        self._socket.sendall(b"INFO\r\n")
        header = self._answers.readline()
        text = self._answers.read(int(header[1:]) + 2).decode()
        return next(line for line in text.splitlines() if line.startswith(name + ":")).split(":", 1)[1]

    def _command(self, command):
        self._socket.sendall(command + b"\r\n")
        self._expect(b"+OK")

    def _expect(self, answer):
        if (line := self._answers.readline().rstrip()) != answer:
            raise RuntimeError(f"redis answered {line!r}, expected {answer!r}")


def records(first, end):
    """Customers FIRST to END as MSET commands of up to COMMAND_RECORDS records each."""
    head = b"$%d\r\n" % KEY_DIGITS
    middle = b"\r\n$%d\r\n" % VALUE_BYTES
    record = np.frombuffer(head + bytes(KEY_DIGITS) + middle + bytes(VALUE_BYTES) + b"\r\n", dtype=np.uint8)
    rows = np.tile(record, (end - first, 1))
    numbers = np.arange(first, end)
    for digit in range(KEY_DIGITS):
        rows[:, len(head) + KEY_DIGITS - 1 - digit] = ord("0") + numbers // 10 ** digit % 10
    value = len(head) + KEY_DIGITS + len(middle)
    rows[:, value:value + VALUE_BYTES] = np.tile(numbers.astype("<f4")[:, None], VALUE_BYTES // 4).view(np.uint8)
    blocks = [rows[i:i + COMMAND_RECORDS] for i in range(0, len(rows), COMMAND_RECORDS)]
    return b"".join(b"*%d\r\n$4\r\nMSET\r\n" % (1 + 2 * len(block)) + block.tobytes() for block in blocks)
