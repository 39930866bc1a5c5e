/*
 * Texts of strangers. They go into the document as text nodes only, never as markup, and characters that hide, reorder or
 * break text are written out: a file name with a right-to-left override must not read as another name.
 */

// Control and format characters (bidirectional marks, zero-width ones, soft hyphen, tags), separators of lines and unusual
// spaces, private and unassigned code points, lone surrogates.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u115f\u1160\u3164\uffa0]/gu;
// More marks on one letter than any language stacks: they would paint over the lines around.
const STACKED = /(\p{M}{3})\p{M}+/gu;
export const MAX_SHOWN = 2000;

/** The text with unseen characters as `\u{202E}`; too long ones are cut, and say so. */
export function visible(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)} [...]` : text;
  const shown = cut.replace(UNSEEN, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}}`);
  return shown.replace(STACKED, "$1\\u{...}");
}
