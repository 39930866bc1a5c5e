/* The package's signature: a DSSE v1.0 envelope around an in-toto Statement v1 (docs/spec/package.md, "Signature"). */

import { type Bytes, concat, hex, parseBase64, utf8 } from "./codec";
import { Refused } from "./errors";
import { Form, decodeJson, encodeJson } from "./json";
import type { ExporterKey } from "./public_key";
import { signatureIsOver } from "./seal";

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const MAX_SIGNATURES = 32;
const CODE = "envelope-malformed";

export interface Envelope {
  readonly payload: Bytes;
  readonly signatures: readonly { readonly keyid: string; readonly signature: Bytes }[];
}

export function parseEnvelope(data: Uint8Array): Envelope {
  const form = new Form(CODE, "the envelope");
  const value = form.object(decodeJson(data, CODE), ["payload", "payloadType", "signatures"]);
  const rows = form.list(value["signatures"]);
  if (value["payloadType"] !== PAYLOAD_TYPE || rows.length < 1 || rows.length > MAX_SIGNATURES) {
    throw form.bad();
  }
  const signatures = rows.map((item) => {
    const row = form.object(item, ["keyid", "sig"]);
    return { keyid: form.text(row["keyid"]), signature: parseBase64(form.text(row["sig"]), CODE) };
  });
  return { payload: parseBase64(form.text(value["payload"]), CODE), signatures };
}

/** The payload that a signature over these files must have. */
export function statement(files: ReadonlyMap<string, Bytes>, predicate: Readonly<Record<string, string>>): Bytes {
  const names = [...files.keys()].sort();
  return encodeJson({
    _type: "https://in-toto.io/Statement/v1",
    subject: names.map((name) => ({ name, digest: { sha256: hex(files.get(name) as Bytes) } })),
    predicateType: "urn:custody:package:1",
    predicate: { ...predicate },
  });
}

/** Checks one signature, else `package-signature`. */
export function verifySignature(envelope: Envelope, keyid: string, signature: Uint8Array, key: ExporterKey): void {
  if (key.id !== keyid) {
    throw new Refused("package-signature", "the signature names another key");
  }
  const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${envelope.payload.length} `;
  if (!signatureIsOver(key.key, signature, concat(utf8(head), envelope.payload))) {
    throw new Refused("package-signature", `the signature of ${keyid.slice(0, 16)} is not over this package`);
  }
}
