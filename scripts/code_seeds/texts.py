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


def config_toml() -> Files:
    return {"run.toml": TOML.encode(), "inline.toml": INLINE.encode()}


def config_yaml() -> Files:
    return {"augment.yaml": YAML.encode(), "tagged.yaml": TAGGED.encode()}


def text_tokenizer() -> Files:
    def request(inputs: object, **parameters: object) -> bytes:
        return json.dumps({"inputs": inputs, **({"parameters": parameters} if parameters else {})}).encode()

    return {
        "one.json": request("the weather in the north"),
        "several.json": request(["first", "", "<s> third </s>"], truncate=4),
        "escapes.json": request('caf\u00e9 \U0001f600\n\t"quoted"'),
        "utf-8.json": '{"inputs": "\u4f60\u597d na\u00efve"}'.encode(),
    }
