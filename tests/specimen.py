"""A campaign's directory as a real campaign leaves it: real pictures, real records, made up in a blink."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mlfuzz.corpus import entry as entries_of
from mlfuzz.corpus.entry import Entry
from mlfuzz.findings.finding import FileRef, Finding, Run, dumps, identify
from mlfuzz.mutation import Chain, Mutation
from mlfuzz.progress import Miss, OperatorStats, Progress, SearchStats, SeedStats, Stats
from mlfuzz.storage.journal import Item, Journal
from mlfuzz.storage.workdir import Workdir

LIFE = "w00-0001-abcd"

MODALITY = {"name": "image", "size": [28, 28], "channels": 1, "grid": "uint8", "range": [0.0, 1.0], "fit": "resize"}

TRACEBACK = """Traceback (most recent call last):
  File "examples/digits/model.py", line 41, in forward
    return self.head(self.pool(self.features(x)))
  File "examples/digits/model.py", line 63, in pool
    raise ValueError("empty glyph <b>& no ink</b>")
ValueError: empty glyph <b>& no ink</b>
"""


def digit(label: int, seed: int) -> NDArray[np.uint8]:
    """A handwritten-looking digit, (28, 28)."""
    rng = np.random.default_rng(1000 * label + seed)
    picture = Image.new("L", (112, 112))
    draw = ImageDraw.Draw(picture)
    draw.text((34 + rng.integers(-4, 5), 8 + rng.integers(-4, 5)), str(label), fill=255, font_size=84)
    picture = picture.rotate(float(rng.normal(0, 5)), resample=Image.Resampling.BILINEAR)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.6)).resize((28, 28), Image.Resampling.BOX))


def rotated(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).rotate(degrees, resample=Image.Resampling.BILINEAR))


def blurred(pixels: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def noisy(pixels: NDArray[np.uint8], sigma: float, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 255 * sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def build(root: Path, *, clean: bool = False, name: str = "digits-fragile") -> Workdir:
    """A campaign in `root`/`name`; clean: one that found nothing."""
    workdir = Workdir.create(root / name)
    for finding, files in [] if clean else [*_flips(name), *_others(name)]:
        folder = workdir.finding(finding.id)
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        (folder / "finding.json").write_bytes(dumps(finding))
    lines = [msgspec.json.encode(line) for line in _progress(clean)]
    workdir.progress.write_bytes(b"\n".join(lines) + b"\n")
    stats = _stats(name, clean)
    workdir.stats.write_bytes(msgspec.json.encode(stats))
    with Journal(workdir, LIFE) as journal:
        entries = [Entry(life=LIFE, sequence=number, seed=number % 180) for number in range(stats.entries)]
        journal.append_many([Item(entries_of.dumps(entry)) for entry in entries])
    return workdir


def _flips(name: str) -> list[tuple[Finding, dict[str, bytes]]]:
    made = []
    for at in range(7):
        degrees = 11.25 + 1.5 * at
        seed = digit(7, at)
        chain: Chain = (Mutation("image.rotate", {"degrees": degrees}),)
        first: Chain = (Mutation("image.blur", {"sigma": 0.7}), *chain, Mutation("image.brightness", {"amount": 0.05}))
        margin = 0.43 - 0.04 * at
        made.append(
            _record(
                name, png(rotated(seed, degrees)), png(seed), seed_name=f"7/{at:04d}.png", label="7",
                kind="label", expected="7", observed="1", chain=chain, first_chain=first, margin=margin,
                sentence=f"rotate {degrees:.3g} degrees", fault="label|7|1|image.rotate", shrunk=True,
                before=Run(label="7", scores={"7": 0.98, "1": 0.012, "9": 0.004}),
                after=Run(label="1", scores={"1": 0.5 + margin / 2, "7": 0.5 - margin / 2, "4": 0.01}, margin=margin),
                verdict="confirmed", confirmed="3/3", severity=margin,
            )
        )  # fmt: skip
    for at in range(2):
        seed = digit(4, at)
        made.append(
            _record(
                name, png(blurred(seed, 1.3 + at)), png(seed), seed_name=f"4/{at:04d}.png", label="4",
                kind="label", expected="4", observed="9", chain=(Mutation("image.blur", {"sigma": 1.3 + at}),),
                margin=0.21, sentence=f"blur {1.3 + at} px", fault="label|4|9|image.blur", shrunk=True,
                before=Run(label="4", scores={"4": 11.2, "9": 4.1}), after=Run(label="9", scores={"9": 6.3, "4": 6.1}),
                verdict="confirmed", confirmed="3/3", severity=0.21,
            )
        )  # fmt: skip
    return made


def _others(name: str) -> list[tuple[Finding, dict[str, bytes]]]:
    seed, strong = digit(8, 0), (Mutation("image.noise", {"sigma": 0.3, "seed": 5}),)
    black = np.zeros((28, 28), np.uint8)
    hostile = '\u202e<script>alert("x")</script>'
    return [
        _record(
            name, png(noisy(seed, 0.3, 1)), png(seed), seed_name="8/0000.png", label="8", kind="nonfinite",
            expected="finite scores", observed="NaN in 10 of 10", chain=strong, margin=1.0, unit="values",
            sentence="noise sigma 0.3", fault="nonfinite", verdict="confirmed", confirmed="3/3",
        ),
        _record(
            name, png(black), png(digit(1, 3)), seed_name=f"1/{hostile}.png", label="1", kind="exception",
            expected="an answer", observed="ValueError", message="empty glyph <b>& no ink</b>",
            chain=(Mutation("image.brightness", {"amount": -1.0}),), sentence="brightness -1", verdict="confirmed",
            confirmed="3/3", fault="exception|ValueError|model.py:pool", margin=None, unit="",
            evidence={"traceback": TRACEBACK},
        ),
        *[
            _record(
                name, png(noisy(digit(3, at), 0.2, at)), png(digit(3, at)), seed_name=f"3/{at:04d}.png", label="3",
                kind="label", expected="3", observed="5", chain=strong, margin=0.004, sentence="noise sigma 0.2",
                verdict="flaky", confirmed=f"{at + 1}/3", note="margin within the model's own noise",
            )
            for at in range(2)
        ],
        _record(
            name, png(noisy(digit(9, 0), 0.25, 9)), png(digit(9, 0)), seed_name="9/0000.png", label="9", kind="label",
            expected="9", observed=hostile, chain=strong, margin=0.1, sentence="noise sigma 0.25",
        ),
    ]  # fmt: skip


def _record(
    name: str, data: bytes, seed: bytes, *, kind: str, unit: str = "logits", **what: object
) -> tuple[Finding, dict[str, bytes]]:
    files = {"input.png": data, "seed.png": seed}
    refs = [FileRef(file, hashlib.sha256(content).hexdigest()) for file, content in files.items()]
    finding = Finding(
        id=identify(data, "digits:fragile", kind), side="model", kind=kind, target="digits:fragile",
        load="mlfuzz.examples.digits:fragile", modality=MODALITY, oracle={"name": kind}, input=refs[0], seed=refs[1],
        unit=unit, key=f"{kind}|1", floor=0.002, campaign=name, life=LIFE, batch=12,
        created="2025-01-02T03:04:05+00:00", environment={"mlfuzz": "0.1.0", "torch": "2.13.0"}, **what,  # type: ignore[arg-type]
    )  # fmt: skip
    return finding, files


def _progress(clean: bool) -> list[Progress]:
    lines = []
    for at in range(61):
        seconds = 0.5 * at
        lines.append(
            Progress(
                life=LIFE, seconds=seconds, inputs=int(6140 * seconds), batches=24 * at,
                inputs_per_s=6140.0, entries=180 + int(240 * (1 - math.exp(-at / 18))), seeds=180,
                candidates=0 if clean else min(14, at // 4), failing=0 if clean else 90 * at,
                p_new=0.3 * math.exp(-at / 10) + 0.004, since_new_s=0.4,
                coverage={"entries": 400.0, "radius": 0.31, "share": 0.42 * (1 - math.exp(-at / 15))},
                best=["rotate 14/9.1k", "blur 6/9.0k"],
            )
        )  # fmt: skip
    return lines


def _stats(name: str, clean: bool) -> Stats:
    def operator(rows: int, failures: int, bins: list[int]) -> OperatorStats:
        share = [rows // 5] * 5
        return OperatorStats(
            rows=rows,
            gains=rows // 90 if failures else 0,
            failures=0 if clean else failures,
            firsts=0 if clean else failures // 50,
            rows_by_severity=share,
            failures_by_severity=[0] * 5 if clean else bins,
        )

    return Stats(
        campaign=name,
        started="2025-01-02T03:04:05+00:00",
        seconds=30.4,
        inputs=184_210,
        batches=1439,
        entries=412,
        ended="time is up",
        target={
            "name": "digits:fragile", "load": "mlfuzz.examples.digits:fragile", "digest": "9b1f" * 16, "device": "cpu",
            "layers": 6, "units": 154, "parameters": 14_410,
        },
        setup={
            "batch": 128, "scheduler": {"name": "mixed"}, "coverage": {"name": "novelty", "radius": 0.31},
            "oracles": ["label", "nonfinite"], "seed": 0, "target": "digits", "exclude": [],
            "mlfuzz": "0.1.0", "torch": "2.13.0+cpu",
        },
        seeds=SeedStats(
            usable=180, labelled=180, skipped={"not a picture": 2}, failing=[["5/0003.png", "5", "6"]], broken=11
        ),
        failing=0 if clean else 5412,
        crashes=0 if clean else 3,
        unjudged=120,
        dropped=311,
        operators={
            "image.rotate": operator(23_000, 2410, [4, 90, 310, 770, 1236]),
            "image.blur": operator(22_400, 610, [0, 0, 20, 190, 400]),
            "image.noise": operator(23_300, 350, [0, 10, 40, 100, 200]),
            "image.brightness": operator(24_000, 12, [0, 0, 0, 2, 10]),
            "image.translate": operator(23_000, 1210, [0, 60, 190, 380, 580]),
            "image.contrast": operator(22_000, 0, [0, 0, 0, 0, 0]),
        },
        confusion=[] if clean else [
            ["7", "1", 2410, "label"], ["4", "9", 610, "label"], ["3", "5", 210, "label"], ["8", "3", 90, "label"],
            ["1", "7", 12, "label"],
        ],
        layers=[
            {"name": "features.0", "units": 16, "covered": 0.94},
            {"name": "features.3", "units": 32, "covered": 0.71},
            {"name": "head.1", "units": 64, "covered": 0.38},
        ],
        spent={
            "image.rotate": 0.9, "image.blur": 1.4, "image.noise": 0.3, "image.brightness": 0.1, "image.translate": 0.6,
            "image.contrast": 0.8,
        },
        searches=SearchStats(evaluations=900, seconds=1.1, firsts=0 if clean else 7, gains=0 if clean else 2),
        timing={"mutate": 4.1, "execute": 19.8, "judge": 1.7, "novelty": 2.9, "store": 1.2, "search": 1.1},
        nearest=Miss(
            oracle="label", margin=-0.031, unit="logits", seed="7/0002.png",
            sentence="rotate 14.5 degrees, then blur 0.7 px",
        ),
        warnings=[] if clean else ["2 seeds were skipped: <not a picture>"],
    )  # fmt: skip
