/* Commitments to personal data in a record, and withheld.json: docs/spec/package.md, "Withheld and given disclosures". */

import { type Bytes, hex } from "./codec";
import { Form, decodeJson } from "./json";
import type { ReadRecord } from "./record";
import { MESSAGES } from "./schema";
import type { Message } from "./wire";

const CODE = "package-withheld";

/** Every commitment of a record, hex. Those that a `disclosure_access` names as opened are mentions only. */
export function* commitmentsOf(record: ReadRecord): Generator<string> {
  if (record.kind.name === "disclosure_access") {
    const by = record.body["by"] as Message | undefined;
    if (by !== undefined) {
      yield* walk(by, "Person");
    }
    return;
  }
  const type = (MESSAGES["Record"] ?? []).find(([, name]) => name === record.kind.name)?.[3];
  yield* walk(record.body, type as string);
}

function* walk(message: Message, type: string): Generator<string> {
  for (const [, name, kind, other] of MESSAGES[type] ?? []) {
    const value = message[name];
    const many = Array.isArray(value) ? value : [value];
    if (name.endsWith("_commitment")) {
      yield* many.filter((one) => (one as Bytes).length).map((one) => hex(one as Bytes));
    } else if (kind.startsWith("message")) {
      for (const one of many) {
        if (one !== undefined) {
          yield* walk(one as Message, other as string);
        }
      }
    }
  }
}

/** The commitments that withheld.json lists, hex. */
export function parseWithheld(data: Uint8Array): Set<string> {
  const form = new Form(CODE, "withheld.json");
  const value = form.object(decodeJson(data, CODE), ["schema", "withheld"]);
  if (value["schema"] !== "custody.package-withheld/1") {
    throw form.bad();
  }
  const found = new Set<string>();
  for (const item of form.list(value["withheld"])) {
    const row = form.object(item, ["commitment", "field", "index", "reason"]);
    if (typeof row["index"] !== "bigint" || !row["reason"]) {
      throw form.bad();
    }
    found.add(form.text(row["commitment"]));
  }
  return found;
}
