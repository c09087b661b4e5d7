import { createHash } from "node:crypto";

/** SHA-1 of a text, in hexadecimal digits: the name by which Redis knows a script. */
export function scriptName(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
