/** What acknowledged work survives, weakest first.
 *  `memory`: nothing. `process`: `kill -9` of the process. `disk`: power loss of the machine. `replicated`: loss of a machine. */
export type Durability = "memory" | "process" | "disk" | "replicated";

const ranks: Readonly<Record<Durability, number>> = { memory: 0, process: 1, disk: 2, replicated: 3 };

/** Whether a store of class `offered` keeps what `required` asks for. */
export function survives(offered: Durability, required: Durability): boolean {
  return ranks[offered] >= ranks[required];
}
