"""What `mlfuzz` takes: global options, the verbs, and which exit code an error has. No verb is imported before use."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError

from mlfuzz import __version__
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.shortage import shortage
from mlfuzz.cli.terminal.streams import drained, own_streams
from mlfuzz.cli.terminal.terminal import Colour, Terminal
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_INTERRUPTED, EXIT_USAGE, MlfuzzError, UsageError, suggestion
from mlfuzz.interrupts import Interrupted, Requests
from mlfuzz.registry import offer_plugins
from mlfuzz.report.visible import visible
from mlfuzz.stop_reason import StopReason
from mlfuzz.storage.remedy import surroundings_error

EXIT_CODES = (
    "Exit codes: 0 clean, 1 findings, 2 usage or configuration, 3 target broken or nothing executed, "
    "130 interrupted or stopped, 143 terminated, 129 hung up: each with its state saved."
)

VERBS = {
    "Start": {
        "demo": "Fuzz a shipped subject for half a minute and write the report.",
        "init": "Write what a project needs: configuration, target, test.",
        "check": "Prove that a target can be fuzzed as it stands.",
        "preview": "Show what each mutator does to your own seeds.",
        "doctor": "Look at this machine: versions, what is missing, GPU, limits, disk.",
    },
    "Fuzz": {
        "fuzz": "Run a campaign against a target; resume it by its name.",
        "harness": "Fuzz the code around a model: new, run, list, coverage, bisect, build-native.",
        "status": "Show running and finished campaigns.",
        "stop": "Ask a running campaign to save and end.",
    },
    "Findings": {
        "replay": "Run findings again: fixed, failing, flaky or in error.",
        "findings": "List, show, keep and export findings.",
        "shrink": "Make findings simpler: fewer mutations, milder, rounder.",
        "review": "Say of failing inputs whether they kept their labels.",
        "triage": "Decide about findings: open, fixed, quarantined or ignored.",
        "report": "Write a campaign's report.",
        "compare": "Compare two models on the same findings, or two campaigns.",
        "robustness": "Tell how far each seed is from breaking, operator by operator.",
    },
    "Look up": {
        "list": "List mutators, limits, oracles, coverage criteria, schedulers, targets or campaigns.",
        "corpus": "Look after the inputs that campaigns have gathered.",
        "campaign": "Look whether what a campaign has written is whole: verify, repair.",
        "config": "Show the configuration, and where each value comes from.",
        "completion": "Print what a shell completes mlfuzz's words by.",
    },
}

_MODULES = {
    "list": "mlfuzz.cli.verbs.listing:listing",
    "findings": "mlfuzz.cli.verbs.findings:app",
    "config": "mlfuzz.cli.verbs.config:app",
    "corpus": "mlfuzz.cli.verbs.corpus:app",
    "campaign": "mlfuzz.cli.verbs.campaign:app",
    "harness": "mlfuzz.cli.verbs.harness:app",
}

LOOKS = (
    (),
    ("status",),
    ("list",),
    ("config",),
    ("report",),
    ("findings", "list"),
    ("findings", "show"),
    ("harness", "list"),
)
"""What only shows what there is: half of it is no half of a verdict."""

_MINUS = re.compile(r"-[\d.]")

GLOBAL = Group("Options of every verb", sort_key=9)


def application() -> App:
    """The verbs, none of them imported."""
    app = App(
        name="mlfuzz",
        help="Fuzz machine-learning systems: the model, and the code around it.",
        help_epilogue=EXIT_CODES,
        help_format="plaintext",
        group_parameters=Group("Options", sort_key=8),
        default_parameter=Parameter(show_default=_default),
        version=__version__,
        version_flags=["--version"],
        suppress_keyboard_interrupt=False,
    )
    for at, (title, verbs) in enumerate(VERBS.items()):
        group = Group(title, sort_key=at)
        for verb, text in verbs.items():
            app.command(_MODULES.get(verb, f"mlfuzz.cli.verbs.{verb}:{verb}"), name=verb, help=text, group=group)
    app.meta.suppress_keyboard_interrupt = False
    app.meta.default(_launcher(app))
    return app


def _default(value: object) -> str | None:
    """What the help says of a default; nothing where leaving it out is all there is to say."""
    if value is None or value is False or value in ("", (), Path()):
        return None
    if value is True:
        return "yes"
    return f"{value:g}" if isinstance(value, float) else str(value)


def run(tokens: Sequence[str]) -> int:
    """Run one command; its exit code. Nothing is raised but SystemExit by --help and --version of some shells."""
    with own_streams():
        code = _ended(list(tokens))
        try:
            problem = drained()
        except BrokenPipeError:
            return code
        except KeyboardInterrupt as error:
            return _interrupted(error)
        if problem:
            _fail(f"stdout could not be written: {problem}; some of the answer is missing", verbose=False)
        return code or (EXIT_BROKEN if problem else EXIT_CLEAN)


def _ended(tokens: list[str]) -> int:
    verbose = bool({"-v", "--verbose"} & set(tokens))
    tokens = _joined(tokens)
    try:
        return int(
            application().meta(tokens, exit_on_error=False, print_error=False, result_action="return_value")
            or EXIT_CLEAN
        )
    except CycloptsError as error:
        _fail(_message(error), verbose=False)
        return EXIT_USAGE
    except MlfuzzError as error:
        _fail(str(error), verbose=verbose)
        return error.exit_code
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        return EXIT_CLEAN
    except OSError as error:
        refused = shortage(error) or surroundings_error(error)
        if refused is None:
            return _our_fault(error)
        _fail(str(refused), verbose=verbose)
        return EXIT_BROKEN
    except (MemoryError, RuntimeError) as error:
        if not (lacking := shortage(error)):
            return _our_fault(error)
        _fail(lacking, verbose=verbose)
        return EXIT_BROKEN
    except Exception as error:  # noqa: BLE001  # Python's own exit code would be 1: "findings"
        return _our_fault(error)
    finally:
        offer_plugins((), Path())  # those of this command's project


def _joined(tokens: Sequence[str]) -> list[str]:
    """`--time -5s` as one word: what begins with a minus and a digit is a value, wrong or not, and no option."""
    joined: list[str] = []
    for token in tokens:
        if _MINUS.match(token) and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={token}"
        else:
            joined.append(token)
    return joined


def leave(code: int) -> NoReturn:
    """End this process now: what the code under test would still clear away is of no use, and may take its time."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _interrupted(error: KeyboardInterrupt) -> int:
    reason = error.reason if isinstance(error, Interrupted) else StopReason.INTERRUPTED
    requests = Requests.here()
    if requests is None or requests.answer():
        _fail(reason.value, verbose=False)
    return reason.exit_code or EXIT_INTERRUPTED


