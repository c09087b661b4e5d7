const lineMaxLength = 16_384;

/** Cuts text that comes in pieces into lines. A line longer than 16,384 characters is given in parts, so that memory is bounded. */
export class LineBuffer {
  readonly #line: (text: string) => void;
  #rest = "";

  constructor(line: (text: string) => void) {
    this.#line = line;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#give(line.endsWith("\r") ? line.slice(0, -1) : line);
    while (this.#rest.length > lineMaxLength) {
      this.#line(this.#rest.slice(0, lineMaxLength));
      this.#rest = this.#rest.slice(lineMaxLength);
    }
  }

  /** Gives what has no line break yet, if anything. */
  flush(): void {
    const rest = this.#rest;
    this.#rest = "";
    if (rest !== "") this.#give(rest);
  }

  #give(line: string): void {
    for (let start = 0; start === 0 || start < line.length; start += lineMaxLength)
      this.#line(line.slice(start, start + lineMaxLength));
  }
}
