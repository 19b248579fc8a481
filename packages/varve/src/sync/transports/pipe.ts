/** Two transports in one process, each the other end of the other: for tests, simulations and engines side by side. */

import type { Env } from '../../env/env.ts'
import { offline, WireTransport, type Sink, type Wire } from './wire.ts'

export interface PipeOptions {
  /** Milliseconds from one end to the other; zero when absent. */
  readonly delayMs?: number
  /** Timers of the delay and of every bound in time; without it there are neither. */
  readonly env?: Pick<Env, 'timer'>
}

interface End {
  sink: Sink | null
  /** Resolves when this end is listened to. */
  readonly wanted: Promise<void>
  want(): void
}

const noTimers: Pick<Env, 'timer'> = { timer: () => () => undefined }

/** Two connected ends. Frames are copied; closing one end with an error is a cut to the other. */
export function pipe({ delayMs = 0, env }: PipeOptions = {}): [WireTransport, WireTransport] {
  const ends: readonly [End, End] = [newEnd(), newEnd()]
  const later = (work: () => void): void => {
    if (env === undefined || delayMs === 0) queueMicrotask(work)
    else env.timer(work, delayMs)
  }
  const make = (near: End, far: End): WireTransport =>
    new WireTransport((sink) => pipeWire({ near, far, sink, later }), { env: env ?? noTimers })
  return [make(ends[0], ends[1]), make(ends[1], ends[0])]
}

function newEnd(): End {
  let want: () => void = () => undefined
  const wanted = new Promise<void>((resolve) => {
    want = resolve
  })
  return { sink: null, wanted, want }
}

interface Parts {
  readonly near: End
  readonly far: End
  readonly sink: Sink
  readonly later: (work: () => void) => void
}

function pipeWire({ near, far, sink, later }: Parts): Wire {
  near.sink = sink
  return {
    write: async (frames) => {
      for (const frame of frames) {
        const copy = frame.slice()
        later(() => far.sink?.frame(copy))
      }
      await far.wanted
    },
    end: () => {
      later(() => {
        far.sink?.ended(null)
        later(() => {
          sink.ended(null)
        })
      })
    },
    cut: (error) => {
      near.sink = null
      near.want()
      if (error !== null) later(() => far.sink?.ended(offline('The other end of the pipe was cut', error)))
    },
    resume: () => {
      near.want()
    },
  }
}
