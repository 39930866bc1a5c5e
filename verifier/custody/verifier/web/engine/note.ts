/* Signed notes: C2SP signed-note. The text means nothing until `verifyNote` found a good signature of a known key on it. */

import { type Bytes, concat, encodeBase64, hex, parseBase64, text, utf8 } from "./codec";
import { Refused, shown } from "./errors";
import { KEY_ID_BYTES, type VerifierKey, nameFault } from "./vkey";

const MAX_SIGNATURES = 100;
export const MAX_NOTE_BYTES = 1_000_000;
const MARK = "\u2014 ";
const CODE = "note-malformed";

export interface NoteSignature {
  readonly name: string;
  readonly keyId: Bytes;
  readonly signature: Bytes;
}

export interface SignedNote {
  /** Ends in a newline. */
  readonly text: Bytes;
  readonly signatures: readonly NoteSignature[];
}

export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** POSIX seconds; null for the type without time. */
  readonly timestamp: bigint | null;
}

export function parseNote(data: Uint8Array): SignedNote {
  if (data.length > MAX_NOTE_BYTES) {
    throw new Refused(CODE, `a note has at most ${MAX_NOTE_BYTES} bytes`);
  }
  let end = data.length - 2;
  while (end >= 0 && !(data[end] === 10 && data[end + 1] === 10)) {
    end--;
  }
  if (end < 0) {
    throw new Refused(CODE, "the note has no empty line before its signatures");
  }
  const body = data.slice(0, end + 1) as Bytes;
  text(body, CODE, "the note");
  if (body.some((byte) => byte < 0x20 && byte !== 10)) {
    throw new Refused(CODE, "the note has control characters");
  }
  return { text: body, signatures: parseSignatures(data.subarray(end + 2)) };
}

function parseSignatures(data: Uint8Array): NoteSignature[] {
  const found = text(data, CODE, "a signature line").split("\n");
  if (found.pop() !== "") {
    throw new Refused(CODE, "the last signature line has no newline");
  }
  if (found.length < 1 || found.length > MAX_SIGNATURES) {
    throw new Refused(CODE, `a note has 1 to ${MAX_SIGNATURES} signatures`);
  }
  return found.map(parseSignature);
}

function parseSignature(line: string): NoteSignature {
  const rest = line.slice(MARK.length);
  const space = rest.indexOf(" ");
  if (!line.startsWith(MARK) || space < 0) {
    throw new Refused(CODE, `not a signature line: ${shown(line, 64)}`);
  }
  const name = rest.slice(0, space);
  const fault = nameFault(name);
  if (fault) {
    throw new Refused(CODE, fault);
  }
  const data = parseBase64(rest.slice(space + 1), CODE);
  if (data.length <= KEY_ID_BYTES) {
    throw new Refused(CODE, "the signature line has no signature");
  }
  return { name, keyId: data.slice(0, KEY_ID_BYTES) as Bytes, signature: data.slice(KEY_ID_BYTES) as Bytes };
}

export function encodeNote(note: SignedNote): Bytes {
  const found = note.signatures.map((one) => `${MARK}${one.name} ${encodeBase64(concat(one.keyId, one.signature))}\n`);
  return concat(note.text, utf8(`\n${found.join("")}`));
}

/**
 * The good signatures of known keys, in the note's order. Unknown keys are ignored; a known key's wrong signature refuses the
 * whole note (`signature-invalid`), none of a known key too (`signature-missing`).
 */
export function verifyNote(note: SignedNote, keys: readonly VerifierKey[]): VerifiedSignature[] {
  const known = new Map<string, VerifierKey>();
  for (const key of keys) {
    const id = `${key.name}\n${hex(key.keyId)}`;
    if (!(known.get(id) ?? key).is(key)) {
      throw new Refused("vkey-collision", `two known keys share the name ${key.name} and the key id ${hex(key.keyId)}`);
    }
    known.set(id, key);
  }
  const verified: VerifiedSignature[] = [];
  for (const one of note.signatures) {
    const key = known.get(`${one.name}\n${hex(one.keyId)}`);
    if (key !== undefined) {
      verified.push({ key, timestamp: key.verify(note.text, one.signature) });
    }
  }
  if (!verified.length) {
    throw new Refused("signature-missing", "no signature on the note is from a known key");
  }
  return verified;
}
