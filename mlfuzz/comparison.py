"""Two models on one set of inputs, or two campaigns: what was fixed, what broke, and whether chance explains it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlfuzz.errors import MlfuzzError, StorageError, UsageError, suggestion
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.findings.store import FindingStore
from mlfuzz.progress import Stats
from mlfuzz.rates import fisher, mcnemar, wilson
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.outcome import RegressionVerdict
from mlfuzz.regressions.runner import RegressionRunner, Settings
from mlfuzz.robustness import PairedRobustness, loads
from mlfuzz.robustness import compare as paired_robustness
from mlfuzz.storage.derived import read_derived, stored_stats
from mlfuzz.storage.workdir import Workdir

if TYPE_CHECKING:
    from mlfuzz.corpus.seeds import Seed
    from mlfuzz.targets.variants.base import AnyTarget

SEEDS_AT_ONCE = 64

SURE = 0.05
"""A p-value below this shows a difference."""

CLEAN_METRICS = ("accuracy", "class-accuracy")

NO_CLEAN_INPUTS = (
    "no clean input was judged; give some with --seeds FOLDER, in a sub-folder for each label that the target declares"
)


@dataclass(frozen=True, slots=True)
class FailureShare:
    """hits of rows."""

    hits: int = 0
    rows: int = 0

    @property
    def value(self) -> float:
        return self.hits / self.rows if self.rows else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.rows)


@dataclass(frozen=True, slots=True)
class Pair:
    """A share before and after. p: of chance making them differ so much.

    differing: inputs that count on one side alone, where both ran the same.
    """

    before: FailureShare
    after: FailureShare
    p: float
    differing: int = 0

    @property
    def change(self) -> float:
        return self.after.value - self.before.value


@dataclass(frozen=True, slots=True)
class Comparison:
    """names: of what is compared, before and after. failing: the share of inputs that fail.

    fixed, broken, still: what fails before only, after only, and both times: ids of findings where two models ran the
    same inputs, names of faults where two campaigns are compared. paired: whether the inputs were the same.
    accuracy: clean, "" for all seeds together, else by label. problems: what could not be compared, and why.
    robustness: how far the same seeds are from breaking on each; None where that was not asked for, or not to be had.
    """

    names: tuple[str, str]
    failing: Pair
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    paired: bool = True
    accuracy: Mapping[str, Pair] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()
    robustness: PairedRobustness | None = None

    def harm(self, sure: float = SURE) -> list[str]:
        """Why the second should be rejected: what is worse than chance explains; [] where nothing is.

        Clean accuracy and failing inputs are each judged alone, as they are told; the classes share one level among
        them (Bonferroni), so that many of them do not make a drop of the whole invisible.
        Source: Nelson et al., Exploiting machine learning to subvert your spam filter, LEET 2008 (reject on negative
        impact).
        """
        each = sure / max(1, len(self.classes))
        looked = [("failing inputs", self.failing, -1, sure)]
        looked += [("clean accuracy", pair, 1, sure) for label, pair in self.accuracy.items() if not label]
        looked += [(f"clean accuracy of {label}", pair, 1, each) for label, pair in self.classes.items()]
        return [
            f"{what} {100 * pair.before.value:.3g} % -> {100 * pair.after.value:.3g} %, p={pair.p:.2g}"
            for what, pair, sign, level in looked
            if pair.change * sign < 0 and pair.p < level
        ]

    @property
    def classes(self) -> dict[str, Pair]:
        """Clean accuracy by label."""
        return {label: pair for label, pair in self.accuracy.items() if label}

    def metrics(self) -> dict[str, tuple[float, float]]:
        """Name -> before and after: what a gate may ask about."""
        found: dict[str, tuple[float, float]] = {
            "fail-rate": (self.failing.before.value, self.failing.after.value),
            "fixed": (0, len(self.fixed)),
            "newly-broken": (0, len(self.broken)),
            "still-failing": (0, len(self.still)),
        }
        if "" in self.accuracy:
            whole = self.accuracy[""]
            found["accuracy"] = (whole.before.value, whole.after.value)
            found["class-accuracy"] = (0.0, min(pair.change for label, pair in self.accuracy.items()))
        return found


def compare_models(
    records: Sequence[Path], loads: tuple[str, str], settings: Settings, *, seeds: str | Path | None = None,
    live: Mapping[str, AnyTarget] | None = None, robustness_seeds: int = 0, rng_seed: int = 0,
    tell: Callable[[str], object] = lambda text: None,
) -> Comparison:  # fmt: skip
    """The same findings and the same clean seeds on two targets, "module:attribute" each, in this process.

    robustness_seeds: how far each of so many seeds is from breaking is measured too; 0: it is not. rng_seed: of what is
    drawn for that. tell: what is going on, in a few words.

    records: JSON files of findings. seeds: folder; None: the first target's own; none at all leaves accuracy out.
    live: targets that are there already, by names to be used as `loads`. Raises TargetLoadError.
    """
    targets = _targets(loads, settings, live or {})
    run = [kept for kept in map(KeptFinding.read, records) if not kept.skipped]
    before, after = (_judged(run, load, settings, targets) for load in loads)
    ids, pairs, problems = [], [], []
    for kept, one, other in zip(run, before, after, strict=True):
        if "error" in (one.state, other.state):
            problems.append((kept.id, one.message or other.message))
        else:
            ids.append(kept.id)
            pairs.append((one.state != "holds", other.state != "holds"))
    by_case = {case: tuple(name for name, pair in zip(ids, pairs, strict=True) if pair == case) for case in set(pairs)}
    fixed, broken, still = (by_case.get(case, ()) for case in ((True, False), (False, True), (True, True)))
    failing = Pair(
        FailureShare(len(fixed) + len(still), len(ids)),
        FailureShare(len(broken) + len(still), len(ids)),
        mcnemar(len(fixed), len(broken)),
        len(fixed) + len(broken),
    )
    accuracy = _accuracy(targets[loads[0]], targets[loads[1]], seeds)
    robustness = None
    if robustness_seeds:
        try:
            robustness = _robustness(
                [targets[load] for load in loads], seeds, settings, robustness_seeds, rng_seed, tell
            )
        except MlfuzzError as error:
            problems.append(("robustness", str(error)))
    return Comparison(loads, failing, fixed, broken, still, True, accuracy, tuple(problems), robustness)


def compare_training(
    train: Callable[[Sequence[Path]], AnyTarget], data: Path, batch: Path, records: Sequence[Path], settings: Settings,
    *, seeds: str | Path | None = None,
) -> Comparison:  # fmt: skip
    """What a batch of new training data does: a model trained without it, and one trained with it.

    train: from folders of training data to a target; must give the same for the same folders. seeds: clean inputs that
    are in neither. `verdict.verdict_on` says whether it may be taken. Raises UsageError where a folder is not there.
    """
    for folder in (data, batch):
        if not folder.is_dir():
            raise UsageError(f"{folder} is not there; name folders of training data")
    names = (f"without {batch.name}", f"with {batch.name}")
    live = {names[0]: train([data]), names[1]: train([data, batch])}
    return compare_models(records, names, settings, seeds=seeds, live=live)


def compare_campaigns(before: Workdir, after: Workdir) -> Comparison:
    """Two campaigns by their figures and their faults.

    Each chose its inputs by what its own model did: the rates compare how easily failures were found, on budgets and
    options that are alike. How far seeds are from breaking is compared where it was kept with both.
    Raises StorageError where one of them has not run yet.
    """
    problems: list[tuple[str, str]] = []
    stats = [_figures(each, problems) for each in (before, after)]
    shares = [FailureShare(each.failing, each.inputs) for each in stats]
    faults = [_faults(each) for each in (before, after)]
    robustness = _kept_robustness((before, after), problems)
    p = fisher(shares[0].hits, shares[0].rows, shares[1].hits, shares[1].rows)
    return Comparison(
        (before.name, after.name), Pair(shares[0], shares[1], p), tuple(sorted(faults[0] - faults[1])),
        tuple(sorted(faults[1] - faults[0])), tuple(sorted(faults[0] & faults[1])), paired=False,
        problems=tuple(problems), robustness=robustness,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on a comparison: "fail-rate<=+0.5%" (at most half a point more than before), "newly-broken<=0".

    relative: the limit is a change, written with its sign; else the value after is held against it.
    """

    text: str
    metric: str
    at_most: bool
    limit: float
    relative: bool

    @classmethod
    def parse(cls, text: str) -> Gate:
        """Raises UsageError."""
        match = re.fullmatch(r"\s*([a-z-]+)\s*(<=|>=)\s*([+-]?)(\d+(?:\.\d+)?)\s*(%?)\s*", text)
        if match is None:
            raise UsageError(f"{text!r} is no gate; write fail-rate<=+0.5%, newly-broken<=0 or accuracy>=-1%")
        metric, relation, sign, number, percent = match.groups()
        limit = float(number) / (100 if percent else 1) * (-1 if sign == "-" else 1)
        return cls(text.strip(), metric, relation == "<=", limit, bool(sign))

    def holds(self, comparison: Comparison) -> bool:
        """Raises UsageError for a metric that this comparison does not have."""
        metrics = comparison.metrics()
        if self.metric in CLEAN_METRICS and self.metric not in metrics and comparison.paired:
            raise UsageError(f"gate {self.text!r}: {NO_CLEAN_INPUTS}")
        if self.metric not in metrics:
            raise UsageError(f"gate {self.text!r}: there is no {self.metric!r}{suggestion(self.metric, metrics)}")
        before, after = metrics[self.metric]
        value = after - before if self.relative else after
        return value <= self.limit + 1e-12 if self.at_most else value >= self.limit - 1e-12


