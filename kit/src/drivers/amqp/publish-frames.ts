import type { WirePublication } from "./wire-client.ts";

// AMQP 0-9-1, 4.2.3 to 4.2.6 (frames) and 1.8 (class basic): https://www.rabbitmq.com/amqp-0-9-1-reference
const frames = { method: 1, header: 2, body: 3, headBytes: 7, end: 0xce } as const;
const basic = { classId: 60, publish: 40 } as const;
const flags = {
  contentType: 0x8000,
  deliveryMode: 0x1000,
  correlationId: 0x400,
  replyTo: 0x200,
  messageId: 0x80,
  type: 0x20,
} as const;
const shortBytesMax = 255;
/** The smallest frame that a broker may insist on has 4,096 bytes, 8 of them around the body. */
const bodyBytesMax = 4_088;
/** Seven short texts, the body, and more than what is around them. */
const bytesMax = 7 * (1 + shortBytesMax) + bodyBytesMax + 64;
const blockBytes = 65_536;

/** Writes publications as AMQP frames into blocks that are not used again. The library makes six buffers of each, which costs a client as much as all else that
 *  it does for a message. */
export class PublishFrames {
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** The frames of a publication; undefined for what is left to the library: headers, rare properties, an empty or large body, and what AMQP refuses. */
  of(channel: number, publication: WirePublication, content: string | Uint8Array): Uint8Array | undefined {
    if (!isCommon(publication) || content.length === 0 || !fits(content, bodyBytesMax)) return undefined;
    if (this.#block.length - this.#at < bytesMax) {
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#at = 0;
    }
    const start = this.#at;
    this.#writeMethod(channel, publication);
    const sizeAt = this.#writeHeader(channel, publication);
    const bodyBytes = this.#writeBody(channel, content);
    this.#block.writeUInt32BE(bodyBytes, sizeAt);
    return this.#block.subarray(start, this.#at);
  }

  #writeMethod(channel: number, { exchange, routingKey, mandatory }: WirePublication): void {
    const start = this.#begin(frames.method, channel);
    this.#writeInteger((basic.classId << 16) | basic.publish);
    this.#at = this.#block.writeUInt16BE(0, this.#at);
    this.#writeText(exchange);
    this.#writeText(routingKey);
    this.#block[this.#at++] = mandatory ? 1 : 0;
    this.#end(start);
  }

  /** Returns where the lower half of the body's size belongs. */
  #writeHeader(channel: number, publication: WirePublication): number {
    const { contentType, deliveryMode, correlationId, replyTo, messageId, type } = publication;
    const start = this.#begin(frames.header, channel);
    this.#writeInteger(basic.classId << 16);
    this.#writeInteger(0);
    const sizeAt = this.#at;
    const flagsAt = sizeAt + 4;
    this.#at = flagsAt + 2;
    let given = 0;
    if (contentType !== undefined) given |= this.#writeProperty(flags.contentType, contentType);
    if (deliveryMode !== undefined) {
      given |= flags.deliveryMode;
      this.#block[this.#at++] = deliveryMode;
    }
    if (correlationId !== undefined) given |= this.#writeProperty(flags.correlationId, correlationId);
    if (replyTo !== undefined) given |= this.#writeProperty(flags.replyTo, replyTo);
    if (messageId !== undefined) given |= this.#writeProperty(flags.messageId, messageId);
    if (type !== undefined) given |= this.#writeProperty(flags.type, type);
    this.#block.writeUInt16BE(given, flagsAt);
    this.#end(start);
    return sizeAt;
  }

  #writeBody(channel: number, content: string | Uint8Array): number {
    const start = this.#begin(frames.body, channel);
    const from = this.#at;
    if (typeof content === "string") this.#at += this.#block.write(content, from);
    else {
      this.#block.set(content, from);
      this.#at += content.length;
    }
    const bytes = this.#at - from;
    this.#end(start);
    return bytes;
  }

  #begin(kind: number, channel: number): number {
    const start = this.#at;
    this.#block[start] = kind;
    this.#block.writeUInt16BE(channel, start + 1);
    this.#at = start + frames.headBytes;
    return start;
  }

  #end(start: number): void {
    this.#block.writeUInt32BE(this.#at - start - frames.headBytes, start + 3);
    this.#block[this.#at++] = frames.end;
  }

  #writeProperty(property: number, text: string): number {
    this.#writeText(text);
    return property;
  }

  #writeText(text: string): void {
    const bytes = this.#block.write(text, this.#at + 1);
    this.#block[this.#at] = bytes;
    this.#at += 1 + bytes;
  }

  #writeInteger(value: number): void {
    this.#at = this.#block.writeUInt32BE(value, this.#at);
  }
}

function isCommon(publication: WirePublication): boolean {
  const { exchange, routingKey, headers, contentType, correlationId, replyTo, messageId, type } = publication;
  const { contentEncoding, priority, expiration, timestamp, userId, appId } = publication;
  // The library hands over a table even for no headers, with what it was given behind it.
  for (const _header in headers) return false;
  return (
    contentEncoding === undefined &&
    priority === undefined &&
    expiration === undefined &&
    timestamp === undefined &&
    userId === undefined &&
    appId === undefined &&
    fits(exchange, shortBytesMax) &&
    fits(routingKey, shortBytesMax) &&
    isShort(contentType) &&
    isShort(correlationId) &&
    isShort(replyTo) &&
    isShort(messageId) &&
    isShort(type)
  );
}

function isShort(text: string | undefined): boolean {
  return text === undefined || fits(text, shortBytesMax);
}

/** A UTF-16 unit takes at most three bytes: most texts need no count. */
function fits(content: string | Uint8Array, bytesMax: number): boolean {
  if (typeof content !== "string") return content.length <= bytesMax;
  return content.length * 3 <= bytesMax || Buffer.byteLength(content) <= bytesMax;
}
