import { createHash } from "node:crypto";

/** The same key gives the same id in any process, so that the stream of that id decides what is a repeat. */
export function idFromKey(kind: "order" | "return", key: string): string {
  return createHash("sha256").update(`${kind} ${key}`).digest("hex").slice(0, 24);
}