def _targets(loads: tuple[str, str], settings: Settings, live: Mapping[str, AnyTarget]) -> dict[str, AnyTarget]:
    from mlfuzz.registry import import_plugins
    from mlfuzz.targets.load import load

    import_plugins(settings.plugins, settings.directory)
    folder = settings.directory.resolve()
    return {
        name: live[name] if name in live else load(name, directory=folder, device=settings.device) for name in loads
    }


def _judged(
    kept: Sequence[KeptFinding], load: str, settings: Settings, targets: Mapping[str, AnyTarget]
) -> list[RegressionVerdict]:
    guard = RegressionRunner(settings, targets=targets)
    try:
        aimed = [replace(one, load=load) for one in kept]
        guard.expect(aimed)
        return [guard.check(one) for one in aimed]
    finally:
        guard.close()


def _robustness(
    targets: Sequence[AnyTarget], seeds: str | Path | None, settings: Settings, most: int, rng_seed: int,
    tell: Callable[[str], object],
) -> PairedRobustness | None:  # fmt: skip
    """On the first target's seeds unless others are given; None where there are none."""
    from mlfuzz.campaign.least_strength import measure
    from mlfuzz.campaign.spec import spec_of

    where = seeds if seeds is not None else targets[0].seeds
    if where is None:
        return None
    folder = str(settings.directory.resolve())
    found = []
    for target in targets:
        options = {"target": "", "name": target.name, "seeds": str(Path(where).absolute()), "directory": folder}
        spec = spec_of({**options, "max_seeds": most, "seed": rng_seed, "plugins": list(settings.plugins)})
        found.append(measure(target, spec, tell=_counting(target.name, tell)))
    return paired_robustness(*found)


