/* Textual encodings of keys and certificates: RFC 7468. */

import { type Bytes, parseBase64 } from "./codec";

/** The bytes of every block of this label, in order. Refuses with `code` base64 that is none. */
export function pemBlocks(found: string, label: string, code: string): Bytes[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*?)-----END ${label}-----`, "g");
  return [...found.matchAll(block)].map((match) => parseBase64((match[1] as string).replaceAll(/\s/g, ""), code));
}
