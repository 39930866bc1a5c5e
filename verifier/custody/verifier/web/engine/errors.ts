/* The one error of every parser and verification here: data or a peer is bad. `code` is stable (docs/spec/errors.md). */

export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

/** A piece of foreign text for a message: short, and without what could break a line. */
export function shown(text: string, most = 80): string {
  return JSON.stringify(text.slice(0, most));
}
