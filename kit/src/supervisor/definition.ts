import { ConfigError, integerIn, textOf } from "../errors/mod.ts";

/** A program that the supervisor keeps running. It calls `supervisedChild`, which speaks for it. */
export interface ChildDefinition {
  /** Unique; lower-case words joined by dashes, at most 64 characters. */
  readonly name: string;
  /** Path of a module that this Node runs. Either this or `command`. */
  readonly module?: string | undefined;
  /** A program that speaks the protocol over Node's IPC channel. */
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  /** Options for Node itself, before the module. */
  readonly nodeArgs?: readonly string[] | undefined;
  /** Added to the environment of the supervisor. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Processes of it, 1 to 64. Default 1. */
  readonly instances?: number | undefined;
  /** Names of children all of whose instances are ready before this one is started; it is stopped before them. */
  readonly after?: readonly string[] | undefined;
}

/** A definition with everything said. */
export interface Child {
  readonly name: string;
  readonly program: { readonly kind: "module" | "command"; readonly path: string };
  readonly args: readonly string[];
  readonly nodeArgs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly instances: number;
  readonly after: readonly string[];
}

const childrenMax = 256;
const namePattern = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** All definitions, checked, each after those it waits for. Throws {@link ConfigError}. */
export function childrenOf(definitions: readonly ChildDefinition[]): Child[] {
  integerIn("children", definitions.length, { min: 1, max: childrenMax });
  const children = new Map<string, Child>();
  for (const definition of definitions) {
    const child = childOf(definition);
    if (children.has(child.name)) throw new ConfigError("name", child.name, "a name that no other child has");
    children.set(child.name, child);
  }
  return inOrder(children);
}

function childOf(definition: ChildDefinition): Child {
  const { module, command, args = [], nodeArgs = [], env = {}, after = [] } = definition;
  const name = textOf("name", definition.name, { lengthMax: 64 });
  if (!namePattern.test(name)) throw new ConfigError("name", name, "lower-case words joined by dashes");
  if ((module === undefined) === (command === undefined))
    throw new ConfigError("module", module, `either a module or a command, for ${name}`);
  const path = textOf(module === undefined ? "command" : "module", module ?? command, { lengthMax: 4_096 });
  const instances = integerIn("instances", definition.instances ?? 1, { min: 1, max: 64 });
  const kind = module === undefined ? "command" : "module";
  return { name, program: { kind, path }, args, nodeArgs, env, instances, after };
}

function inOrder(children: ReadonlyMap<string, Child>): Child[] {
  const ordered: Child[] = [];
  const states = new Map<string, "open" | "done">();
  const visit = (child: Child, path: readonly string[]): void => {
    if (states.get(child.name) === "done") return;
    if (states.get(child.name) === "open")
      throw new ConfigError("after", [...path, child.name].join(" > "), "an order without a circle");
    states.set(child.name, "open");
    for (const name of child.after) {
      const before = children.get(name);
      if (before === undefined) throw new ConfigError("after", name, `a child, where ${child.name} waits for it`);
      visit(before, [...path, child.name]);
    }
    states.set(child.name, "done");
    ordered.push(child);
  };
  for (const child of children.values()) visit(child, []);
  return ordered;
}
