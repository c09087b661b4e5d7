import { type AnyContract, contractId, type Event } from "../contract/mod.ts";
import type { Append } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { parseSync, validateSync } from "../schema/mod.ts";

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
    const id = `${contractId(contract)}.${name}`;
    let isKnownToKeep = false;
    const emit = (data: unknown): Append => {
      const parsed = parseSync(event.data, data, `the data of ${contractId(contract)} ${name}`);
      const text = JSON.stringify(parsed);
      if (!isKnownToKeep) mustKeep(id, event, text);
      isKnownToKeep = true;
      return {
        op: "append",
        log,
        stream: keyOf(id, event, parsed),
        expected: "any",
        events: [{ type: name, data: text }],
      };
    };
    return [name, emit];
  });
  return Object.freeze(Object.fromEntries(emitters));
}

/** What is stored is read through the same schema again: a schema that changes it each time would fail, or lie, at every subscriber. */
function mustKeep(id: string, { data }: Event, text: string): void {
  const again = validateSync(data, JSON.parse(text));
  if (again.ok && JSON.stringify(again.value) === text) return;
  throw new ConfigError(`${id}: data`, text, "a schema that keeps what it gave: do what transforms before emitting");
}

function keyOf(id: string, { key }: Event, data: unknown): string {
  if (key === undefined) return unkeyed;
  const value = typeof data === "object" && data !== null ? Reflect.get(data, key) : undefined;
  if ((typeof value === "string" && value !== "") || typeof value === "number") return String(value);
  throw new ConfigError(`${id}: key`, key, "a field of the data that holds a text or a number");
}
