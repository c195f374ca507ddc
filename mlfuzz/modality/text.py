"""Text: UTF-8 files <-> strings, exactly: newlines, byte-order marks and control characters are data like any other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import MODALITIES, Payload
from mlfuzz.modality.parts import ModalityParts, Reading

MAX_CHARS = 1 << 20
"""No text is longer than this: more is a document, which no model takes in one piece."""

MAX_BYTES = 4 * MAX_CHARS
"""Of a file: the longest text in the widest characters. Looked at before anything is decoded."""


TEXT_COLUMNS = (
    "text", "sentence", "content", "review", "comment", "body", "document", "message", "tweet", "utterance", "prompt",
    "question", "query", "description", "title", "input", "inputs", "x", "premise", "sentence1", "transcript",
)  # fmt: skip
"""What people call the column of a table that holds texts."""


def plain_reading(modality: Text, file: str) -> Reading:
    """Of one text a batch."""
    return Reading((), ("x = (path.read_bytes().decode(),)",), tensor=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Strings of bounded length.

    max_chars: characters (code points) of a payload at most. fit: what happens to a longer file: "cut" (its end is left
    out) or "refuse".
    Raises ConfigError for values that make no sense.
    """

    parts: ClassVar = ModalityParts(
        mutators="mlfuzz.mutators.text",
        distance="mlfuzz.mutators.text.limits:DISTANCE",
        exhibit="mlfuzz.report.texts:EXHIBIT",
        examples="mlfuzz.testing.rows:TEXTS",
        pieces="characters",
        starter="max_chars=256",
        handed="x: a tuple of B strings",
        reading=plain_reading,
        columns=TEXT_COLUMNS,
        plain_columns=True,
    )

    max_chars: int = 1000
    fit: Literal["cut", "refuse"] = "cut"

    def __post_init__(self) -> None:
        if type(self.max_chars) is not int or not 1 <= self.max_chars <= MAX_CHARS:
            raise ConfigError(f"text max_chars is whole, 1 to {MAX_CHARS}, not {self.max_chars!r}")
        if self.fit not in ("cut", "refuse"):
            raise ConfigError(f"text fit is 'cut' or 'refuse', not {self.fit!r}")

    @property
    def name(self) -> str:
        return "text"

    @property
    def suffix(self) -> str:
        return ".txt"

    @property
    def reads(self) -> tuple[str, ...]:
        return (".txt", ".md")

    @property
    def levels(self) -> int | None:
        return None

    @property
    def low(self) -> float:
        return 0.0

    @property
    def high(self) -> float:
        return float(self.max_chars)

    @property
    def ragged(self) -> bool:
        return True

    def decode(self, data: bytes, *, suffix: str = "") -> Payload:
        """Bytes of a UTF-8 file -> str, nothing added, dropped or normalised; `suffix` is not looked at.

        An empty file is the empty text. Raises BadInputError.
        """
        if len(data) > MAX_BYTES:
            raise BadInputError(f"larger than {MAX_BYTES >> 20} MiB", f"{len(data)} bytes of text")
        try:
            # Strict UTF-8 also refuses surrogates, alone (WTF-8) or in pairs (CESU-8), and overlong forms.
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
            where = "it looks like UTF-16" if wide else f"at byte {error.start}: {error.reason}"
            raise BadInputError("not UTF-8", where, remedy="save it as UTF-8") from error
        if len(text) > self.max_chars and self.fit == "refuse":
            raise BadInputError("too long", f"{len(text)} characters where {self.max_chars} are allowed")
        return text[: self.max_chars]

    def encode(self, payload: Payload) -> bytes:
        """str -> UTF-8 bytes. Raises BadInputError for anything that is no text of this modality."""
        if not isinstance(payload, str):
            raise BadInputError("not a payload of this modality", f"a text is a str, not {type(payload).__name__}")
        if len(payload) > self.max_chars:
            raise BadInputError(
                "not a payload of this modality", f"{len(payload)} characters where {self.max_chars} are allowed"
            )
        try:
            return payload.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadInputError("lone surrogate", f"at character {error.start}; no file can hold it") from error

    def describe(self) -> dict[str, object]:
        return asdict(self)


MODALITIES.add("text", Text)
