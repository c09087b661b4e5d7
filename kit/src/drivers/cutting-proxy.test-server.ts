import { connect, createServer, type Socket } from "node:net";
import { systemClock } from "../clock/mod.ts";

/** What a proxy does with the next request that is as awaited: the server does not see it; or its answer is not passed on, and the connection is cut when
 *  it comes, or after 100 ms (where others come unasked), or never; or the request goes on only when it is `released`, its connection cut long since. */
export type Cut = "cut before the request" | "cut before the answer" | "cut behind the answers" | "swallow" | "hold";

/** A way to a server that can be cut at a chosen moment. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Pieces that came from clients: what one write of theirs sent, or, where the protocol tells, one request. */
  readonly requests: readonly string[];
  /** How many connections have come. */
  readonly connections: () => number;
  /** Once; `when` is a text that the request must hold, or tells by its bytes. */
  next(cut: Cut, when?: string | ((bytes: Buffer) => boolean)): void;
  /** Resolves when the request that `next` awaits has come. */
  came(): Promise<void>;
  /** The server gets what was held. */
  release(): Promise<void>;
  /** Ends all connections now. */
  cutAll(): void;
  /** From now on the server's answers are swallowed, on connections that are open and on new ones, until `heal`. */
  swallowAnswers(): void;
  heal(): void;
  /** No new connections, and none of those that are there, until `open`. */
  shut(): void;
  open(): void;
  /** Cuts who is connected; who connects from now on reaches the other server. */
  moveTo(url: string): void;
}

interface Plan {
  readonly cut: Cut;
  readonly isIt: (bytes: Buffer) => boolean;
  readonly come: PromiseWithResolvers<void>;
}

/** Starts a proxy before a server; `port` where its address names none. `requestEnd` ends each request, and nothing else: a slow proxy reads what several
 *  writes sent as one. */
export async function proxyBefore(target: string, port: number, requestEnd?: string): Promise<CuttingProxy> {
  const proxy = new Proxying(target, { port, requestEnd });
  await proxy.listen();
  return proxy;
}

class Proxying implements CuttingProxy {
  readonly requests: string[] = [];
  readonly #server = createServer((near) => this.#connect(near));
  readonly #sockets = new Set<Socket>();
  readonly #protocol: Protocol;
  #target: URL;
  #count = 0;
  #plan: Plan | undefined;
  #held: (() => Promise<void>) | undefined;
  #answers: "pass" | "swallow" = "pass";
  #isShut = false;

  constructor(target: string, protocol: Protocol) {
    this.#target = new URL(target);
    this.#protocol = protocol;
  }

  get url(): string {
    const address = this.#server.address();
    const url = new URL(this.#target.href);
    url.hostname = "127.0.0.1";
    url.port = String(typeof address === "object" ? address?.port : "");
    return url.href;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  readonly connections = (): number => this.#count;

  next(cut: Cut, when: string | ((bytes: Buffer) => boolean) = ""): void {
    const isIt = typeof when === "string" ? (bytes: Buffer) => bytes.includes(when) : when;
    this.#plan = { cut, isIt, come: Promise.withResolvers() };
  }

  async came(): Promise<void> {
    await this.#plan?.come.promise;
  }

  async release(): Promise<void> {
    await this.#held?.();
    this.#held = undefined;
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  swallowAnswers(): void {
    this.#answers = "swallow";
  }

  heal(): void {
    this.#answers = "pass";
  }

  shut(): void {
    this.#isShut = true;
    this.cutAll();
  }

  open(): void {
    this.#isShut = false;
  }

  moveTo(url: string): void {
    this.#target = new URL(url);
    this.cutAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(near: Socket): void {
    if (this.#isShut) return void near.destroy();
    this.#count += 1;
    const far = connect({ host: this.#target.hostname, port: Number(this.#target.port || this.#protocol.port) });
    const way: Way = { near, far, answers: "pass" };
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true);
      this.#sockets.add(one);
      const end = (): void => {
        this.#sockets.delete(one);
        if (way.answers !== "held") other.destroy();
      };
      one.on("close", end).on("error", end);
    }
    near.on("data", (bytes) => {
      for (const request of piecesOf(bytes, this.#protocol.requestEnd))
        if (!near.destroyed) this.#request(way, request);
    });
    far.on("data", (bytes) => void (way.answers === "pass" && this.#answers === "pass" && near.write(bytes)));
  }

  #request(way: Way, bytes: Buffer): void {
    this.requests.push(bytes.toString("latin1"));
    const plan = this.#plan;
    if (way.answers === "held" || plan?.isIt(bytes) !== true) return void way.far.write(bytes);
    this.#plan = undefined;
    this.#carryOut(plan.cut, way, bytes);
    plan.come.resolve();
  }

  #carryOut(cut: Cut, way: Way, bytes: Buffer): void {
    const { near, far } = way;
    if (cut === "cut before the request") return void near.destroy();
    if (cut === "hold") {
      way.answers = "held";
      this.#held = async () => {
        far.write(bytes);
        // It has been carried out when the server answers.
        await new Promise((resolve) => far.once("data", resolve).once("close", resolve));
        far.destroy();
      };
      return void near.destroy();
    }
    way.answers = "drop";
    far.write(bytes);
    if (cut === "cut before the answer") far.once("data", () => near.destroy());
    if (cut === "cut behind the answers") systemClock.setTimer(100, () => near.destroy());
  }
}

interface Protocol {
  readonly port: number;
  readonly requestEnd: string | undefined;
}

function* piecesOf(bytes: Buffer, end: string | undefined): Generator<Buffer> {
  let from = 0;
  if (end !== undefined)
    for (let at = bytes.indexOf(end); at !== -1; at = bytes.indexOf(end, from)) {
      const next = at + end.length;
      yield bytes.subarray(from, next);
      from = next;
    }
  if (from < bytes.length) yield bytes.subarray(from);
}

/** A connection and its other half. */
interface Way {
  readonly near: Socket;
  readonly far: Socket;
  answers: "pass" | "drop" | "held";
}