def _launcher(app: App) -> Any:
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        directory: Annotated[Path, Parameter(name=["-C", "--directory"], group=GLOBAL)] = Path(),
        config: Annotated[Path | None, Parameter(name="--config", group=GLOBAL)] = None,
        quiet: Annotated[bool, Parameter(name=["-q", "--quiet"], negative="", group=GLOBAL)] = False,
        verbose: Annotated[bool, Parameter(name=["-v", "--verbose"], negative="", group=GLOBAL)] = False,
        json: Annotated[bool, Parameter(name="--json", negative="", group=GLOBAL)] = False,
        seed: Annotated[int | None, Parameter(name="--seed", group=GLOBAL)] = None,
        color: Annotated[Colour, Parameter(name="--color", group=GLOBAL)] = "auto",
    ) -> int:
        """Fuzz machine-learning systems: the model, and the code around it.

        Args:
            directory: Work in this folder instead of the current one.
            config: Read this pyproject.toml or mlfuzz.toml instead of the nearest one.
            quiet: Say results and errors only.
            verbose: Say reasons, and tracebacks of errors.
            json: Machine form on stdout; what is for people goes to stderr.
            seed: Of all that is drawn by chance.
            color: When to colour; NO_COLOR is honoured.
        """
        if not directory.is_dir():
            raise UsageError(f"-C {directory}: there is no such folder")
        _enter(directory)
        command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
        if "context" in ignored:
            terminal = Terminal(json=json, quiet=quiet, verbose=verbose, colour=color)
            file = None if config is None else directory / config
            bound.arguments["context"] = Context(directory, terminal, file, seed)
        try:
            return int(command(*bound.args, **bound.kwargs) or EXIT_CLEAN)
        except BrokenPipeError:  # the reader, `head` say, has seen enough: of a verdict only the beginning
            return EXIT_CLEAN if tokens[:1] in LOOKS or tokens[:2] in LOOKS else EXIT_INTERRUPTED

    return launch


def _enter(directory: Path) -> None:
    """Relative paths need a current folder; where that has been removed, or must not be looked at, another one is one.

    Raises UsageError where no other was named.
    """
    try:
        os.getcwd()
    except OSError as error:
        if not directory.is_absolute():
            raise UsageError(
                f"the current folder cannot be used ({error.strerror}); go to one that is there: cd, or -C /a/FOLDER"
            ) from None
        os.chdir(directory)


def _fail(text: str, *, verbose: bool) -> None:
    if verbose:
        sys.stderr.write(visible(traceback.format_exc(), keep="\n"))
    Terminal().error(visible(text))


def _our_fault(error: Exception) -> int:
    _fail(f"{type(error).__name__}: {error}; this is a fault of mlfuzz: please report it", verbose=True)
    return EXIT_BROKEN


def _message(error: CycloptsError) -> str:
    # Its own text for an unknown verb would import every verb to list them.
    if isinstance(error, UnknownCommandError) and not error.command_chain and error.unused_tokens:
        verb = error.unused_tokens[0]
        return f"unknown verb {verb!r}{suggestion(verb, [verb for verbs in VERBS.values() for verb in verbs])}"
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:]
