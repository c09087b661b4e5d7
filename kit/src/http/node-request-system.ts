import type { IncomingMessage } from "node:http";
import { TextDecoder } from "node:util";
import type { HttpRequest } from "./exchange.ts";
import { ProblemError } from "./problem.ts";

/** A request of Node's server as an exchange. Nothing is read or made before somebody asks. */
export function nodeRequest(message: IncomingMessage, bodyBytesMax: number): HttpRequest {
  let controller: AbortController | undefined;
  return {
    method: message.method ?? "GET",
    url: message.url ?? "/",
    headers: message.headers,
    body: () => bodyText(message, bodyBytesMax),
    get signal() {
      if (controller !== undefined) return controller.signal;
      const made = (controller = new AbortController());
      const gone = (): void =>
        made.abort(new ProblemError({ kind: "gone", title: "The client has gone", status: 499 }));
      if (message.socket.destroyed) gone();
      else message.socket.once("close", gone);
      return made.signal;
    },
  };
}

/** Counts while it reads, whatever length was announced. */
async function bodyText(message: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax)
      throw new ProblemError(
        { kind: "too-large", title: `The body is longer than ${bytesMax} bytes`, status: 413 },
        { connection: "close" },
      );
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  } catch {
    throw new ProblemError({ kind: "media-type", title: "The body is not UTF-8", status: 415 });
  }
}
