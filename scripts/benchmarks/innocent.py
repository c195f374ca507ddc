"""Whether inputs that do nothing wrong are blamed on a busy machine: ordinary campaigns side by side.

    scripts/bench innocent                                # 200 campaigns of 20 s, 8 at a time: some ten minutes
    scripts/bench innocent --campaigns 20 --seconds 10

The twelve parsers of `edges`, with every exception taken as an answer, and eight harnesses that compute, wait, start
threads, loops and files, as ordinary code does, well within their limits. Whatever is found is blamed on an innocent.
One JSON line a campaign with a finding, then one with the counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edges import PARSERS

GRACE_SECONDS = 600.0

ORDINARY = {
    "spins": 'HARNESS = {"seconds": 8.0}\nimport time\ndef fuzz(data):\n    if len(data) % 7 == 3:\n'
             "        end = time.process_time() + 1.5\n        while time.process_time() < end:\n            pass\n",
    "waits": 'HARNESS = {"seconds": 8.0}\nimport time\ndef fuzz(data):\n    if len(data) % 7 == 3:\n'
             "        time.sleep(1.5)\n",
    "pool": "HARNESS = {\"blind\": True}\nfrom concurrent.futures import ThreadPoolExecutor\n"
            "POOL = ThreadPoolExecutor(2)\ndef fuzz(data):\n    list(POOL.map(len, [data, data]))\n",
    "threads": "HARNESS = {\"blind\": True}\nimport threading\ndef fuzz(data):\n"
               "    started = threading.Thread(target=sorted, args=(data,))\n    started.start()\n    started.join()\n",
    "asyncio": "HARNESS = {}\nimport asyncio\nasync def work(data):\n    await asyncio.sleep(0)\n    return data[:1]\n"
               "def fuzz(data):\n    asyncio.run(work(data))\n",
    "files": "HARNESS = {}\nimport tempfile\ndef fuzz(data):\n    with tempfile.TemporaryFile() as file:\n"
             "        file.write(data)\n",
    "cache": "HARNESS = {}\nimport functools\n@functools.lru_cache(maxsize=512)\ndef kept(data):\n"
             "    return data * 100\ndef fuzz(data):\n    kept(data)\n",
    "children": "HARNESS = {}\nimport os\ndef fuzz(data):\n    if data[:1] == b'f':\n        child = os.fork()\n"
                "        if not child:\n            os._exit(0)\n        os.waitpid(child, 0)\n",
}  # fmt: skip


def texts() -> dict[str, str]:
    """Harness files by name."""
    plain = {
        name: parser.text().replace("except Exception:", "except BaseException:") for name, parser in PARSERS.items()
    }
    return {**{name: text.replace('"COUNTED" not in os.environ', "False") for name, text in plain.items()}, **ORDINARY}


def campaign(number: int, name: str, text: str, seconds: float) -> list[dict[str, object]]:
    """What one campaign has blamed."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        file = base / f"fuzz_{name}.py"
        file.write_text(text)
        (base / "seeds").mkdir()
        for at, seed in enumerate(PARSERS[name].seeds if name in PARSERS else (b"ab", b"abc", b"f")):
            (base / "seeds" / f"{at}").write_bytes(seed)
        asked = ["harness", "run", str(file), "--time", f"{seconds:g}s", "--name", "c", "--seeds", str(base / "seeds")]
        done = subprocess.run(
            [sys.executable, "-m", "mlfuzz", *asked],
            cwd=base, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS, check=False,
        )  # fmt: skip
        found = [
            json.loads(path.read_text())
            for path in sorted((base / ".mlfuzz" / "c" / "findings").glob("*/finding.json"))
        ]
        blamed = [
            {"campaign": number, "harness": name, **{key: one[key] for key in ("kind", "verdict", "message")}}
            for one in found
        ]  # fmt: skip
        if done.returncode not in (0, 1) or (done.returncode == 1 and not blamed):
            blamed.append({"campaign": number, "harness": name, "exit": done.returncode, "said": done.stderr[-2000:]})
        return blamed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--beside", type=int, default=8, help="campaigns at a time")
    options = parser.parse_args()
    every = list(texts().items())
    verdicts: Counter[str] = Counter()
    load = []
    with ThreadPoolExecutor(options.beside) as pool:
        asked = [
            pool.submit(campaign, number, *every[number % len(every)], options.seconds)
            for number in range(options.campaigns)
        ]
        for future in asked:
            for one in future.result():
                verdicts[str(one.get("verdict", "ended"))] += 1
                print(json.dumps(one), flush=True)
            load.append(os.getloadavg()[0])
    line = {"bench": "innocent", "campaigns": options.campaigns, "seconds": options.seconds, "harnesses": len(every),
            "load": round(sum(load) / len(load), 1), "blamed": dict(verdicts)}  # fmt: skip
    print(json.dumps(line))
    return 1 if verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
