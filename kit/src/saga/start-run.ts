import { canonicalJson } from "../codec/mod.ts";
import type { Change, Engine } from "../engine/mod.ts";
import type { AnySaga } from "./context.ts";
import {
  changingText,
  fixedText,
  pageCell,
  queueOf,
  recordText,
  type RunHeader,
  runCell,
  type Waiter,
} from "./run-record.ts";

// A larger input is stored once, beside the record that every step rewrites.
const inputInlineMax = 2_048;

export interface StartRequest {
  readonly id: string;
  /** The checked input as JSON. */
  readonly inputText: string;
  readonly nowMs: number;
  readonly tags?: readonly string[] | undefined;
  readonly parent?: Waiter | undefined;
  /** Claims the run for the caller at once. */
  readonly claimForMs?: number | undefined;
  readonly depthMax?: number | undefined;
}

/** The header of a new run. */
export function newHeader(definition: AnySaga, request: StartRequest): RunHeader {
  const { inputText, nowMs, tags, parent } = request;
  return {
    version: definition.version,
    status: "running",
    startedAtMs: nowMs,
    input: JSON.parse(inputText) as unknown,
    inputApart: inputText.length > inputInlineMax ? 1 : undefined,
    tags: tags === undefined || tags.length === 0 ? undefined : tags,
    parent,
  };
}

/** The changes that start a run: refused at index 0 when its id is taken. The second one is the message. */
export function startChangesOf(
  definition: AnySaga,
  request: StartRequest,
  header: RunHeader = newHeader(definition, request),
): readonly Change[] {
  const { name } = definition;
  const { id, inputText, claimForMs, depthMax } = request;
  const record: Change = {
    op: "put",
    cell: runCell(name, id),
    expect: "absent",
    value: recordText(fixedText(header, inputText) + changingText(header), ""),
  };
  const message: Change = { op: "enqueue", queue: queueOf(name), messages: [{ body: id, claimForMs }], depthMax };
  if (header.inputApart === undefined) return [record, message];
  return [record, message, { op: "put", cell: pageCell(name, id, "input"), expect: "any", value: inputText }];
}

/** Whether a stored run was started with this input, whatever the order of its fields. */
export async function isSameInput(
  engine: Pick<Engine, "get">,
  run: { readonly saga: string; readonly id: string; readonly header: RunHeader },
  inputText: string,
): Promise<boolean> {
  let stored = run.header.input;
  if (run.header.inputApart === 1) {
    const [cell] = await engine.get([pageCell(run.saga, run.id, "input")]);
    stored = cell === undefined ? undefined : JSON.parse(cell.value);
  }
  return canonicalJson(stored) === canonicalJson(JSON.parse(inputText) as unknown);
}

/** Whether two inputs are the same, whatever the order of their fields. */
export function isSameJson(one: string, other: string): boolean {
  return canonicalJson(JSON.parse(one) as unknown) === canonicalJson(JSON.parse(other) as unknown);
}
