import type { Clock } from "ashlar/clock";

/** Until then nobody wonders. */
const quietMs = 3_000;

/** Waits for what opens, and says what is waited for when it takes its time: a server that is away, or nine processes on a small machine. */
export async function saidWhenSlow<T>(
  opening: Promise<T>,
  { clock, note, where }: { readonly clock: Clock; readonly note: (text: string) => void; readonly where: string },
): Promise<T> {
  const timer = clock.setTimer(quietMs, () => note(`Opening the shop, data in ${where} …\n`));
  try {
    return await opening;
  } finally {
    timer.cancel();
  }
}
