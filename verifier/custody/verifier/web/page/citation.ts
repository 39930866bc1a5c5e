/* Ids of articles such as D185-17(2), written out as the laws themselves are cited. */

import type { Words } from "./words";

const LAWS: Readonly<Record<string, Words>> = {
  D185: { en: "Beijing Decree 185", zh: "《北京市公共安全图像信息系统管理办法》" },
  SCO799: { en: "State Council Order 799", zh: "《公共安全视频图像信息系统管理条例》" },
  CTL: { en: "Counter-Terrorism Law", zh: "《中华人民共和国反恐怖主义法》" },
};

/** 1 to 99 as articles are numbered: 十七, 三十二. */
export function chineseNumber(value: number): string {
  const digits = "〇一二三四五六七八九";
  const tens = Math.floor(value / 10);
  const ones = value % 10;
  if (value > 99) {
    return String(value);
  }
  return `${tens > 1 ? digits[tens] : ""}${tens > 0 ? "十" : ""}${ones > 0 || tens === 0 ? digits[ones] : ""}`;
}

/** One number in brackets is an item (项), two are paragraph and item (款, 项). Null for ids of other laws. */
export function citation(id: string): Words | null {
  const match = /^([A-Z0-9]+)-(\d{1,2})((?:\(\d{1,2}\)){0,2})(?:\.\.(\d{1,2}))?$/.exec(id);
  const law = LAWS[match?.[1] ?? ""];
  if (match === null || law === undefined) {
    return null;
  }
  const [, , article, brackets, end] = match as unknown as [string, string, string, string, string | undefined];
  const numbers = [...brackets.matchAll(/\d+/g)].map((one) => chineseNumber(Number(one[0])));
  const item = numbers.at(-1);
  const paragraph = numbers.length === 2 ? `第${numbers[0]}款` : "";
  const last = end === undefined ? "" : `至第${chineseNumber(Number(end))}条`;
  return {
    en: `${law.en} Art. ${article}${brackets}${end === undefined ? "" : ` to ${end}`}`,
    zh: `${law.zh}第${chineseNumber(Number(article))}条${last}${paragraph}${item === undefined ? "" : `第（${item}）项`}`,
  };
}
