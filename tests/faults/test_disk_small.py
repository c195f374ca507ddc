"""Real file systems: small ones, ones that take no writes, and ones that grow while a campaign waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MLFUZZ = Path(sys.executable).parent / "mlfuzz"


def mounted(script: str, folder: Path, *arguments: str) -> str:
    """What a script says that may mount things for itself; $1: the folder, $2: mlfuzz, then the arguments."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs the right to unshare mounts")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-euc", script, "sh", str(folder), str(MLFUZZ), *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "400"},
        timeout=300,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


GROWS = """
mount -t tmpfs -o size=700k tmpfs "$1"
cd "$1"
"$2" fuzz digits:fragile --name c --inputs 3000 --time 100s > /tmp/said-$$ 2>&1 &
for _ in $(seq 900); do
    if grep -q 'waiting .* s for room' /tmp/said-$$; then mount -o remount,size=64m "$1"; break; fi
    sleep 0.1
done
code=0
wait $! || code=$?
cat /tmp/said-$$
rm /tmp/said-$$
echo "ended with $code"
find . -name '.part-*'
"""


@pytest.mark.slow
def test_a_running_campaign_waits_for_room_on_a_full_disk_and_goes_on(tmp_path: Path) -> None:
    said = mounted(GROWS, tmp_path)
    assert "make room" in said
    assert "there is room again: going on" in said
    assert "ended with 1" in said  # digits:fragile fails
    assert ".part-" not in said


READ_ONLY = """
mkdir "$1/project"
mount -t tmpfs -o size=4m tmpfs "$1/project"
cd "$1/project"
echo '[fuzz]' > mlfuzz.toml
mount -o remount,ro "$1/project"
code=0
$2 $3 || code=$?
echo "ended with $code"
"""


@pytest.mark.slow
@pytest.mark.parametrize("words", ["fuzz digits:fragile --inputs 10", "harness new x", "init --example image"])
def test_a_file_system_that_takes_no_writes_is_named_with_what_to_do(words: str, tmp_path: Path) -> None:
    said = mounted(READ_ONLY, tmp_path, words)
    named = said.partition(" cannot be written: Read-only file system; ")[0].partition("error: ")[2]
    assert named.startswith((".mlfuzz", "harnesses", "corpus", "mlfuzz", str(tmp_path)))
    assert "takes no writes: mount it writable" in said
    assert "ended with 3" in said


AS_NOBODY = """
import os, sys
from mlfuzz.cli.main import main
assert main(["-C", sys.argv[1] + "/before", "harness", "new", "x"]) == 0  # imports all that nobody may not read
folder = os.open(sys.argv[1] + "/mine", os.O_RDONLY)
os.fchdir(folder)
os.setgid(65534)
os.setuid(65534)
sys.exit(main(["harness", "new", "x"]))
"""


@pytest.mark.slow
def test_a_folder_that_this_user_may_not_write_to_is_named_with_what_to_do(tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("only root can become somebody else")
    (tmp_path / "before").mkdir()
    (tmp_path / "mine").mkdir(mode=0o755)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "give this user the right to write there" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


TMPFS = """
mount -t tmpfs -o size="$5" tmpfs "$1"
exec "$3" -c "$4" "$1"
"""

FILL = """
import sys
from pathlib import Path
import numpy as np
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.errors import DiskFullError
from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.workdir import Workdir
import hashlib
workdir = Workdir.create(Path(sys.argv[1]) / "c")
reserve = Reserve(workdir.reserve, size_bytes=200_000)
assert reserve.hold()
corpus = Corpus.open(workdir, workdir.new_life())
try:
    while True:
        corpus.add(Entry(seed=len(corpus)), np.zeros(4, np.float32), b"p" * (70_000 if len(corpus) % 9 == 5 else 999))
except DiskFullError as error:
    assert "No space left" in str(error)
assert list(Corpus.open(workdir).seeds) == list(range(len(corpus)))
data = b"x" * 50_000
finding = Finding(id=identify(data, "t", "o"), side="model", kind="label", target="t",
                  input=FileRef("input.bin", hashlib.sha256(data).hexdigest()))
assert FindingStore(workdir.findings, reserve=reserve).save(finding, {"input.bin": data})
assert FindingStore(workdir.findings).load(finding.id) == finding
print(len(corpus), "entries")
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", ["300k", "700k", "1m", "5m"])
def test_a_disk_that_is_really_full_keeps_the_entries_and_takes_the_finding(size: str, tmp_path: Path) -> None:
    assert mounted(TMPFS, tmp_path, sys.executable, FILL, size).strip().endswith("entries")
