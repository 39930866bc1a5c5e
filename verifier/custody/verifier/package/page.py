"""A package's report as one HTML file, of the family of the audit report: no script, nothing from outside, both languages.

The numbered checks are those of the text and of `--json`. Texts of the package are escaped by the template engine.
"""

from base64 import b64encode
from hashlib import sha256
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined

from custody.verifier.log_report import Status
from custody.verifier.package.report import PackageReport
from custody.verifier.package.texts import LINES, PACKAGE_CHECKS
from custody.verifier.texts import REASONS_ZH, STATUS
from custody.verifier.web import code_texts

_SENTENCES: Final = {
    Status.FINE: (
        "Every check that could be made was made, and found nothing wrong.",
        "凡能检查的均已检查，未发现问题。",
    ),
    Status.FINDINGS: (
        "Something was checked and is not as it should be. Section 2 names each finding with the number of its check.",
        "已检查的内容中存在问题。第 2 节逐项列出，并注明检查项编号。",
    ),
    Status.NOT_CHECKED: (
        "Nothing wrong was found, but a check that the verdict needs could not be made. Section 1 says which, and why.",
        "未发现问题，但有得出结论所必需的检查未能进行，见第 1 节。",
    ),
}


_NOTHING: Final = (
    "This is no evidence package, so nothing was checked: {}",
    "这不是证据包，未进行任何核验：{}",
)


class _Plain(str):
    """Text of ours that goes into the page as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def package_page(report: PackageReport, lang: str) -> str:
    """The whole file; `lang` is the language that it opens in."""
    folder = resources.files("custody.verifier.report") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    sentence = _SENTENCES[report.status]
    if report.nothing:
        sentence = (_NOTHING[0].format(report.nothing), _NOTHING[1].format(report.nothing))
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((folder / "package.html.j2").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        lang=lang,
        style=_Plain(style),
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        words=STATUS,
        checks=PACKAGE_CHECKS,
        reasons=REASONS_ZH,
        states=LINES,
        sentence=sentence,
        findings=report.findings.kept,
        titles=code_texts(),
        omitted=report.findings.omitted().items(),
    )
