import { expect, test } from "vitest";
import type { WireMux, WirePublication } from "./wire-client.ts";
import { writeDirectly } from "./write-directly.ts";

function recorded() {
  const written: string[] = [];
  const record = (chunk: Uint8Array): boolean => written.push(Buffer.from(chunk).toString("latin1")) > 0;
  const channels: { buffer: { write: (frame: Uint8Array) => boolean } }[] = [];
  const mux: WireMux = {
    stream: { writableNeedDrain: false, write: record, end: () => undefined, destroy: () => undefined },
    channels,
    // What the library does: a buffer for each channel, which it empties later.
    freshChannel: () => channels.push({ buffer: { write: () => true } }) - 1,
    sendMessage: (channel, _method, _publication, _kind, _properties, content) =>
      channels[channel]?.buffer.write(Buffer.from(`library: ${Buffer.isBuffer(content)}`)) ?? false,
  };
  writeDirectly(mux);
  const publish = (channel: number, more: Partial<WirePublication>, content: string | Uint8Array): boolean => {
    const publication = { exchange: "", routingKey: "jobs", mandatory: true, ...more };
    return mux.sendMessage(channel, undefined, publication, undefined, publication, content);
  };
  return { mux, written, publish };
}

test("frames leave in the order of the calls, whoever makes them", () => {
  const { mux, written, publish } = recorded();
  const channel = mux.freshChannel({}, undefined);
  mux.channels[channel]?.buffer.write(Buffer.from("method"));
  publish(channel, {}, "ours");
  publish(channel, { headers: { a: "1" } }, "theirs");
  publish(channel, { timestamp: 1 }, new TextEncoder().encode("theirs"));
  publish(channel, {}, "ours");
  const kinds = written.map((text) => (text.includes("ours") ? "ours" : text));
  expect(kinds).toEqual(["method", "ours", "library: true", "library: true", "ours"]);
});
