import type { AnyContract, Dispatcher } from "../mod.ts";
import { contractId } from "../mod.ts";
import { callRules } from "./call-rules.ts";
import type { AnyCallExample, Examples } from "./examples.ts";

/** The test function of a runner, for example that of vitest or `node:test`. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

/** Whatever answers the contract: an implementation in this process, or a way to one elsewhere. */
export interface OpenedContract {
  readonly dispatcher: Dispatcher;
  readonly dispose: () => PromiseLike<void>;
}

/** How a contract is exercised. */
export interface ExerciseContractOptions<C extends AnyContract> {
  readonly test: TestFunction;
  /** Called for each rule; may give the same each time. */
  readonly open: () => Promise<OpenedContract>;
  readonly examples: Examples<C>;
}

/**
 * Registers one test for each promise that the contract makes about each of its calls: outputs fit, broken inputs are refused with their place,
 * declared errors come as declared, keys answer once, access is held, deadlines and cancellation release the caller.
 * The same suite runs against every implementation and over every wire. Returns how many tests it registered.
 */
export function exerciseContract<C extends AnyContract>(contract: C, options: ExerciseContractOptions<C>): number {
  const { test, open } = options;
  const examples = options.examples as Readonly<Record<string, AnyCallExample | undefined>>;
  let registered = 0;
  for (const [name, call] of Object.entries(contract.calls)) {
    const example = examples[name] ?? {};
    for (const rule of callRules.filter(({ needs }) => needs({ call, example }))) {
      const place = ++registered;
      test(`${contractId(contract)}.${name} ${rule.name}`, async () => {
        const { dispatcher, dispose } = await open();
        try {
          let keys = 0;
          // Of this rule only: what is opened may be shared by all of them.
          const nextKey = (): string => `conformance-${place}-${++keys}`;
          await rule.prove({ name, call, example, nextKey, port: dispatcher.call(contract, name) });
        } finally {
          await dispose();
        }
      });
    }
  }
  return registered;
}
