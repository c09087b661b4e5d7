import type { Clock } from "../../clock/mod.ts";
import type { Carrier, Parcel, Taker } from "../carrier.ts";
import { fits } from "../subjects.ts";

/** Where the buses of one process meet. */
export class MemoryHub {
  readonly #takers = new Set<Taker>();
  #turns = 0;

  add(taker: Taker): AsyncDisposable {
    const own = { ...taker };
    this.#takers.add(own);
    return { [Symbol.asyncDispose]: async () => void this.#takers.delete(own) };
  }

  /** To everybody who listens now; of a group to the next in turn. */
  deliver(parcel: Parcel): void {
    const groups = new Map<string, Taker[]>();
    for (const taker of this.#takers) {
      if (!fits(taker.pattern, parcel.address)) continue;
      if (taker.group === undefined) taker.take(parcel);
      else memberOf(groups, `${taker.group} ${taker.pattern}`).push(taker);
    }
    const turn = this.#turns++;
    for (const members of groups.values()) members[turn % members.length]?.take(parcel);
  }
}

function memberOf(groups: Map<string, Taker[]>, name: string): Taker[] {
  let members = groups.get(name);
  if (members === undefined) groups.set(name, (members = []));
  return members;
}

/** A bus's way to the hub: a turn later, as a network would be. */
export function memoryCarrier(hub: MemoryHub, clock: Clock, bodyBytesMax: number): Carrier {
  return {
    name: "memory",
    bodyBytesMax,
    groups: "kept",
    send: (parcel) =>
      new Promise((resolve) => {
        clock.nextTurn(() => {
          hub.deliver(parcel);
          resolve();
        });
      }),
    listen: async (taker) => hub.add(taker),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
