import { fileURLToPath } from "node:url";

/** File and line from which `below` was called, as `path:line`; "" when the stack does not say. */
export function declaredAt(below: Function): string {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(holder, below);
  Error.stackTraceLimit = limit;
  const place = /\(?((?:file:\/\/)?\/?[^()\s][^()]*):(\d+):\d+\)?$/.exec(
    holder.stack?.split("\n")[1]?.replace(/^\s*at /, "") ?? "",
  );
  if (place === null) return "";
  const [, file = "", line = ""] = place;
  return `${file.startsWith("file://") ? fileURLToPath(file) : file.slice(file.lastIndexOf(" ") + 1)}:${line}`;
}
