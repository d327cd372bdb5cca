"""Run a command; print its time and peak resident memory as JSON.

Small on purpose: Linux begins a child's peak at the size of the process that started it.
"""

import json
import resource
import subprocess
import sys
import time

if __name__ == "__main__":
    started = time.perf_counter()
    done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
    taken = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    bytes_a_unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"seconds": taken, "peak_mb": peak * bytes_a_unit / 1e6}))
    sys.exit(done.returncode)
