import { textOf } from "../errors/mod.ts";
import { openSupervisor, type OpenSupervisorOptions, type Supervisor } from "../supervisor/mod.ts";
import { openNode, type OpenNodeOptions, type ServiceNode } from "./open-node.ts";
import { fillDirectory, processesOf } from "./placement.ts";
import type { System } from "./system-value.ts";

/** How a system is spread over processes of this machine. */
export interface OpenSpreadOptions
  extends
    Omit<OpenNodeOptions, "directory" | "identity" | "only" | "asIfRemote">,
    Omit<OpenSupervisorOptions, "children" | "onTable" | "clock" | "random"> {
  /** The program that each process runs: a module that calls `run(system, …)`, which finds out what it is there for. */
  readonly module: string;
  /** Options for that program, the same for all. */
  readonly args?: readonly string[] | undefined;
  readonly nodeArgs?: readonly string[] | undefined;
  /** Variables for that program besides those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Processes of a service or group, where more than one. */
  readonly instances?: Readonly<Record<string, number>> | undefined;
}

/** A system in several processes. Closing it drains them, the last started first. */
export interface Spread extends AsyncDisposable {
  readonly supervisor: Supervisor;
  /** This process: it runs no service and can call all. */
  readonly node: ServiceNode;
}

/** Starts one process for each service or group. Resolves when every one is ready; rejects when one cannot be, and then none is left. */
export async function openSpread(system: System, options: OpenSpreadOptions): Promise<Spread> {
  const { module, args = [], env, nodeArgs, instances = {}, clock, random } = options;
  const { fixedDirectory } = await import("../registry/mod.ts");
  const directory = fixedDirectory();
  await using opened = new AsyncDisposableStack();
  const children = Array.from(processesOf(system), ([name, services]) => ({
    name,
    module: textOf("module", module, { lengthMax: 4_096 }),
    nodeArgs,
    env,
    args: [...args, "--only", services.join(",")],
    instances: instances[name],
  }));
  const supervisor = opened.use(
    await openSupervisor({ ...options, children, onTable: (table) => fillDirectory(system, directory, table) }),
  );
  const node = opened.use(
    await openNode(system, { ...options, directory, identity: system.name, only: [], clock, random }),
  );
  await supervisor.whenReady();
  const held = opened.move();
  return { supervisor, node, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
