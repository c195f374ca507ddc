"""What a harness may do: levels, single permissions, and what is said of others."""

from __future__ import annotations

import os

import pytest

from mlfuzz.codefuzz.failure.sandbox_refusal import SHARED, Refusal, gather, permissions, remedy
from mlfuzz.codefuzz.forkserver.scratch import make_writable
from mlfuzz.codefuzz.forkserver.throwaway_places import places
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.runtime.permissions import LEVELS, SINGLE, Permissions, problem, renamed
from mlfuzz.codefuzz.runtime.sandbox import filter_program, lacking, largest_file, layers
from mlfuzz.codefuzz.runtime.syscalls import MACHINES, NETWORK_CALLS, PROGRAM_CALLS
from mlfuzz.errors import ConfigError

ALLOWED, REFUSED = 0x7FFF0000, 0x00050001


def test_levels_are_read_by_their_former_names_too_and_that_is_said():
    assert [Permissions.of(one).level for one in (*LEVELS, "auto", "none")] == [*LEVELS, "strict", "off"]
    assert [renamed(one) for one in LEVELS] == ["", "", ""]
    assert renamed("none") == 'sandbox = "none" is called "off" now'


def test_workspace_lets_the_project_be_written_programs_started_and_memory_shared(tmp_path):
    one = Permissions.of("workspace", ["network"], str(tmp_path))
    assert one.granted == {"network", "processes", "shared-memory"}
    assert one.roots == (str(tmp_path), "/dev/shm")
    assert not Permissions.of("strict", (), str(tmp_path)).granted


def test_paths_start_at_the_project_or_at_home_and_links_are_resolved(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "project" / "there").mkdir(parents=True)
    (tmp_path / "project" / "link").symlink_to("there")
    wanted = ["write:new/", "write:log", "write:~/.cache/acme/", "write:link", "write:/srv/x"]
    one = Permissions.of("strict", wanted, str(tmp_path / "project"))
    assert one.writable == (
        f"{tmp_path}/project/new/", f"{tmp_path}/project/log", f"{tmp_path}/home/.cache/acme/",
        f"{tmp_path}/project/there/", "/srv/x",
    )  # fmt: skip
    make_writable(Permissions.of("strict", wanted[:3], str(tmp_path / "project")))
    assert (tmp_path / "project" / "log").read_bytes() == b""
    assert (tmp_path / "home" / ".cache" / "acme").is_dir()


@pytest.mark.parametrize(
    ("level", "allow", "said"),
    [
        ("stict", [], "did you mean 'strict'"),
        ("bwrap", [], "'strict', 'workspace' or 'off'"),
        ("strict", ["netwrok"], "did you mean 'network'"),
        ("strict", ["write:"], "'write:PATH'"),
        ("strict", ["read:/etc"], "allow 'read:/etc'"),
        ("off", ["shared_memory"], "did you mean 'shared-memory'"),
    ],
)
def test_what_is_not_understood_is_said_with_what_there_is(level, allow, said, tmp_path):
    assert said in problem(level, allow)
    (tmp_path / "harnesses").mkdir()
    literal = {"sandbox": level, "allow": allow}
    (tmp_path / "harnesses" / "one.py").write_text(f"HARNESS = {literal!r}\ndef fuzz(data): pass\n")
    with pytest.raises(ConfigError, match=r"one\.py: HARNESS: "):
        discovery.find("harnesses/one.py", tmp_path)
    assert problem("none", [*SINGLE, "write:x"]) == ""


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_that_is_permitted_is_in_no_filter(machine):
    _, numbers = MACHINES[machine]
    code = filter_program(machine, 0, programs=True, network=True)
    listed = {int.from_bytes(code[at + 4 : at + 8], "little") for at in range(32, len(code) - 16, 8)}
    for name, number in numbers.items():
        assert (number in listed) == (name not in NETWORK_CALLS | PROGRAM_CALLS | {"kill"}), name


def test_a_large_file_is_let_be_made_where_that_is_permitted():
    assert largest_file(Permissions.of("strict")) == 1 << 30
    assert largest_file(Permissions.of("strict", ["large-files"])) == largest_file(Permissions.of("off")) == 0


def test_what_a_machine_lacks_is_said_and_nothing_is_missing_where_there_is_no_sandbox(monkeypatch):
    from mlfuzz.codefuzz.runtime import sandbox

    monkeypatch.setattr(sandbox, "_landlock_version", lambda: 0)
    monkeypatch.setattr(sandbox, "_seccomp_there", lambda: False)
    assert len(lacking("strict")) == len(lacking("workspace")) == 2
    assert lacking("off") == ()
    assert layers("workspace") == ("rlimits", "tmpdir")


WANTED = [
    ([Refusal("write", "/p/a.log")], ["write:a.log"]),
    ([Refusal("write", "/p/a.db"), Refusal("write", "/p/a.db-journal")], ["write:./"]),
    ([Refusal("change", "/p/sub/x")], ["write:sub/"]),
    ([Refusal("write", "/p/sub/"), Refusal("write", "/p/sub/in/x")], ["write:sub/"]),
    ([Refusal("write", "/elsewhere/x")], ["write:/elsewhere/x"]),
    ([Refusal("write", SHARED), Refusal("program", "/bin/true")], ["shared-memory", "processes"]),
    ([Refusal("network", "socket"), Refusal("signal", "process 1")], ["network", "signals"]),
    ([Refusal("size")], ["large-files"]),
    ([Refusal("call", "mount"), Refusal("network", "socket")], ["network"]),
    ([Refusal("call", "mount")], None),
    ([Refusal("permission", "/x")], None),
]  # fmt: skip


@pytest.mark.parametrize(("refusals", "allow"), WANTED)
def test_each_refusal_has_the_permission_that_lets_it_be_done(refusals, allow):
    gathered = {}
    gather(gathered, refusals)
    assert permissions(gathered, "/p") == allow
    line = remedy(gathered, "acme", "/p")
    assert 'sandbox = "off" under [harnesses.acme] in mlfuzz.toml' in line
    assert ("allow = " in line) == (allow is not None)
    assert not problem("strict", allow or [])


def test_a_copy_is_made_of_the_outermost_folders_that_are_there_and_of_none_of_the_kernels(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    wanted = [
        Refusal("write", f"{tmp_path}/a/b/new"), Refusal("write", f"{tmp_path}/a/not/there/"),
        Refusal("network", "socket"), Refusal("write", "/proc/self/oom_adj"), Refusal("write", "/new-at-the-root"),
        Refusal("write", SHARED),
    ]  # fmt: skip
    assert places(wanted) == ("/dev/shm", os.path.join(tmp_path, "a"))
