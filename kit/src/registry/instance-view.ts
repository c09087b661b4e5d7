import { ConfigError } from "../errors/mod.ts";
import type { Clock, Timer } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Directory, ServiceEndpoint } from "./directory.ts";
import type { Instance, InstanceFacts } from "./instance.ts";
import { instanceSpace } from "./space.ts";

const followersMax = 1_000;
const instancesMax = 10_000;

interface Follower {
  readonly service: string;
  readonly told: (endpoints: readonly ServiceEndpoint[]) => void;
  /** What was told last, as text, so that a heartbeat that changes nothing tells nobody. */
  last: string;
}

/** A record, and until when this process believes it, on its own monotonic clock. */
interface Believed {
  readonly instance: Instance;
  readonly untilMs: number;
}

/**
 * The living instances as one process knows them. Read as a whole when the bell rings and every `pollMs`; between reads a record is dropped when
 * its lease ends, so that a view which is cut off from the store shows nothing stale.
 */
export class InstanceView implements Directory, Disposable {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #pollMs: number;
  readonly #followers = new Set<Follower>();
  #believed = new Map<string, Believed>();
  #bell: Disposable | undefined;
  #timer: Timer | undefined;
  #reading: "no" | "yes" | "again" = "no";
  #state: "idle" | "following" | "closed" = "idle";

  constructor(engine: Engine, times: { readonly leaseMs: number; readonly pollMs: number }) {
    this.#engine = engine;
    this.#clock = engine.clock;
    this.#leaseMs = times.leaseMs;
    this.#pollMs = times.pollMs;
  }

  follow(service: string, told: Follower["told"]): Disposable {
    if (this.#followers.size >= followersMax)
      throw new ConfigError("followers", this.#followers.size, `${followersMax} at most`);
    const follower: Follower = { service, told, last: "" };
    this.#followers.add(follower);
    this.#begin();
    this.#tell(follower);
    return { [Symbol.dispose]: () => void this.#followers.delete(follower) };
  }

  [Symbol.dispose](): void {
    this.#state = "closed";
    this.#bell?.[Symbol.dispose]();
    this.#timer?.cancel();
    this.#followers.clear();
  }

  #begin(): void {
    if (this.#state !== "idle") return;
    this.#state = "following";
    this.#bell = this.#engine.bell([`cells:${instanceSpace}`], () => this.#look());
    this.#look();
  }

  /** Reads, once at a time; a ring during a read makes one more. */
  #look(): void {
    if (this.#state !== "following") return;
    if (this.#reading !== "no") {
      this.#reading = "again";
      return;
    }
    this.#reading = "yes";
    void this.#read().then(() => {
      const again = this.#reading === "again";
      this.#reading = "no";
      if (again) this.#look();
      else this.#sleep();
    });
  }

  async #read(): Promise<void> {
    try {
      const believed = new Map<string, Believed>();
      const readAtMs = this.#clock.monotonic();
      for await (const instance of instancesOf(this.#engine)) {
        // The other clock may be wrong by any amount, a lease is never longer than a lease.
        const restMs = Math.min(this.#leaseMs, instance.leaseUntilMs - this.#clock.now());
        if (restMs > 0 && believed.size < instancesMax)
          believed.set(instance.id, { instance, untilMs: readAtMs + restMs });
      }
      this.#believed = believed;
    } catch {
      // The store cannot be reached: what is believed ends by itself.
    }
    this.#tellAll();
  }

  #sleep(): void {
    if (this.#state !== "following") return;
    const nowMs = this.#clock.monotonic();
    let nextMs = nowMs + this.#pollMs;
    for (const { untilMs } of this.#believed.values()) nextMs = Math.min(nextMs, untilMs);
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(Math.max(1, nextMs - nowMs), () => this.#rang(), { holdsProcess: "no" });
  }

  #rang(): void {
    this.#tellAll();
    this.#look();
  }

  #tellAll(): void {
    const nowMs = this.#clock.monotonic();
    for (const [id, { untilMs }] of this.#believed) if (untilMs <= nowMs) this.#believed.delete(id);
    for (const follower of this.#followers) this.#tell(follower);
  }

  #tell(follower: Follower): void {
    const endpoints = Array.from(this.#believed.values(), ({ instance }) =>
      endpointOf(instance, follower.service),
    ).filter((endpoint) => endpoint !== undefined);
    const text = JSON.stringify(endpoints);
    if (text === follower.last) return;
    follower.last = text;
    follower.told(endpoints);
  }
}

/** All living instances, read from the store. */
export async function* instancesOf(engine: Engine): AsyncGenerator<Instance> {
  for await (const cell of engine.scan({ kind: "cells", space: instanceSpace })) {
    const record = JSON.parse(cell.value) as InstanceFacts & { readonly announcedAtMs: number };
    yield { ...record, id: cell.key, leaseUntilMs: cell.expiresAtMs ?? 0 };
  }
}

function endpointOf(instance: Instance, service: string): ServiceEndpoint | undefined {
  const offered = instance.services.find(({ name }) => name === service);
  if (offered === undefined) return undefined;
  const { id, address, weight, zone, labels, state, load } = instance;
  return { id, address, hash: offered.hash, weight, zone, labels, state, load };
}
