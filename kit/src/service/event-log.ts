import { type AnyContract, contractId, type Event } from "../contract/mod.ts";
import type { Append } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { parseSync } from "../schema/mod.ts";

/** Stream of events that have no key. */
const unkeyed = "-";

/** The log of a contract's events on the engine of its service. */
export function eventLogName(contract: Pick<AnyContract, "name" | "version">): string {
  return `events:${contractId(contract)}`;
}

/** For each event of a contract, what makes the change that appends it. */
export function eventLog(contract: AnyContract): object {
  const log = eventLogName(contract);
  const emitters = Object.entries(contract.events).map(([name, event]) => {
    const emit = (data: unknown): Append => {
      const parsed = parseSync(event.data, data, `the data of ${contractId(contract)} ${name}`);
      const stream = keyOf(`${contractId(contract)}.${name}`, event, parsed);
      return { op: "append", log, stream, expected: "any", events: [{ type: name, data: JSON.stringify(parsed) }] };
    };
    return [name, emit];
  });
  return Object.freeze(Object.fromEntries(emitters));
}

function keyOf(id: string, { key }: Event, data: unknown): string {
  if (key === undefined) return unkeyed;
  const value = typeof data === "object" && data !== null ? Reflect.get(data, key) : undefined;
  if ((typeof value === "string" && value !== "") || typeof value === "number") return String(value);
  throw new ConfigError(`${id}: key`, key, "a field of the data that holds a text or a number");
}
