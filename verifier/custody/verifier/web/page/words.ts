/*
 * One text in both languages, and how it gets into the document: both stand there, each in its own lang, and the style
 * sheet shows the one that was chosen. So switching loses no input, no focus and no result.
 */

export interface Words {
  readonly en: string;
  readonly zh: string;
}

export type Lang = "en" | "zh";

export function words(en: string, zh: string): Words {
  return { en, zh };
}

/** Puts values into `{name}` places of both texts. */
export function fill(text: Words, values: Readonly<Record<string, string | number>>): Words {
  const put = (one: string): string => one.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  return { en: put(text.en), zh: put(text.zh) };
}

export function numberText(value: number): string {
  return value.toLocaleString("en-US");
}

/** Bytes for people: `1,234 B`, `12.3 MB`. Decimal units, as disks are sold. */
export function bytesText(value: number): string {
  const units = ["kB", "MB", "GB", "TB"];
  let unit = "B";
  let left = value;
  for (const next of units) {
    if (left < 1000) {
      break;
    }
    left /= 1000;
    unit = next;
  }
  return unit === "B" ? `${numberText(value)} B` : `${left.toFixed(left < 100 ? 1 : 0)} ${unit}`;
}
