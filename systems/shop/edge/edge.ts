import type { Clock } from "ashlar/clock";
import { KitError } from "ashlar/errors";
import {
  documentPages,
  healthPages,
  openHttpServer,
  type Api,
  type HealthSource,
  type HttpRequest,
  type HttpServer,
} from "ashlar/http";
import { guardApi } from "ashlar/limiter";
import { clientOf, type Dispatcher } from "ashlar/contract";
import type { LogFields, System } from "ashlar/service";
import { subscribe } from "ashlar/telemetry";
import { accounts } from "../contracts/mod.ts";
import { customerLimits } from "./customer-limits.ts";

/** The port cannot be listened on. */
class PortError extends KitError {
  readonly code = "PORT";
  readonly retryable = false;
  readonly port: number;

  constructor({ host, port }: Pick<EdgeOptions, "host" | "port">, cause: unknown) {
    super(`port ${port} ${portFault(cause, host)}`, { cause });
    this.port = port;
  }
}

export interface EdgeOptions {
  readonly system: System;
  readonly dispatcher: Dispatcher;
  readonly health: HealthSource;
  /** Where it listens. Default 127.0.0.1: this machine only. */
  readonly host?: string | undefined;
  /** 0 takes any free one. */
  readonly port: number;
  readonly clock: Clock;
  /** Takes a line for each answer of 400 and above. */
  readonly log: (line: LogFields) => void;
}

/** A hundred lines of an order take a tenth of it. */
const bodyBytesMax = 65_536;
const info = {
  title: "Shop",
  version: "1",
  description: "Orders, returns, products and sales. Amounts are whole pence.",
};

/** Opens the shop to the outside: every route of its contracts, health, and the documents made of them. Rejects with
 *  `PortError` (code `PORT`), which names the port. */
export async function openEdge(options: EdgeOptions): Promise<HttpServer> {
  const { system, dispatcher, health, host, port, clock, log } = options;
  const contracts = system.services.map(({ contract }) => contract);
  const pages = { ...documentPages(contracts, info), ...healthPages(health) };
  const limits = { bodyBytesMax, connectionsMax: 1_000 };
  const listening = subscribe("ashlar.http.request", ({ method, route, status, requestId, durationMs }) => {
    if (status < 400) return;
    const level = status >= 500 ? "error" : "warn";
    const time = new Date(clock.now()).toISOString();
    log({ time, level, requestId, method, route, status, durationMs: Math.round(durationMs * 10) / 10 });
  });
  try {
    const guard = customerLimits(clientOf(accounts, dispatcher), clock);
    const around = (api: Api): Api => guardApi<HttpRequest>(api, guard);
    const server = await openHttpServer({ contracts, dispatcher, pages, host, port, limits, around, clock });
    return {
      ...server,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        listening[Symbol.dispose]();
      },
    };
  } catch (error) {
    listening[Symbol.dispose]();
    if (error instanceof Error && "syscall" in error) throw new PortError(options, error);
    throw error;
  }
}

function portFault(cause: unknown, host = "127.0.0.1"): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") return "is in use by another process";
  if (code === "EACCES") return "may not be used by this user";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `cannot be listened on at ${host}, which is no address of this machine`;
  return "cannot be listened on";
}
