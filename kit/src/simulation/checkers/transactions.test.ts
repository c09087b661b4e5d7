import { expect, test } from "vitest";
import { seededRandom } from "../../random/mod.ts";
import { checkTransactions, type ListOperation, type ListTransaction } from "./mod.ts";

const append = (list: string, value: string): ListOperation => ({ kind: "append", list, value });
const read = (list: string, ...values: string[]): ListOperation => ({ kind: "read", list, values });

function transaction(id: string, ...operations: ListOperation[]): ListTransaction {
  return { id, status: "committed", operations };
}

function rulesOf(...history: ListTransaction[]): readonly string[] {
  return checkTransactions(history).map(({ rule }) => rule.replace("transactions: ", ""));
}

const observer = (...operations: ListOperation[]): ListTransaction => transaction("observer", ...operations);

test("a serial history is clean", () => {
  expect(
    rulesOf(
      transaction("1", read("x"), append("x", "a"), read("x", "a")),
      transaction("2", append("y", "b"), read("x", "a"), append("x", "c")),
      transaction("3", read("x", "a", "c"), read("y", "b")),
    ),
  ).toEqual([]);
});

test("G0: two transactions overwrite each other in two orders", () => {
  expect(
    rulesOf(
      transaction("1", append("x", "1"), append("y", "1")),
      transaction("2", append("x", "2"), append("y", "2")),
      observer(read("x", "1", "2"), read("y", "2", "1")),
    ),
  ).toEqual(["G0"]);
});

test("G1a: a read of what was aborted", () => {
  const aborted: ListTransaction = { id: "1", status: "aborted", operations: [append("x", "1")] };
  expect(rulesOf(aborted, transaction("2", read("x", "1")))).toEqual(["G1a"]);
});

test("G1b: a read of the middle of a transaction", () => {
  const writer = transaction("1", append("x", "1"), append("x", "2"));
  expect(rulesOf(writer, transaction("2", read("x", "1")))).toEqual(["G1b"]);
  expect(rulesOf(writer, transaction("2", read("x", "1", "2")))).toEqual([]);
});

test("G1c: each of two transactions reads what the other wrote", () => {
  expect(
    rulesOf(transaction("1", append("x", "1"), read("y", "2")), transaction("2", append("y", "2"), read("x", "1"))),
  ).toEqual(["G1c"]);
});

test("G-single: a read skew, and a lost update", () => {
  const writer = transaction("1", append("x", "1"), append("y", "1"));
  expect(rulesOf(writer, transaction("2", read("x"), read("y", "1")))).toEqual(["G-single"]);
  const lost = (id: string): ListTransaction => transaction(id, read("x"), append("x", id));
  expect(rulesOf(lost("1"), lost("2"), observer(read("x", "1", "2")))).toEqual(["G-single"]);
});

test("G2: a write skew, also when nobody reads its outcome", () => {
  const first = transaction("1", read("x"), append("y", "1"));
  const second = transaction("2", read("y"), append("x", "2"));
  expect(rulesOf(first, second)).toEqual(["G2"]);
  expect(rulesOf(first)).toEqual([]);
});

test("single reads that cannot be: nobody's value, a value twice, two orders, a change within a transaction", () => {
  const writer = transaction("1", append("x", "1"));
  expect(rulesOf(writer, transaction("2", read("x", "9")))).toEqual(["phantom"]);
  expect(rulesOf(writer, transaction("2", read("x", "1", "1")))).toEqual(["repeated"]);
  const other = transaction("3", append("x", "3"));
  expect(rulesOf(writer, other, observer(read("x", "1", "3")), transaction("2", read("x", "3")))).toEqual([
    "incompatible order",
  ]);
  expect(rulesOf(writer, transaction("2", read("x"), read("x", "1")))).toEqual(["internal"]);
  expect(rulesOf(transaction("2", append("x", "2"), read("x")))).toEqual(["internal"]);
});

test("a transaction of unknown fate counts when its value was read", () => {
  const unknown: ListTransaction = { id: "1", status: "unknown", operations: [append("x", "1"), append("y", "1")] };
  expect(rulesOf(unknown)).toEqual([]);
  expect(rulesOf(unknown, transaction("2", read("x", "1"), read("y", "1")))).toEqual([]);
  expect(rulesOf(unknown, transaction("2", read("x", "1"), read("y")), observer(read("y", "1")))).toEqual(["G-single"]);
});

/** Transactions that run one by one on real lists; `peek` lets a share of the reads see an older state. */
function history(seed: number, peek: number): readonly ListTransaction[] {
  const random = seededRandom(seed);
  const lists = new Map<string, string[]>(["x", "y", "z"].map((list) => [list, []]));
  return Array.from({ length: 40 }, (_, number) => {
    const operations = Array.from({ length: random.integer(1, 4) }, (__, place): ListOperation => {
      const list = random.pick(["x", "y", "z"]);
      const content = lists.get(list) ?? [];
      if (random.next() < 0.5) {
        content.push(`${number}.${place}`);
        return append(list, `${number}.${place}`);
      }
      const isOld = random.next() < peek && content.length > 3;
      return read(list, ...(isOld ? content.slice(0, -3) : content));
    });
    return transaction(String(number), ...operations);
  });
}

test("drawn serial histories are clean, and those with stale reads are not", () => {
  const seeds = Array.from({ length: 50 }, (_, seed) => seed);
  expect(seeds.flatMap((seed) => checkTransactions(history(seed, 0)))).toEqual([]);
  expect(seeds.filter((seed) => checkTransactions(history(seed, 0.3)).length > 0).length).toBeGreaterThan(40);
});
