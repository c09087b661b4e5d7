import { ProblemError } from "./problem.ts";

/** Largest body in bytes. A hundred lines of an order take a tenth of it. */
const bodyBytesMax = 65_536;

/** The JSON value in a request's body. Never holds more than {@link bodyBytesMax} of it, whatever length was announced or not.
 *  Throws {@link ProblemError}: wrong media type, too large, not UTF-8, not JSON. */
export async function readJson(request: Request): Promise<unknown> {
  refuseMediaType(request.headers);
  const bytes = await readBytes(request);
  return parse(decode(bytes));
}

/** Lets a request pass that has no body. */
export async function refuseBody(request: Request): Promise<void> {
  const bytes = await readBytes(request);
  if (bytes.length > 0) throw new ProblemError("unexpected-body", "This request takes no body.");
}

const jsonType = /^application\/json\s*(?:;\s*charset="?utf-?8"?\s*)?;?$/i;

function refuseMediaType(headers: Headers): void {
  const type = headers.get("content-type")?.trim() ?? "";
  const coding = headers.get("content-encoding")?.trim() ?? "identity";
  if (jsonType.test(type) && coding.toLowerCase() === "identity") return;
  const found = type === "" ? "no content type" : "another content type";
  const detail = jsonType.test(type)
    ? "The body is compressed."
    : `The body has ${found}; application/json is expected.`;
  throw new ProblemError("unsupported-media-type", detail, { headers: { accept: "application/json" } });
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > bodyBytesMax) throw tooLarge();
  if (request.body === null) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body) {
    size += part.length;
    // Leaving the loop cancels the stream: the rest is not read.
    if (size > bodyBytesMax) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooLarge(): ProblemError {
  // The rest of the body is not worth reading, so the connection cannot be used again.
  return new ProblemError("body-too-large", `At most ${bodyBytesMax} bytes are read.`, {
    headers: { connection: "close" },
  });
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ProblemError("invalid-json", "The body is not UTF-8.", { cause });
  }
}

function parse(text: string): unknown {
  if (text.trim() === "") throw new ProblemError("invalid-json", "The body is empty.");
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The parser's message quotes the body, which may be personal.
    throw new ProblemError("invalid-json", "The body cannot be parsed as JSON.", { cause });
  }
}
