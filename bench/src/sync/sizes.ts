/** How much the sync workloads move: all of it by default, or less where only their working is to be tried. */

const share = Number(process.env['VARVE_BENCH_SHARE'] ?? '1')

/** So many of the whole, and never fewer than `least`. */
export function part(whole: number, least: number): number {
  return Math.max(least, Math.round(whole * share))
}

export const sizes = {
  /** Below 1 the figures mean nothing: it is for trying. */
  share,
  /** Documents and commits of one transfer. */
  documents: part(10_000, 200),
  /** Rounds that count, after one that warms up. */
  rounds: share < 1 ? 1 : 5,
  /** Live changes that count, and those before that warm up. */
  changes: part(300, 30),
  warmUp: part(100, 10),
  /** The same in the comparison with other systems. */
  live: part(100, 20),
  liveWarmUp: part(20, 5),
  /** Documents of a small database, and how often it is connected again. */
  small: 1000,
  reconnects: part(31, 5),
  /** Milliseconds in which nobody writes: two keep-alives and a bit. */
  restMs: share < 1 ? 35_000 : 65_000,
  /** Connections that only listen, the devices they belong to, and devices that write. */
  idle: part(2000, 100),
  idleDevices: 20,
  writers: part(100, 10),
  /** Milliseconds of writing: with pauses, and without. */
  writingMs: part(15_000, 4000),
  /** Documents of a bulk sync, and urgent changes meanwhile. */
  bulk: part(100_000, 5000),
  urgent: 20,
} as const
