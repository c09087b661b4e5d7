import { RefusedError, type Cell, type Engine } from "ashlar/engine";
import { CallRefusedError } from "ashlar/resilience";
import { OutageError, type OutsideReply, type OutsideRequest, type WayOut } from "../outside/mod.ts";

/** Who takes the money of an order. */
export type ProviderName = "first" | "second";

/** The first provider is to be asked, and since when that is written down. */
interface FirstRoute {
  readonly name: "first";
  readonly order: string;
  readonly version: number;
  /** Whether it may have been asked for this order. */
  readonly asked: "never" | "before";
}

type Route = FirstRoute | { readonly name: "second" };

const space = "route";
const roundsMax = 20;

/**
 * Two payment providers, of which one takes the money of an order. Which one is written down before it is asked, so that whoever repeats a charge
 * after a crash asks the same one. The second gets an order only while the first has certainly done nothing for it: every attempt was refused
 * before it was sent, or answered by an outage. An attempt whose answer was lost stays with the first until it answers.
 */
export class Providers {
  readonly #engine: Pick<Engine, "commit" | "get">;
  readonly #ways: Readonly<Record<ProviderName, WayOut>>;

  constructor(engine: Pick<Engine, "commit" | "get">, ways: Readonly<Record<ProviderName, WayOut>>) {
    this.#engine = engine;
    this.#ways = ways;
  }

  /** Asks for the money of an order. Rejects with a retryable error when no answer came. */
  async charge(order: string, request: OutsideRequest, signal: AbortSignal): Promise<OutsideReply> {
    const route = await this.#route(order);
    if (route.name === "second") return await this.#ways.second.ask(request, signal);
    if (route.asked === "before") return await this.#ways.first.ask(request, signal);
    const { policies } = this.#ways.first;
    // An attempt that is given up at its time limit may still be on its way: only its own answer makes it harmless.
    let attemptsInDoubt = 0;
    const { service } = this.#ways.first;
    const outcome = await policies.outcome(
      async (attempt) => {
        attemptsInDoubt += 1;
        try {
          return await service.request({ ...request, signal: attempt.signal });
        } catch (error) {
          if (error instanceof OutageError) attemptsInDoubt -= 1;
          throw error;
        }
      },
      { signal },
    );
    if (outcome.ok) return outcome.value;
    const isDown = outcome.error instanceof OutageError || outcome.error instanceof CallRefusedError;
    if (!isDown || attemptsInDoubt > 0 || !(await this.#reroute(route))) throw outcome.error;
    return await this.#ways.second.ask(request, signal);
  }

  /** Money goes back through whoever took it. */
  async refund(order: string, request: OutsideRequest, signal: AbortSignal): Promise<OutsideReply> {
    const [cell] = await this.#engine.get([{ space, key: order }]);
    return await this.#ways[cell === undefined ? "first" : nameIn(cell)].ask(request, signal);
  }

  /** Writes down that the first provider is asked, unless the second is; also when it was written before, so that whoever wrote it
   *  then, and was held up, cannot turn to the second any more. */
  async #route(order: string): Promise<Route> {
    const place = { space, key: order };
    for (let round = 1; ; round++) {
      const [known] = await this.#engine.get([place]);
      if (known !== undefined && nameIn(known) === "second") return { name: "second" };
      const expect = known?.version ?? "absent";
      const result = await this.#engine.commit([{ op: "put", cell: place, expect, value: "first" }]);
      const [written] = result.committed ? result.outcomes : [];
      if (written?.op === "put")
        return { name: "first", order, version: written.version, asked: known === undefined ? "never" : "before" };
      if (!result.committed && (result.refusal.kind !== "cell-conflict" || round === roundsMax))
        throw new RefusedError(result.refusal);
    }
  }

  /** False when somebody else has asked for the same order meanwhile. */
  async #reroute({ order, version }: FirstRoute): Promise<boolean> {
    const put = { op: "put", cell: { space, key: order }, expect: version, value: "second" } as const;
    return (await this.#engine.commit([put])).committed;
  }
}

function nameIn({ value }: Cell): ProviderName {
  return value === "second" ? "second" : "first";
}
