import subprocess
import sys

import pytest

from mlfuzz.findings.environment import commit, environment

HASH = "0123456789abcdef0123456789abcdef01234567"


def test_versions_are_told_without_importing_what_they_are_of(tmp_path):
    script = (
        "import sys; from mlfuzz.findings.environment import environment; found = environment();"
        "assert {'mlfuzz', 'python', 'platform', 'torch', 'numpy'} <= set(found), found;"
        "assert 'cpu' not in found; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=tmp_path).returncode == 0


def test_secrets_of_the_environment_stay_out(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFUZZ_TOKEN", "canary-5417")
    monkeypatch.setenv("USER", "canary-5417")
    assert "canary" not in str(environment(tmp_path))


@pytest.mark.parametrize("head", [HASH, "ref: refs/heads/main"])
@pytest.mark.parametrize("form", ["loose", "packed", "worktree"])
def test_the_commit_is_read_where_git_keeps_it(tmp_path, head, form):
    git = tmp_path / "project" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(head + "\n")
    if form == "packed":
        (git / "packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/mainly\n{HASH} refs/heads/main\n")
    else:
        (git / "refs" / "heads").mkdir(parents=True)
        (git / "refs" / "heads" / "main").write_text(HASH + "\n")
    directory = tmp_path / "project" / "deep"
    if form == "worktree":
        own = git / "worktrees" / "w"
        own.mkdir(parents=True)
        (own / "HEAD").write_text(head)
        (own / "commondir").write_text("../..\n")
        directory = tmp_path / "w"
    directory.mkdir()
    if form == "worktree":
        (directory / ".git").write_text(f"gitdir: {own}\n")
    assert commit(directory) == HASH
    assert environment(directory)["git"] == HASH


@pytest.mark.parametrize("head", ["", "ref: ../../../etc/passwd", "ref: refs/heads/none", "nonsense"])
def test_what_cannot_be_told_is_left_out(tmp_path, head):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert commit(tmp_path) == ""
    assert "git" not in environment(tmp_path)
