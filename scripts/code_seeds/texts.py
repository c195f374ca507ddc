"""Requests and configurations, as people write them."""

from __future__ import annotations

import json

Files = dict[str, bytes]

TOML = """\
# A training run.
[train]
rate = 1e-3
epochs = 10
optimiser = "adamw"
milestones = [5, 8]
started = 2024-02-29T12:30:00Z

[model]
layers = [64, 0x20, 1_6]
name = '''small
net'''
"""

INLINE = """\
train = {rate = 0.5, epochs = 1, optimiser = "sgd"}
model.layers = [8]
[[data]]
path = "a\\u00e9.npz"
weight = +inf
"""

PROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]

[project]
name = "net"
version = "0.1.0"
dynamic = []
authors = [{name = "A. Person", email = "a@example.org"}]

[project.optional-dependencies]
dev = [
  "pytest",  # tests
  "ruff",
]
"""

STRINGS = (
    """a = "tab\\t quote\\" \\U0001F600"
b = 'C:\\net'
"""
    + '''c = """
  two\\
  lines"""
'''
    + """"quoted key".'x y' = true
empty = ""
"""
)

NUMBERS = """\
[numbers]
hex = 0xDEAD_beef
octal = 0o755
binary = 0b1101
tiny = 6.626e-34
nan = nan
below = -inf
day = 1979-05-27
hour = 07:32:00.999999
local = 1979-05-27 07:32:00
offset = 1979-05-27T00:32:00.5-07:00
nested = [[1, 2], ["a", {b = []}]]
"""

YAML = """\
# What happens to each picture.
augment:
  - rotate: 10
  - scale: 1.25
  - {noise: 0.1}
name: &run first
again: *run
"""

TAGGED = """\
--- !!map
augment: [crop: 0x1, noise: !!float 1]
when: 2024-02-29 12:30:00
text: |
  two
  lines
folded: >-
  "quoted" 'single'
merged: {<<: {a: ~}, b: yes}
...
"""

FLOW = """\
{"augment": [{"crop": 0.5}, {"rotate": -9.0e+1}, {scale: 2}], ? a : c, "text": "\\x41\\u00e9\\
  joined"}
"""

DIRECTED = """\
%YAML 1.1
%TAG ! tag:example.org,2000:
---
augment: &steps
- noise: .5
- crop: 1_0.0e-1
again: *steps
odd: [1:30, 0b11, 017, -.inf, 2001-12-14t21:59:43.10-05:00]
... # the end
"""

KEYED = """\
defaults: &base {noise: 0.25, scale: 1}
augment:
    - <<: *base
    - !!map {rotate: 45}
? |
  a key
  of two lines
: !!set {x, y}
picture: !!binary iVBORw0KGgo=
ordered: !!omap [one: 1, two: 2]
"""


def config_toml() -> Files:
    texts = {"run": TOML, "inline": INLINE, "project": PROJECT, "strings": STRINGS, "numbers": NUMBERS}
    return {f"{name}.toml": text.encode() for name, text in texts.items()}


def config_yaml() -> Files:
    texts = {"augment": YAML, "tagged": TAGGED, "flow": FLOW, "directed": DIRECTED, "keyed": KEYED}
    return {f"{name}.yaml": text.encode() for name, text in texts.items()}


def text_tokenizer() -> Files:
    def request(inputs: object, **parameters: object) -> bytes:
        return json.dumps({"inputs": inputs, **({"parameters": parameters} if parameters else {})}).encode()

    return {
        "one.json": request("the weather in the north"),
        "several.json": request(["first", "", "<s> third </s>"], truncate=4),
        "settings.json": request(
            "over the river", temperature=0.7, stop=["</s>", "\n"], seed=None, details=True, top=-1e3
        ),
        "escapes.json": request('caf\u00e9 \U0001f600\n\t"quoted"'),
        "utf-8.json": '{"inputs": "\u4f60\u597d na\u00efve"}'.encode(),
    }