def _kept_robustness(workdirs: tuple[Workdir, Workdir], problems: list[tuple[str, str]]) -> PairedRobustness | None:
    """None where one or both have none, or they were not measured alike; which is then among the problems."""
    found = [
        read_derived(each.robustness, loads, lambda text, name=each.name: problems.append((name, text)))  # type: ignore[misc]
        for each in workdirs
    ]
    before, after = found
    if before is None or after is None:
        lacking = [each.name for each, one in zip(workdirs, found, strict=True) if one is None]
        if len(lacking) == 1:
            text = f"campaign {lacking[0]} has none; write: mlfuzz robustness TARGET --name {lacking[0]}"
            problems.append(("robustness", text))
        return None
    try:
        return paired_robustness(before, after)
    except UsageError as error:
        problems.append(("robustness", str(error)))
        return None


def _counting(name: str, tell: Callable[[str], object]) -> Callable[[int, int], object]:
    return lambda done, most: tell(f"robustness of {name}: {done:,} mutants of at most {most:,}")


def _figures(workdir: Workdir, problems: list[tuple[str, str]]) -> Stats:
    stats = stored_stats(workdir, lambda text: problems.append((workdir.name, text)))
    if stats is None:
        raise StorageError(f"{workdir.stats} tells nothing: campaign {workdir.name} has no figures to compare")
    return stats


def _faults(workdir: Workdir) -> set[str]:
    findings = FindingStore(workdir.findings).records()
    return {one.fault or fault_of(one) for one in findings if one.verdict == "confirmed" and one.triage != "ignored"}


def _accuracy(before: AnyTarget, after: AnyTarget, seeds: str | Path | None) -> dict[str, Pair]:
    """By label, "" for all: of the labelled seeds that both targets know the labels of; of maps and boxes for all."""
    from mlfuzz.corpus.annotated import load_annotated
    from mlfuzz.targets.base import truth_of

    where = seeds if seeds is not None else before.seeds
    if where is None or not before.labels:
        return {}
    labels = tuple(label for label in before.labels if label in after.labels)
    found = load_annotated(Path(where), before.modality, kind=truth_of(before), labels=labels).seeds
    labelled = [seed for seed in found if seed.label is not None or seed.truth]
    if not labelled:
        return {}
    right = [_right(target, labelled) for target in (before, after)]
    pairs = {}
    for label in ("", *sorted({str(seed.label) for seed in labelled if seed.label is not None})):
        both = [(one, other) for seed, one, other in zip(labelled, *right, strict=True) if label in ("", seed.label)]
        old, new = (FailureShare(sum(hits), len(hits)) for hits in zip(*both, strict=True))
        lost, won = both.count((True, False)), both.count((False, True))
        pairs[label] = Pair(old, new, mcnemar(lost, won), lost + won)
    return pairs


def _right(target: AnyTarget, seeds: Sequence[Seed]) -> list[bool]:
    """Whether the target gives each seed its label; of maps and boxes, whether it agrees with them by half or more."""
    import numpy as np

    from mlfuzz.batch import from_payloads
    from mlfuzz.campaign.evidence import run_of, says
    from mlfuzz.targets.agreement import RIGHT, agreements
    from mlfuzz.targets.execute import execute

    right = [False] * len(seeds)
    for start in range(0, len(seeds), SEEDS_AT_ONCE):
        part: Any = seeds[start : start + SEEDS_AT_ONCE]
        execution = execute(target, from_payloads([seed.payload for seed in part], target.modality, target.device))
        for position, row in enumerate(execution.ran.tolist()):
            assert execution.seen is not None
            if part[row].truth:
                main = execution.seen.take(np.asarray([position])).outputs["main"]
                right[start + row] = agreements(target, main, [part[row].truth])[0] >= RIGHT
                continue
            run = run_of(execution.seen, target, None, position)
            right[start + row] = says(run, part[row].label, target)
    return right
