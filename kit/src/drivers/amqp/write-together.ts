import type { WireStream } from "./wire-client.ts";

/** Larger writes cost more to put together than they save. */
const togetherBytesMax = 65_536;

/** The library hands over each frame by itself, which is a call of the system for each message, or a list of buffers for the system to walk. What it writes in
 *  one go leaves as one buffer, by `later` at the latest. Order is kept, also before an end; a full stream says so as before. */
export function writeTogether(stream: WireStream, later: (flush: () => void) => void): void {
  const write = stream.write.bind(stream);
  const end = stream.end.bind(stream);
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): void => {
    const chunks = gathered;
    const [first] = chunks;
    if (first === undefined) return;
    gathered = [];
    bytes = 0;
    write(chunks.length === 1 ? first : Buffer.concat(chunks));
  };
  stream.write = (chunk) => {
    bytes += chunk.byteLength;
    if (gathered.push(chunk) === 1) later(flush);
    if (bytes >= togetherBytesMax) flush();
    return !stream.writableNeedDrain;
  };
  stream.end = () => {
    flush();
    return end();
  };
}
