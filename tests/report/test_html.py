"""The page: what it shows, what it escapes, and how large it grows."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from mlfuzz.report import html
from mlfuzz.report.summary import group


class Page(HTMLParser):
    """Tags, attributes and text of a page; unbalanced tags are an error."""

    VOID = frozenset(("meta", "link", "img", "br", "circle", "line", "rect", "polyline", "polygon"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_leads_with_the_verdict_and_what_to_do(summary, page):
    read = Page(html.render(summary, path=page))
    assert "4 faults found" in read.text
    assert f"mlfuzz replay {summary.faults[0].best.id}" in read.text
    assert "exception: ValueError" in read.text
    assert "rotate 11.2 degrees" in read.text
    assert sum(tag == "img" for tag, _ in read.tags) == 3 * (1 + 3 + 2 + 1)


def test_nothing_is_loaded_and_nothing_runs(summary, page):
    text = html.render(summary, path=page)
    read = Page(text)
    assert not {tag for tag, _ in read.tags} & {"script", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        assert (attributes.get("src") or "data:").startswith("data:")
        target = attributes.get("href") or ""
        assert target.startswith(("#", "findings/", "../", "data:,")) or target == ""
    assert "http:" not in text.lower()
    assert "https:" not in text.lower()


def test_the_policy_allows_the_page_its_own_style_and_no_script(summary, page):
    text = html.render(summary, path=page)
    policy = next(
        a["content"] for tag, a in Page(text).tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/]{43}='", policy)


def test_hostile_names_labels_and_messages_are_text(summary, page):
    read = Page(html.render(summary, path=page, title='<script>"&'))
    assert '1/\\u202e<script>alert("x")</script>.png' in read.text
    assert "empty glyph <b>& no ink</b>" in read.text
    assert '<script>"&' in read.text


def test_a_page_without_findings_says_what_was_tried(clean, page):
    read = Page(html.render(clean, path=page))
    assert "Nothing found" in read.text
    assert "rotate 14.5 degrees, then blur 0.7 px" in read.text
    assert not [a for tag, a in read.tags if a.get("id") == "faults"]


def test_many_faults_are_grouped_and_all_but_the_first_fold(summary, page):
    import dataclasses

    import msgspec

    best = summary.faults[1].best
    faults = group([msgspec.structs.replace(best, id=f"{at:016x}", fault=f"label|7->{at}|x") for at in range(30)])
    many = dataclasses.replace(summary, faults=faults, read=lambda finding, ref: summary.read(best, ref))
    read = Page(html.render(many, path=page))
    assert "Faults by mutator" in read.text
    classes = [(tag, a.get("class")) for tag, a in read.tags if a.get("class") == "card"]
    assert classes == [("article", "card")] * html.FIRST_FAULTS + [("details", "card")] * (30 - html.FIRST_FAULTS)


def test_beyond_the_limit_inputs_are_linked_not_shown(summary, page):
    read = Page(html.render(summary, path=page, inline_limit=1))
    assert sum(tag == "img" for tag, _ in read.tags) == 3
    assert "linked instead of shown" in read.text


def test_links_lead_to_the_files_from_where_the_page_lies(summary, campaign):
    text = html.render(summary, path=campaign.report)
    links = {a["href"] for tag, a in Page(text).tags if tag == "a" and "findings" in (a.get("href") or "")}
    assert links
    assert all((campaign.root / link).is_file() for link in links)


def test_a_missing_input_is_said_and_the_page_still_comes(summary, page, campaign, tmp_path):
    import shutil

    from mlfuzz.report.summary import summarise
    from mlfuzz.storage.workdir import Workdir

    copy = Workdir(tmp_path / "copy")
    shutil.copytree(campaign.root, copy.root)
    (copy.finding(summary.faults[0].best.id) / "input.png").unlink()
    assert "is missing" in Page(html.render(summarise(copy), path=page)).text


def test_the_page_is_written_whole(summary, page):
    assert html.write(summary, page) == page
    assert page.read_text().rstrip().endswith("</html>")
