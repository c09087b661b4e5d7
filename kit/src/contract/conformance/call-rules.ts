import assert from "node:assert/strict";
import { validateSync } from "../../schema/mod.ts";
import {
  AccessError,
  type AnyCall,
  type Caller,
  type CallPort,
  DeclaredError,
  isCallError,
  KeyReusedError,
  type Request,
} from "../mod.ts";
import { ValidationError } from "../../schema/mod.ts";
import { brokenInputs } from "./broken-inputs.ts";
import { type AnyCallExample, nobodyInParticular } from "./examples.ts";

/** One call of the implementation under test. */
export interface Subject {
  readonly name: string;
  readonly call: AnyCall;
  readonly example: AnyCallExample;
  readonly port: CallPort;
  /** Makes idempotency keys that were never used. */
  readonly nextKey: () => string;
}

/** One promise, proven of one call; where `needs` answers no the promise says nothing about it. */
export interface CallRule {
  readonly name: string;
  readonly needs: (subject: Pick<Subject, "call" | "example">) => boolean;
  readonly prove: (subject: Subject) => Promise<void>;
}

/** Every promise of a contract about its calls. */
export const callRules: readonly CallRule[] = [
  {
    name: "answers what its schema promises",
    needs: hasGood,
    async prove(subject) {
      const output = await subject.port(good(subject));
      const validation = validateSync(subject.call.output, output);
      assert.ok(validation.ok, `the output does not fit: ${JSON.stringify(validation)}`);
    },
  },
  {
    name: "refuses an input that does not fit, and says where",
    needs: hasGood,
    async prove(subject) {
      for (const { name, input } of brokenInputs(subject.call.input, subject.example.good?.())) {
        const error = await refusal(subject, { ...good(subject), input });
        assert.ok(error instanceof ValidationError, `${name}: ${String(error)}`);
        assert.ok(error.issues.length > 0, name);
      }
    },
  },
  {
    name: "refuses as it declares, with data that fit",
    needs: ({ example }) => Object.keys(example.refused ?? {}).length > 0,
    async prove(subject) {
      for (const [failure, input] of Object.entries(subject.example.refused ?? {})) {
        const error = await refusal(subject, { ...callerOf(subject), key: subject.nextKey(), input: input?.() });
        assert.ok(error instanceof DeclaredError, `${failure}: ${String(error)}`);
        assert.equal(error.failure, failure);
        const schema = subject.call.errors[failure]?.data;
        assert.ok(schema !== undefined && validateSync(schema, error.data).ok, `${failure}: its data do not fit`);
      }
    },
  },
  {
    name: "gives a repeat under the same key the same answer, also at the same moment",
    needs: (subject) => hasGood(subject) && subject.call.semantics === "keyed",
    async prove(subject) {
      const request = good(subject);
      const [first, second] = await Promise.all([subject.port(request), subject.port(request)]);
      assert.deepEqual(second, first);
      assert.deepEqual(await subject.port(request), first);
    },
  },
  {
    name: "refuses another input under a key that was used",
    needs: ({ call, example }) =>
      call.semantics === "keyed" && hasGood({ call, example }) && Object.keys(example.refused ?? {}).length > 0,
    async prove(subject) {
      const request = good(subject);
      await subject.port(request);
      const [other] = Object.values(subject.example.refused ?? {});
      const error = await refusal(subject, { ...request, input: other?.() });
      assert.ok(error instanceof KeyReusedError, String(error));
    },
  },
  {
    name: "may be repeated when it says that it may",
    needs: (subject) => hasGood(subject) && ["safe", "idempotent"].includes(subject.call.semantics),
    async prove(subject) {
      const request = good(subject);
      await subject.port(request);
      await subject.port(request);
    },
  },
  {
    name: "is not open to everybody when it says so",
    needs: ({ call }) => call.access !== "public",
    async prove(subject) {
      const { caller: _, ...request } = good(subject);
      const error = await refusal(subject, request);
      assert.ok(error instanceof AccessError, String(error));
      if (subject.call.access === "known callers") return;
      const other = await refusal(subject, { ...request, caller: nobodyInParticular });
      assert.ok(other instanceof AccessError, String(other));
    },
  },
  {
    name: "releases a caller who gave up before",
    needs: hasGood,
    async prove(subject) {
      const reason = new Error("gave up");
      const error = await refusal(subject, { ...good(subject), signal: AbortSignal.abort(reason) });
      assert.equal(error, reason);
    },
  },
  {
    name: "answers within the time its caller has, or says that it did not",
    needs: hasGood,
    async prove(subject) {
      const error = await refusal(subject, { ...good(subject), withinMs: 1 });
      if (error !== undefined) assert.ok(isCallError(error) && error.code === "TIMEOUT");
    },
  },
];

function hasGood({ example }: Pick<Subject, "call" | "example">): boolean {
  return example.good !== undefined;
}

function good(subject: Subject): Request {
  return { ...callerOf(subject), key: subject.nextKey(), input: subject.example.good?.() };
}

function callerOf({ call }: Subject): { readonly caller?: Caller } {
  if (call.access === "public") return {};
  const roles = call.access === "known callers" ? [] : call.access.roles;
  return { caller: { id: nobodyInParticular.id, roles } };
}

async function refusal(subject: Subject, request: Request): Promise<unknown> {
  try {
    await subject.port(request);
    return undefined;
  } catch (error) {
    return error;
  }
}
