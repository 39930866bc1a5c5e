"""Ids of articles such as D185-17(2), written out as the laws themselves are cited; verify.html writes them in the same way.

One number in brackets is an item (项), two are paragraph and item (款, 项).
"""

import re
from typing import Final

from custody.verifier.report.names import Words

_LAWS: Final = {
    "D185": Words("Beijing Decree 185", "《北京市公共安全图像信息系统管理办法》"),
    "SCO799": Words("State Council Order 799", "《公共安全视频图像信息系统管理条例》"),
    "CTL": Words("Counter-Terrorism Law", "《中华人民共和国反恐怖主义法》"),
}
_ID: Final = re.compile(r"([A-Z0-9]+)-(\d{1,2})((?:\(\d{1,2}\)){0,2})(?:\.\.(\d{1,2}))?", re.ASCII)
_DIGITS: Final = "〇一二三四五六七八九"


def citation(article: str) -> Words:
    """How the article is cited in both languages; the id itself where its law is none of ours."""
    match = _ID.fullmatch(article)
    law = _LAWS.get(match[1]) if match else None
    if match is None or law is None:
        return Words(article, article)
    numbers = [chinese_number(int(one)) for one in re.findall(r"\d+", match[3])]
    paragraph = f"第{numbers[0]}款" if len(numbers) == 2 else ""
    item = f"第（{numbers[-1]}）项" if numbers else ""
    last = f"至第{chinese_number(int(match[4]))}条" if match[4] else ""
    until = f" to {match[4]}" if match[4] else ""
    return Words(
        f"{law.en} Art. {match[2]}{match[3]}{until}",
        f"{law.zh}第{chinese_number(int(match[2]))}条{last}{paragraph}{item}",
    )


def chinese_number(value: int) -> str:
    """1 to 99 as articles are numbered: 十七, 三十二."""
    tens, ones = divmod(value, 10)
    return f"{_DIGITS[tens] if tens > 1 else ''}{'十' if tens else ''}{_DIGITS[ones] if ones or not tens else ''}"
