import { expect, test } from "vitest";
import { gate, type Gate } from "../../abort/mod.ts";
import type { StoreCall, Verdict } from "../mod.ts";
import { MergedBatches } from "./merged-batches.ts";

const granted: Verdict = { kind: "granted", standings: [] };
const callOf = (id: string): StoreCall => ({ op: "renew", targets: [], id });
const idOf = (call: StoreCall): string => (call.op === "renew" ? call.id : "");

/** A server that answers when it is told to. */
function server(limits: { readonly callsMax: number; readonly batchesMax: number; readonly waitingMax: number }) {
  const sent: { readonly ids: readonly string[]; readonly answer: Gate<readonly Verdict[]> }[] = [];
  const batches = new MergedBatches((calls) => {
    const answer = gate<readonly Verdict[]>();
    sent.push({ ids: calls.map(idOf), answer });
    return answer.promise;
  }, limits);
  return { sent, ask: (...ids: readonly string[]) => batches.decide(ids.map(callOf)) };
}

test("what comes while a batch is under way goes together in the next, and each hears of its own calls", async () => {
  const { sent, ask } = server({ callsMax: 10, batchesMax: 1, waitingMax: 10 });
  const asked = [ask("a"), ask("b"), ask("c", "d"), ask("e")];
  expect(sent.map(({ ids }) => ids)).toEqual([["a"]]);
  sent[0]?.answer.open([granted]);
  await asked[0];
  expect(sent[1]?.ids).toEqual(["b", "c", "d", "e"]);
  const refused: Verdict = { kind: "refused", standings: [] };
  sent[1]?.answer.open([granted, refused, granted, refused]);
  expect(await Promise.all(asked)).toEqual([[granted], [granted], [refused, granted], [refused]]);
});

test("a batch has so many calls and no more, and so many batches are under way", async () => {
  const { sent, ask } = server({ callsMax: 3, batchesMax: 2, waitingMax: 10 });
  const asked = [ask("a"), ask("b"), ask("c", "d"), ask("e", "f"), ask("g")];
  expect(sent.map(({ ids }) => ids)).toEqual([["a"], ["b"]]);
  sent[1]?.answer.open([granted]);
  await asked[1];
  expect(sent[2]?.ids).toEqual(["c", "d"]);
  sent[0]?.answer.open([granted]);
  await asked[0];
  expect(sent[3]?.ids).toEqual(["e", "f", "g"]);
  sent[2]?.answer.open([granted, granted]);
  sent[3]?.answer.open([granted, granted, granted]);
  expect((await Promise.all(asked)).flat()).toHaveLength(7);
});

test("beyond so many calls that wait one more is refused, and a batch that fails fails for its own calls only", async () => {
  const { sent, ask } = server({ callsMax: 10, batchesMax: 1, waitingMax: 2 });
  const first = ask("a");
  const second = ask("b", "c");
  await expect(ask("d")).rejects.toMatchObject({ code: "POSTGRES", reason: "busy" });
  sent[0]?.answer.fail(new Error("away"));
  await expect(first).rejects.toThrow("away");
  sent[1]?.answer.open([granted, granted]);
  expect(await second).toHaveLength(2);
});
