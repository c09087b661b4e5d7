import type { IncomingMessage } from "node:http";
import { TextDecoder } from "node:util";
import type { HttpRequest } from "./exchange.ts";
import { ProblemError } from "./problem.ts";

/** A request of Node's server as an exchange. Nothing is read or made before somebody asks. */
export class NodeRequest implements HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: HttpRequest["headers"];
  readonly #message: IncomingMessage;
  readonly #bodyBytesMax: number;
  #controller: AbortController | undefined;
  #unheard: (() => void) | undefined;

  constructor(message: IncomingMessage, bodyBytesMax: number) {
    this.method = message.method ?? "GET";
    this.url = message.url ?? "/";
    this.headers = message.headers;
    this.#message = message;
    this.#bodyBytesMax = bodyBytesMax;
  }

  body(): Promise<string> {
    return bodyText(this.#message, this.#bodyBytesMax);
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const made = (this.#controller = new AbortController());
    const gone = (): void => made.abort(new ProblemError("gone"));
    const { socket } = this.#message;
    if (socket.destroyed) gone();
    else {
      socket.once("close", gone);
      // Kept, because a message that was cut off has no socket any more.
      this.#unheard = () => void socket.off("close", gone);
    }
    return made.signal;
  }

  /** The answer is given: the connection may carry a thousand more, and none of them should hold on to this one. */
  answered(): void {
    this.#unheard?.();
  }
}

/** Counts while it reads, whatever length was announced. */
async function bodyText(message: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  } catch {
    throw new ProblemError("media-type", "the body is not UTF-8");
  }
}

function tooLarge(bytesMax: number): ProblemError {
  return new ProblemError("too-large", `at most ${bytesMax} bytes are read`, { connection: "close" });
}
