/* What the codes of findings mean, for a reader who knows neither the code nor English. The detail of a finding follows it. */

import CODES from "../code_texts.json";
import type { Words } from "./words";

/** Null for a code without words of its own. The command line reads the same table. */
export function codeText(code: string): Words | null {
  return Object.hasOwn(CODES, code) ? (CODES as Readonly<Record<string, Words>>)[code] ?? null : null;
}
