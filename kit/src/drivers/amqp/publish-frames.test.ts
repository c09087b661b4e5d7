import { expect, test } from "vitest";
import { PublishFrames } from "./publish-frames.ts";
import type { WirePublication } from "./wire-client.ts";

const plain: WirePublication = { exchange: "", routingKey: "jobs", mandatory: false };

function hexOf(publication: Partial<WirePublication>, content: string | Uint8Array): string | undefined {
  const written = new PublishFrames().of(3, { ...plain, ...publication }, content);
  return written === undefined ? undefined : Buffer.from(written).toString("hex");
}

const methodOfJobs = (bits: string): string => `01 0003 0000000d 003c0028 0000 00 04${hex("jobs")} ${bits} ce`;
const hex = (text: string): string => Buffer.from(text).toString("hex");
const packed = (spaced: string): string => spaced.replaceAll(" ", "");

test("a publication is a method, a header and a body", () => {
  const header = "02 0003 0000000e 003c 0000 0000000000000002 0000 ce";
  const body = "03 0003 00000002 c3a9 ce";
  expect(hexOf({}, "é")).toBe(packed(methodOfJobs("00") + header + body));
  expect(hexOf({}, new TextEncoder().encode("é"))).toBe(packed(methodOfJobs("00") + header + body));
});

test("properties stand in the order of their flags", () => {
  const publication = {
    mandatory: true,
    type: "t",
    messageId: "id",
    replyTo: "r",
    correlationId: "c",
    deliveryMode: 2,
    contentType: "x/y",
  };
  const texts = `03${hex("x/y")} 02 01${hex("c")} 01${hex("r")} 02${hex("id")} 01${hex("t")}`;
  const header = `02 0003 0000001c 003c 0000 0000000000000001 96a0 ${texts} ce`;
  expect(hexOf(publication, "1")).toBe(packed(`${methodOfJobs("01")} ${header} 03 0003 00000001 31 ce`));
});

test.for([
  ["headers", { headers: { a: "1" } }],
  ["headers behind an empty table", { headers: Object.create({ a: "1" }) as Record<string, unknown> }],
  ["a timestamp", { timestamp: 0 }],
  ["an expiration", { expiration: "5" }],
  ["a priority", { priority: 1 }],
  ["a text of 256 bytes", { messageId: "é".repeat(128) }],
  ["a routing key of 256 bytes", { routingKey: "k".repeat(256) }],
] satisfies readonly (readonly [string, Partial<WirePublication>])[])(
  "%s are left to the library",
  ([, publication]) => {
    expect(hexOf(publication, "1")).toBeUndefined();
  },
);

test("the longest texts and the largest body are written, those beyond are left to the library", () => {
  expect(hexOf({ messageId: "é".repeat(127) + "e" }, "1")).toContain(`ff${hex("é".repeat(127))}65`);
  expect(hexOf({}, "é".repeat(2_044))).toContain(packed(`03 0003 00000ff8 ${hex("é".repeat(2_044))} ce`));
  expect(hexOf({}, "é".repeat(2_045))).toBeUndefined();
  expect(hexOf({}, new Uint8Array(4_089))).toBeUndefined();
  expect(hexOf({}, "")).toBeUndefined();
});

test("what was written is not written over", () => {
  const frames = new PublishFrames();
  const long = "k".repeat(255);
  const kept = Array.from({ length: 100 }, (_, n) =>
    frames.of(1, { ...plain, routingKey: long, messageId: String(n) }, String(n % 10).repeat(4_000)),
  );
  const texts = kept.map((written) => Buffer.from(written ?? []).toString("latin1"));
  expect(texts.map((text) => text.endsWith("\xce"))).not.toContain(false);
  expect(texts.map((text) => text.slice(-9, -1))).toEqual(texts.map((_, n) => String(n % 10).repeat(8)));
  expect(new Set(texts).size).toBe(100);
});
