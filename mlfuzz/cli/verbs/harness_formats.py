"""What `mlfuzz harness new --for FORMAT` writes for each format: the code that is called, seeds, words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlfuzz.cli.verbs import format_seeds

Seeds = Callable[[], dict[str, bytes]]


@dataclass(frozen=True, slots=True)
class Starter:
    """fields: of the template. mutator: the format's; seeds: small files that the code takes; words: for libFuzzer."""

    fields: Mapping[str, str]
    mutator: str
    seeds: Seeds
    words: tuple[bytes, ...]


def dictionary(words: tuple[bytes, ...]) -> bytes:
    """As libFuzzer reads it."""
    return b"".join(b'"' + b"".join(map(_written, word)) + b'"\n' for word in words)


def _written(byte: int) -> bytes:
    plain = 32 <= byte < 127 and byte not in b'"\\'
    return bytes([byte]) if plain else b"\\x%02x" % byte


_READ = "    with {opened} as file:\n        {read}"

STARTERS: Mapping[str, Starter] = {
    "json": Starter(
        {
            "what": "a JSON text -> json.loads", "example": "json", "package": "json", "module": "json",
            "preload": '["json.decoder", "json.scanner"]', "allowed": '["ValueError", "RecursionError"]',
            "suppress": "ValueError, RecursionError", "imports": "", "use": "\nimport json\nimport json.scanner\n\n"
            "# What is written in C gives no coverage; the same in Python does.\n"
            "json.scanner.make_scanner = json.scanner.py_make_scanner\n"
            "json.decoder.scanstring = json.decoder.py_scanstring\n",
            "length": "1024", "body": "    json.JSONDecoder().decode(data.decode(\"utf-8\", \"replace\"))",
        },
        "json", format_seeds.json_files,
        (b"null", b"true", b"NaN", b"-Infinity", b"\\u0000", b"\\ud800", b"1e999", b"{}", b"[]", b"\":"),
    ),
    "xml": Starter(
        {
            "what": "an XML text -> xml.dom.minidom", "example": "xml.dom.minidom", "package": "xml",
            "module": "xml.dom.minidom", "preload": '["xml.dom.expatbuilder"]',
            "allowed": '["xml.parsers.expat.ExpatError", "LookupError"]', "suppress": "ExpatError, LookupError",
            "imports": "", "use": "\nfrom xml.dom import minidom\nfrom xml.parsers.expat import ExpatError\n",
            "length": "1024", "body": "    minidom.parseString(data).toxml()",
        },
        "xml", format_seeds.xml_files,
        (b"<!DOCTYPE a [", b"<!ENTITY b 'c'>", b"]>", b"<![CDATA[", b"]]>", b"xmlns", b"xml:space", b"&#0;"),
    ),
    "toml": Starter(
        {
            "what": "a TOML text -> tomllib.loads", "example": "tomllib", "package": "tomllib", "module": "tomllib",
            "allowed": '["ValueError", "RecursionError"]', "suppress": "ValueError, RecursionError", "imports": "",
            "use": "\nimport tomllib\n", "length": "1024",
            "body": "    tomllib.loads(data.decode(\"utf-8\", \"replace\"))",
        },
        "toml", format_seeds.toml_files,
        (b"[[", b"]]", b"inf", b"nan", b'"""', b"'''", b"0x", b"T00:00", b"\\u", b"= {"),
    ),
    "yaml": Starter(
        {
            "what": "a YAML text -> yaml.safe_load", "example": "PyYAML", "package": "yaml", "module": "yaml",
            "preload": '["yaml.loader", "yaml.constructor"]', "allowed": '["yaml.YAMLError", "RecursionError"]',
            "suppress": "yaml.YAMLError, RecursionError", "imports": "",
            "use": "\nimport yaml  # pip install pyyaml\n", "length": "1024", "body": "    yaml.safe_load(data)",
        },
        "yaml", format_seeds.yaml_files,
        (b"&a ", b"*a", b"<<: ", b"!!float ", b"!!binary ", b"!!set ", b"? ", b"---\n", b"%YAML 1.1\n"),
    ),
    "zip": Starter(
        {
            "what": "a ZIP archive -> zipfile", "example": "zipfile", "package": "zipfile", "module": "zipfile",
            "allowed": '["zipfile.BadZipFile", "NotImplementedError", "RuntimeError", "zlib.error", "EOFError"]',
            "suppress": "zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError",
            "imports": "import io\nimport zlib", "use": "\nimport zipfile\n", "length": "4096",
            "body": _READ.format(opened="zipfile.ZipFile(io.BytesIO(data))", read="file.testzip()"),
        },
        "zip", format_seeds.zip_files,
        (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"../", b"\xff\xff\xff\xff"),
    ),
    "png": Starter(
        {
            "what": "a PNG picture -> PIL.Image.open", "example": "PIL", "package": "PIL", "module": "PIL.Image",
            "allowed": '["OSError", "PIL.Image.DecompressionBombError", "SyntaxError", "ValueError"]',
            "suppress": "OSError, Image.DecompressionBombError, SyntaxError, ValueError",
            "preload": '["PIL.PngImagePlugin"]', "imports": "import io", "use": "\nfrom PIL import Image\n",
            "length": "4096", "body": "    with Image.open(io.BytesIO(data), formats=[\"PNG\"]) as image:\n"
            "        image.convert(\"RGB\")",
        },
        "png", format_seeds.png_files,
        (b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"acTL", b"zTXt", b"iCCP", b"eXIf", b"IEND"),
    ),
    "riff": Starter(
        {
            "what": "a WAV file -> wave.open", "example": "wave", "package": "wave", "module": "wave",
            "allowed": '["wave.Error", "EOFError"]', "suppress": "wave.Error, EOFError", "imports": "import io",
            "use": "\nimport wave\n", "length": "4096", "body": _READ.format(
                opened="wave.open(io.BytesIO(data))", read="file.readframes(min(file.getnframes(), 1 << 20))"
            ),
        },
        "riff", format_seeds.wav_files,
        (b"RIFF", b"WAVE", b"fmt ", b"data", b"fact", b"LIST", b"\xfe\xff"),
    ),
    "npy": Starter(
        {
            "what": "an .npy array -> numpy.load", "example": "numpy", "package": "numpy.lib", "module": "numpy",
            "preload": '["numpy.lib.format", "numpy.lib.npyio"]', "allowed": '["OSError", "ValueError", "EOFError"]',
            "suppress": "OSError, ValueError, EOFError", "imports": "import io", "use": "\nimport numpy\n",
            "length": "1024", "body": "    if data.startswith(b\"\\x93NUMPY\"):\n"
            "        numpy.load(io.BytesIO(data), allow_pickle=False)",
        },
        "npy", format_seeds.npy_files,
        (b"'descr'", b"'fortran_order'", b"'shape'", b"'<M8[ns]'", b"'|O'", b"True", b"(-1,)"),
    ),
    "safetensors": Starter(
        {
            "what": "a safetensors file -> safetensors.numpy.load", "example": "safetensors", "package": "safetensors",
            "module": "safetensors.numpy", "allowed": '["safetensors.SafetensorError"]', "suppress": "SafetensorError",
            "imports": "", "use": "\nfrom safetensors import SafetensorError\nfrom safetensors.numpy import load\n",
            "length": "1024", "body": "    for name, array in load(data).items():\n"
            "        assert array.nbytes <= len(data), f\"{name}: {array.nbytes} bytes out of {len(data)}\"",
            "blind": "True",
        },
        "safetensors", format_seeds.safetensors_files,
        (b'"dtype"', b'"shape"', b'"data_offsets"', b'"BF16"', b'"__metadata__"', b'"I64"'),
    ),
    "protobuf": Starter(
        {
            "what": "a message of protocol buffers -> its fields", "example": "the reader below", "package": "",
            "module": "struct", "allowed": '["ValueError"]', "suppress": "ValueError", "imports": "", "use": (
                "\n\ndef varint(data: bytes, at: int) -> tuple[int, int]:\n    value = shift = 0\n"
                "    while at < len(data) and shift < 70:\n        value |= (data[at] & 0x7F) << shift\n"
                "        at, shift = at + 1, shift + 7\n        if data[at - 1] < 0x80:\n            return value, at\n"
                "    raise ValueError(\"a number without an end\")\n\n\n"
                "def fields(data: bytes, at: int = 0) -> list[tuple[int, int | bytes]]:\n    found = []\n"
                "    while at < len(data):\n        key, at = varint(data, at)\n        kind = key & 7\n"
                "        if kind == 0:\n            value, at = varint(data, at)\n        elif kind in (1, 2, 5):\n"
                "            size, at = varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)\n"
                "            value, at = data[at : at + size], at + size\n        else:\n"
                "            raise ValueError(f\"type {kind}\")\n        found.append((key >> 3, value))\n"
                "    if at > len(data):\n        raise ValueError(\"cut short\")\n    return found\n"
            ),
            "length": "512", "body": "    fields(data)",
        },
        "protobuf", format_seeds.protobuf_files,
        (b"\x08\x01", b"\x12\x02\x08\x00", b"\xff\xff\xff\xff\x0f", b"\x1a\x00"),
    ),
    "tar": Starter(
        {
            "what": "a tar archive -> tarfile", "example": "tarfile", "package": "tarfile", "module": "tarfile",
            "allowed": '["tarfile.TarError", "EOFError"]', "suppress": "tarfile.TarError, EOFError",
            "imports": "import io", "use": "\nimport tarfile\n", "length": "4096", "body": (
                "    with tarfile.open(fileobj=io.BytesIO(data), mode=\"r:\") as archive:\n"
                "        for member in archive:\n            archive.extractfile(member) if member.isreg() else None"
            ),
        },
        "tar", format_seeds.tar_files,
        (b"ustar\x0000", b"ustar  \x00", b"././@LongLink", b"path=", b"size=", b"../", b"GNU.sparse.major=1"),
    ),
    "pdf": Starter(
        {
            "what": "a PDF file -> its objects", "example": "the reader below", "package": "", "module": "struct",
            "allowed": '["ValueError"]', "suppress": "ValueError", "imports": "", "use": (
                "\n\ndef number(data: bytes, at: int) -> int:\n    end = at\n"
                "    while data[end : end + 1].isdigit() and end - at < 10:\n        end += 1\n"
                "    if end == at:\n        raise ValueError(f\"no number at {at}\")\n    return int(data[at:end])\n"
                "\n\n"
                "def objects(data: bytes) -> dict[int, bytes]:\n    end = data.rfind(b\"startxref\")\n"
                "    if not data.startswith(b\"%PDF-\") or end < 0:\n        raise ValueError(\"no PDF\")\n"
                "    found = {}\n    for line in data[number(data, end + 10) : end].split(b\"\\n\"):\n"
                "        if line.endswith(b\" n \"):\n            place = number(line, 0)\n"
                "            found[number(data, place)] = data[place : data.find(b\"endobj\", place)]\n"
                "    return found\n"
            ),
            "length": "4096", "body": "    objects(data)",
        },
        "pdf", format_seeds.pdf_files,
        (b"/Length", b"/FlateDecode", b"endobj", b"endstream", b"xref", b"startxref", b"0 R", b"/ObjStm"),
    ),
    "gzip": Starter(
        {
            "what": "a gzip file -> gzip", "example": "gzip", "package": "gzip", "module": "gzip",
            "allowed": '["OSError", "EOFError", "zlib.error"]', "suppress": "OSError, EOFError, zlib.error",
            "imports": "import io\nimport zlib", "use": "\nimport gzip\n", "length": "1024",
            "body": _READ.format(opened="gzip.GzipFile(fileobj=io.BytesIO(data))", read="file.read(1 << 20)"),
        },
        "gzip", format_seeds.gzip_files,
        (b"\x1f\x8b\x08", b"\x1f\x8b\x08\x1f", b"\xff\xff\xff\xff"),
    ),
    "pickle": Starter(
        {
            "what": "a pickle -> pickletools.genops (which calls nothing)", "example": "pickletools",
            "package": "pickletools", "module": "pickletools", "allowed": '["ValueError"]', "suppress": "ValueError",
            "imports": "", "use": "\nimport pickletools\n", "length": "1024",
            "body": "    for _ in pickletools.genops(data):\n        pass",
        },
        "pickle", format_seeds.pickle_files,
        (b"cos\ngetcwd\n", b"\x8c\x02os\x8c\x06getcwd\x93", b"\x80\x04", b"(", b"R.", b"b.", b"\x85R"),
    ),
    "grammar": Starter(
        {
            "what": "a path -> xml.etree's findall", "example": "ElementPath", "package": "xml.etree.ElementPath",
            "module": "xml.etree.ElementPath", "allowed": '["SyntaxError"]', "suppress": "SyntaxError", "imports": "",
            "use": "\nfrom xml.etree import ElementPath, ElementTree\n\n"
            "TREE = ElementTree.fromstring(\"<a b='c'><d>e</d><d><f/></d></a>\")\n",
            "length": "256", "body": "    ElementPath.findall(TREE, data.decode(\"utf-8\", \"replace\"))",
        },
        "", format_seeds.path_files,
        (b"//", b"..", b"[@b='c']", b"[last()]", b"[1]", b"{*}", b"{}", b"[.='e']", b"[d!='e']", b"last()-1"),
    ),
}  # fmt: skip

PATHS = r"""// A grammar of Lark's (https://lark-parser.readthedocs.io): write your own language here.
start: ["." _between] step (_between step)*
_between: "/" | "//"
step: name test* | "*" test* | ".." | "."
name: [space] NAME
space: "{" ("*" | NAME)? "}"
test: "[" (attribute | child | place) "]"
attribute: "@" NAME [("=" | "!=") TEXT]
child: (NAME | ".") [("=" | "!=") TEXT]
place: INT | "last()" ["-" INT]
TEXT: /'[a-z ]*'/ | /"[a-z ]*"/
NAME: /[a-f]{1,3}/
INT: /[0-9]{1,3}/
"""
"""The grammar that a harness for one begins with."""
