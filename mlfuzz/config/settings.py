"""What may be set. The fields are the documentation: `mlfuzz config show -v` prints what each of them says.

In TOML a key is written with dashes (`max-findings`); underscores are understood too. What is also an option of `mlfuzz
fuzz` says so here (`_flag`), and what a worker takes as it stands is in `WorkerOptions`: none of it is written again.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from mlfuzz.tasks.declared import declared

Reader = Literal["duration", "count", "size", "part", "parts", "table", "names", "until"]


def _read_as(reader: Reader, **limits: Any) -> Meta:
    return Meta(extra={"reader": reader}, **limits)


def _says(text: str) -> Meta:
    return Meta(description=text)


def _flag(text: str = "", *, named: str = "") -> Meta:
    """It is an option of `mlfuzz fuzz`. text: of its help, if it says more than the setting; named: if otherwise."""
    return Meta(extra={"flag": text, "named": named})


def _part(name: str) -> Any:
    return msgspec.field(default_factory=lambda: {"name": name})


Seconds: TypeAlias = Annotated[float, _read_as("duration", gt=0)]
Count: TypeAlias = Annotated[int, _read_as("count", ge=1)]
Bytes: TypeAlias = Annotated[int, _read_as("size", ge=1)]
Part: TypeAlias = Annotated[dict[str, Any], _read_as("part")]
"""A part with its arguments: {"name": "novelty", "radius": 0.3}; written as a bare name where there are none."""
Parts: TypeAlias = Annotated[tuple[dict[str, Any], ...], _read_as("parts")]
Table: TypeAlias = Annotated[dict[str, Any], _read_as("table")]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Ranges: TypeAlias = Annotated[dict[str, dict[str, Any]], _read_as("names")]
"""Operator -> parameter -> [low, high], or a list of words; the names are not keys of ours."""


NAMED = frozenset({"targets", "harnesses"})
"""Tables of tables: the keys in them are names that users gave."""


class Selection(Struct, frozen=True, kw_only=True):
    """Which of many, by name or pattern; a bare list means `include`."""

    include: Annotated[
        tuple[str, ...],
        _says('names, "image.*", "kind:blur", "default"; empty: the default set'),
        _flag('Use these only: names, "image.*", "kind:blur"; may be given several times.', named="mutators"),
    ] = ()
    exclude: Annotated[
        tuple[str, ...], _says("names or patterns to leave out"), _flag("Leave these out; may be given several times.")
    ] = ()
    ranges: Annotated[
        Ranges, _says('parameters drawn from less than they are declared for: "image.rotate" = { degrees = [-10, 10] }')
    ] = {}


class TargetConfig(Struct, frozen=True, kw_only=True):
    """[targets.NAME]: a system under test."""

    use: Annotated[str, _says('"module:attribute" of a target, or of a function without arguments that gives one')] = ""
    seeds: Annotated[str | None, _says("file or folder of natural inputs; a sub-folder is a label"), _flag()] = None
    labels: Annotated[tuple[str, ...], _says("names of the classes, where the target does not say")] = ()
    task: Annotated[
        str, _says('what an answer stands for: "binary", "regression", "binary:threshold=0.3", ...'), _flag()
    ] = ""
    output: Annotated[str, _says('which part of an answer is judged: "logits", "0", "head.logits"'), _flag()] = ""
    precision: Annotated[
        Literal["", "tf32", "bf16"], _says('"bf16", or "tf32" on a GPU, where it changes no answer to a seed'), _flag()
    ] = ""
    channels_last: Annotated[
        bool, _says("hand pictures to the module with their channels last, where that is faster"), _flag()
    ] = False
    compile: Annotated[bool, _says("run the module through torch.compile"), _flag()] = False
    decode: Annotated[
        str, _says('"module:function" that reads a file in production, for mlfuzz harness new --for-target')
    ] = ""
    oracles: Annotated[
        Parts,
        _says("names, or tables {name, arguments}; empty: what suits the target"),
        _flag("An oracle, or NAME:key=value,...; may be given several times.", named="oracle"),
    ] = ()
    mutators: Annotated[Selection, _says("which operators may be used")] = Selection()
    limits: Annotated[Table, _says("how far an input may go from its seed, by name of the limit")] = {}
    validity: Annotated[
        tuple[str, ...],
        _says("reference models, targets too, that vote whether a failing input kept its label"),
        _flag(
            "A reference model, itself a target, that votes whether failing inputs kept their label; may be given "
            "several times."
        ),
    ] = ()

    @property
    def load(self) -> str:
        """What is loaded: `use` with what is declared of its answers and how it is run, which a finding keeps too."""
        return declared(
            self.use, task=self.task, output=self.output, labels=self.labels, precision=self.precision,
            channels_last=self.channels_last, compile=self.compile,
        )  # fmt: skip


class WorkerOptions(Struct, frozen=True, kw_only=True):
    """Of [fuzz] what a worker takes as it stands, and what a campaign is therefore held to."""

    max_seeds: Annotated[Count | None, _says("use at most so many seeds, spread evenly over the labels"), _flag()] = (
        None
    )
    preset: Annotated[
        str,
        _says("guidance by one name (mlfuzz list presets); what is set beside it goes before"),
        _flag("Guidance by one name: mixed, random, tensorfuzz, ... (mlfuzz list presets)."),
    ] = "mixed"
    scheduler: Annotated[
        Part,
        _says("which corpus entries are mutated next"),
        _flag("Which corpus entries are mutated next (mlfuzz list schedulers)."),
    ] = _part("mixed")
    coverage: Annotated[
        Part,
        _says("what counts as new: a name, or a table {name, features, radius, ...}"),
        _flag("What counts as new (mlfuzz list coverage)."),
    ] = _part("novelty")
    deal: Annotated[Part, _says("which operator mutates which row: a name, or a table {name, ...}")] = _part("bandit")
    depth: Annotated[Count, _says("operators one after another on each row")] = 1
    search: Annotated[
        Part,
        _says('by gradients and bisection: "auto", "off", "white", "black", {name, share}'),
        _flag(
            "Gradients and bisection between the batches, for a tenth of the inputs: auto (where oracles compare two "
            "forms of the target or ask nothing of the seed, or limits keep inputs near their seeds), off, white, "
            "black; white:share=0.5."
        ),
    ] = _part("auto")
    cap: Annotated[
        Count,
        _says("inputs kept for each key of failures; the rest are counted"),
        _flag("Inputs kept for each key of failures."),
    ] = 20
    focus: Annotated[
        str,
        _says('dig there: a class, a group of seeds ("dark+label:7"), a fault, or a finding of this campaign'),
        _flag("Dig there: a class, a group of seeds as the report names it (dark+label:7), a fault or a finding's id."),
    ] = ""
    device: Annotated[str, _says('"cpu", "cuda", "cuda:1": where the model runs'), _flag("cpu, cuda, cuda:1.")] = "cpu"
    overlap: Annotated[
        bool,
        _says("make the next batch while this one runs, on a core that no worker has: it knows one batch less"),
        _flag(),
    ] = False
    require_valid: Annotated[bool, _says("set findings aside that are not shown to keep their label"), _flag()] = False


class FuzzConfig(WorkerOptions, frozen=True, kw_only=True):
    """[fuzz]: a campaign, of a model or of harnesses."""

    shown: ClassVar = (
        "time", "inputs", "max_findings", "until", "workers", "overlap", "device", "batch", "preset", "scheduler",
        "coverage", "deal", "depth", "search", "focus", "max_seeds", "fail_on", "max_disk", "input_timeout", "cap",
        "require_valid", "confirm_share",
    )  # fmt: skip
    """In this order; what is not named comes last."""

    time: Annotated[
        Seconds | None,
        _says("wall time of this run; on resuming, additional time"),
        _flag("How long: 30s, 10m, 2h; on resuming, additional time; none: no limit."),
    ] = 600.0
    inputs: Annotated[
        Count | None, _says("inputs executed in this run"), _flag("Stop after so many inputs: 5000, 10k, 1M.")
    ] = None
    max_findings: Annotated[Count | None, _says("stop after so many saved findings"), _flag()] = None
    until: Annotated[
        Annotated[float, _read_as("until", gt=0, lt=1)] | None,
        _says('"p-new<1e-4": stop once less than 1 new fault in 10,000 inputs is to be expected'),
        _flag("Stop once so few new faults are to be expected: p-new<1e-4 is less than 1 in 10,000 inputs."),
    ] = None
    workers: Annotated[
        Count,
        _says("processes that fuzz at once"),
        _flag("Processes that run the loop, one thread each; on so many cores they do so many times the work."),
    ] = 1
    batch: Annotated[
        Literal["auto"] | Count,
        _says('inputs a batch; "auto": about 50 ms a batch'),
        _flag("Inputs a batch; auto: about 50 ms a batch."),
    ] = "auto"
    fail_on: Annotated[
        Literal["any", "new", "new-path", "none"],
        _says("which findings make the exit code 1"),
        _flag(
            "Which findings make the exit code 1; new: of a fault that neither the corpus nor the campaign had; "
            "new-path: of code, also by a new way to one of those."
        ),
    ] = "any"
    max_disk: Annotated[
        Bytes | None,
        _says("what the campaign's directory may grow to"),
        _flag("What the campaign's directory may grow to: 500MB, 2GB."),
    ] = None
    input_timeout: Annotated[
        Seconds | None,
        _says("a batch that takes longer an input is a hang"),
        _flag("A batch that takes longer is a hang; the first call of a process, which may load, is not."),
    ] = None
    confirm_share: Annotated[Share, _says("share of the time that confirming and shrinking may take")] = 0.2


HARNESS_KEYS = frozenset(
    {"time", "inputs", "max_findings", "workers", "fail_on", "max_disk", "input_timeout", "confirm_share"}
)
"""Keys of [fuzz] that `mlfuzz harness run` heeds as `mlfuzz fuzz` does; the others are about models."""


class RegressionConfig(Struct, frozen=True, kw_only=True):
    """[regression]: findings kept in the corpus, as tests."""

    mode: Annotated[Literal["each", "rate", "both"], _says("each finding is a test, or a gate per target, or both")] = (
        "each"
    )
    max_failure_rate: Annotated[Share, _says("the gate: the largest share of inputs that may fail")] = 0.0
    confidence: Annotated[Share, _says("of the gate's interval")] = 0.95
    times: Annotated[Count, _says("runs of each finding")] = 1
    strict: Annotated[bool, _says("open findings fail too")] = False
    allow_open_crashes: Annotated[
        bool, _says("open crashes, exceptions and hangs are known findings like others, and do not fail")
    ] = False


class ReportConfig(Struct, frozen=True, kw_only=True):
    """[report]: the HTML report."""

    title: Annotated[str, _says("heading; empty: the campaign's name")] = ""
    inline_limit: Annotated[Bytes, _says("size of the file up to which inputs are shown in it")] = 25 << 20


class Config(Struct, frozen=True, kw_only=True):
    """[tool.mlfuzz] of pyproject.toml, or mlfuzz.toml."""

    state_dir: Annotated[str, _says("campaigns, left out of version control")] = ".mlfuzz"
    corpus_dir: Annotated[str, _says("seeds and regressions, kept in version control")] = "corpus"
    plugins: Annotated[tuple[str, ...], _says("modules whose import registers your own parts")] = ()
    seed: Annotated[int, Meta(ge=0), _says("of all that is drawn by chance")] = 0
    fuzz: FuzzConfig = FuzzConfig()
    regression: RegressionConfig = RegressionConfig()
    report: ReportConfig = ReportConfig()
    targets: dict[str, TargetConfig] = {}
    harnesses: Annotated[dict[str, Any], _says("code-side harnesses by name")] = {}

    def only(self, name: str, target: TargetConfig) -> Config:
        """The configuration of a campaign: of all targets the one it fuzzes."""
        return msgspec.structs.replace(self, targets={name: target}, harnesses={})
