/** Numbers and texts in the format that `cmsgpack` of the server reads: one array of both. */
export class Packed {
  #buffer = Buffer.allocUnsafe(4_096);
  #at = 5;
  #items = 0;

  number(value: number): void {
    this.#room(9);
    this.#items += 1;
    // Small ones, which most are, in a byte.
    if (value >= 0 && value <= 127 && Number.isInteger(value)) this.#buffer[this.#at++] = value;
    else {
      this.#buffer[this.#at] = 0xcb;
      this.#at = this.#buffer.writeDoubleBE(value, this.#at + 1);
    }
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.#room(bytes + 5);
    this.#items += 1;
    this.#buffer[this.#at] = 0xdb;
    this.#at = this.#buffer.writeUInt32BE(bytes, this.#at + 1);
    this.#at += this.#buffer.write(value, this.#at);
  }

  /** All that was added since it was last taken. */
  taken(): Buffer {
    this.#buffer[0] = 0xdd;
    this.#buffer.writeUInt32BE(this.#items, 1);
    const copy = Buffer.from(this.#buffer.subarray(0, this.#at));
    this.#at = 5;
    this.#items = 0;
    return copy;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}
