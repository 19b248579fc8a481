/** When what was taken over is given back: both sides of a connection count on it. */

/** Bytes owed at which credit is due, of a window of so many bytes. */
export function creditDue(window: number): number {
  return window / 4
}
