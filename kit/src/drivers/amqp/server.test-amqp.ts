import process from "node:process";
import { systemRandom } from "../../random/mod.ts";
import { type CuttingProxy, proxyBefore } from "../cutting-proxy.test-server.ts";
import { type Presence, presenceOf } from "../network.test-server.ts";
import { type AmqpBroker, type AmqpOptions, openAmqp } from "./mod.ts";

const port = 5672;

/** The broker that the real tests use. */
export const brokerUrl: string = process.env["ASHLAR_AMQP"] ?? `amqp://guest:guest@127.0.0.1:${port}`;

export const { absent, needsServer: needsBroker }: Presence = presenceOf({
  url: brokerUrl,
  port,
  name: "RabbitMQ",
  variable: "ASHLAR_AMQP",
});

/** A name that no other test, and no other process of tests, has. */
export function freshName(): string {
  return `test-${process.pid}-${systemRandom.integer(0, 2 ** 48)}`;
}

export async function openBroker(options: Partial<AmqpOptions> = {}): Promise<AmqpBroker> {
  return openAmqp({ url: brokerUrl, ...options });
}

/** Starts a proxy before a broker. */
export function cuttingProxy(target: string = brokerUrl): Promise<CuttingProxy> {
  return proxyBefore(target, port);
}
