"""Values inside an ONNX graph, given out beside its answer: reduced in the graph itself, so that little is copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mlfuzz.errors import TargetLoadError, UnknownNameError
from mlfuzz.targets.forms.packages import needed

ACTIVATIONS = frozenset({
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Mish",
    "Softplus", "Clip", "Erf", "LayerNormalization",
})  # fmt: skip
WEIGHED = frozenset({"Conv", "Gemm", "MatMul"})
CHANNELS_LAST = frozenset({"MatMul", "Gemm", "LayerNormalization", "Gather"})
CHANNELS_FIRST = frozenset(
    {"Conv", "ConvTranspose", "BatchNormalization", "GlobalAveragePool", "AveragePool", "MaxPool"}
)
FLOATS = (1, 10, 11)
"""Of onnx.TensorProto: float, float16, double."""

AXES_AS_INPUT = 18
"""From this version of the operators on ReduceMean takes its axes as an input, before as an attribute."""

PREFIX = "mlfuzz_tap_"

Shape: TypeAlias = tuple[tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class Tap:
    """name: of the output that was added. of: the value inside. units_last: (B, ..., C), not (B, C, ...)."""

    name: str
    of: str
    units_last: bool


@dataclass(frozen=True, slots=True)
class Tapped:
    """model: the bytes of the graph with its taps."""

    model: bytes
    taps: tuple[Tap, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(tap.name for tap in self.taps)


def tapped(path: Path, layers: Sequence[str] | None) -> Tapped:
    """The graph with a (B, units) output for each of `layers`, values or nodes; None: those of activations, or where
    there are none of convolutions and products but the last. Raises TargetLoadError, UnknownNameError."""
    package = needed("onnx", extra="onnx", form="ONNX")
    try:
        model = package.load(path, load_external_data=False)
    except Exception as error:
        raise TargetLoadError(f"{path} is no ONNX file ({type(error).__name__}: {error})") from error
    if layers is not None and not len(layers):
        return Tapped(model.SerializeToString(), ())
    try:
        shapes = _shapes(package.shape_inference.infer_shapes(model))
    except Exception:  # noqa: BLE001  operators of others have no rule: what is known without them is used
        shapes = _shapes(model)
    wanted = _chosen(model, shapes) if layers is None else _named(model, shapes, layers)
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), AXES_AS_INPUT)
    taps = []
    for number, (value, last) in enumerate(wanted):
        sizes, kind = shapes[value]
        tap = Tap(f"{PREFIX}{number}", value, last)
        axes = list(range(1, len(sizes) - 1) if last else range(2, len(sizes)))
        model.graph.node.extend(_reduction(package, tap, axes, opset, model))
        model.graph.output.append(package.helper.make_tensor_value_info(tap.name, kind, [None, None]))
        taps.append(tap)
    return Tapped(model.SerializeToString(), tuple(taps))


def external(path: Path) -> list[Path]:
    """Files beside a graph in which it keeps weights."""
    package = needed("onnx", extra="onnx", form="ONNX")
    model = package.load(path, load_external_data=False)
    names = {entry.value for tensor in model.graph.initializer for entry in tensor.external_data
             if entry.key == "location"}  # fmt: skip
    return [path.parent / name for name in sorted(names)]


def _reduction(package: Any, tap: Tap, axes: list[int], opset: int, model: Any) -> list[Any]:
    helper = package.helper
    if not axes:
        return [helper.make_node("Identity", [tap.of], [tap.name])]
    if not tap.units_last:  # unlike a mean over axes it works on the layout that convolutions are run in
        pooled = f"{tap.name}_pooled"
        return [
            helper.make_node("GlobalAveragePool", [tap.of], [pooled]),
            helper.make_node("Flatten", [pooled], [tap.name]),
        ]
    if opset < AXES_AS_INPUT:
        return [helper.make_node("ReduceMean", [tap.of], [tap.name], axes=axes, keepdims=0)]
    constant = f"{tap.name}_axes"
    model.graph.initializer.append(helper.make_tensor(constant, package.TensorProto.INT64, [len(axes)], axes))
    return [helper.make_node("ReduceMean", [tap.of, constant], [tap.name], keepdims=0)]


def _shapes(model: Any) -> dict[str, Shape]:
    """(sizes of its axes, 0 where they vary; type of its numbers) of each value of which they are known."""
    found = {}
    for value in (*model.graph.value_info, *model.graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            found[value.name] = (tuple(int(axis.dim_value) for axis in kind.shape.dim), kind.elem_type)
    return found


def _units_last(sizes: tuple[int, ...], known: bool) -> bool | None:
    """Which axis holds the units: one whose size never varies. known: what the layers before say, where both may be.

    None where neither may.
    """
    first, last = sizes[1] > 0, sizes[-1] > 0
    if len(sizes) == 2:
        return False if first else None
    return known if first and last else last if first or last else None


def _watchable(model: Any, shapes: dict[str, Shape]) -> Iterator[tuple[Any, str, bool]]:
    """(node, its first value, whether units stand last) of values with a row and units, in the graph's order."""
    given, last_known = {value.name for value in model.graph.output}, False
    for node in model.graph.node:
        if node.op_type in CHANNELS_LAST | CHANNELS_FIRST:
            last_known = node.op_type in CHANNELS_LAST
        value = node.output[0] if node.output else ""
        sizes, kind = shapes.get(value, ((), 0))
        if value and value not in given and len(sizes) >= 2 and kind in FLOATS:
            last = _units_last(sizes, last_known)
            if last is not None:
                yield node, value, last


def _chosen(model: Any, shapes: dict[str, Shape]) -> list[tuple[str, bool]]:
    found = list(_watchable(model, shapes))
    active = [(value, last) for node, value, last in found if node.op_type in ACTIVATIONS]
    weighed = [(value, last) for node, value, last in found if node.op_type in WEIGHED]
    return active or weighed


def _named(model: Any, shapes: dict[str, Shape], layers: Sequence[str]) -> list[tuple[str, bool]]:
    known = {value: (value, last) for _, value, last in _watchable(model, shapes)}
    known |= {node.name: (value, last) for node, value, last in _watchable(model, shapes) if node.name}
    for name in layers:
        if name not in known:
            raise UnknownNameError("layer", name, known)
    return [known[name] for name in layers]
