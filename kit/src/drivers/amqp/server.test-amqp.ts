import { connect, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import type { TestContext } from "vitest";
import { systemRandom } from "../../random/mod.ts";
import { type AmqpBroker, type AmqpOptions, openAmqp } from "./mod.ts";

/** The broker that the real tests use. */
export const brokerUrl: string = process.env["ASHLAR_AMQP"] ?? "amqp://guest:guest@127.0.0.1:5672";

const isReachable: Promise<boolean> = new Promise((resolve) => {
  const { hostname, port } = new URL(brokerUrl);
  const socket = connect({ host: hostname, port: Number(port || 5672) });
  socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
});

/** Why tests that need a broker are skipped, or undefined. In continuous integration they are never skipped: they fail. */
export async function absent(): Promise<string | undefined> {
  if ((await isReachable) || process.env["CI"] !== undefined) return undefined;
  return `no RabbitMQ at ${new URL(brokerUrl).host}; set ASHLAR_AMQP to the address of one`;
}

/** Skips the test, with the reason, where there is no broker. */
export async function needsBroker(context: TestContext): Promise<void> {
  const reason = await absent();
  if (reason !== undefined) context.skip(reason);
}

/** A name that no other test, and no other process of tests, has. */
export function freshName(): string {
  return `test-${process.pid}-${systemRandom.integer(0, 2 ** 48)}`;
}

export async function openBroker(options: Partial<AmqpOptions> = {}): Promise<AmqpBroker> {
  return openAmqp({ url: brokerUrl, ...options });
}

/** A way to the broker that can be cut, stalled and counted. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** How many connections have come. */
  readonly connections: () => number;
  /** Ends all connections now. */
  cutAll(): void;
  /** From now on the broker's answers are swallowed, on connections that are open and on new ones, until `heal`. */
  swallowAnswers(): void;
  /** Cuts every connection as soon as the next bytes of the broker arrive that hold `text`; the client does not see them. */
  cutBeforeAnswer(isIt: (bytes: Buffer) => boolean): void;
  heal(): void;
}

/** Starts a proxy before a broker. */
export async function cuttingProxy(target: string = brokerUrl): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let count = 0;
  let swallows = false;
  let isCut: ((bytes: Buffer) => boolean) | undefined;
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const server: Server = createServer((near) => {
    count++;
    const far = connect({ host: hostname, port: Number(port || 5672), noDelay: true });
    near.setNoDelay(true);
    sockets.add(near).add(far);
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      if (swallows) return;
      if (isCut?.(bytes) !== true) return void near.write(bytes);
      isCut = undefined;
      cutAll();
    });
    for (const socket of [near, far]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? (address?.port ?? 0) : 0);
  return {
    url: url.href,
    connections: () => count,
    cutAll,
    swallowAnswers: () => void (swallows = true),
    cutBeforeAnswer: (isIt) => void (isCut = isIt),
    heal: () => void (swallows = false),
    [Symbol.asyncDispose]: async () => {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
