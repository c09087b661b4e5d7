/** One real turn of the event loop, by which every promise job of the present turn has run. */
export function systemTurn(run: () => void): void {
  setImmediate(run);
}
