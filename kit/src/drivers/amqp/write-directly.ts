import { PublishFrames } from "./publish-frames.ts";
import type { WireMux } from "./wire-client.ts";

/** Frames go to the stream in the order of the calls, without the library's buffer of each channel, and publications are put into frames by {@link PublishFrames}
 *  where it can: a third of what a message costs this process. What a closed channel or connection refuses is refused as before. */
export function writeDirectly(mux: WireMux): void {
  const { stream } = mux;
  const frames = new PublishFrames();
  const freshChannel = mux.freshChannel.bind(mux);
  const sendMessage = mux.sendMessage.bind(mux);
  mux.freshChannel = (channel, options) => {
    const number = freshChannel(channel, options);
    const opened = mux.channels[number];
    if (opened) opened.buffer.write = (frame) => stream.write(frame);
    return number;
  };
  mux.sendMessage = (...[channel, method, publication, kind, properties, content]) => {
    const written = frames.of(channel, publication, content);
    if (written !== undefined) return stream.write(written);
    return sendMessage(channel, method, publication, kind, properties, bufferOf(content));
  };
}

/** The library takes nothing else. No copy is made of bytes. */
function bufferOf(content: string | Uint8Array): Uint8Array {
  if (typeof content === "string") return Buffer.from(content);
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
