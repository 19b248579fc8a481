/** The directory of a tenant as this device opens it. */

import type { Database } from '../database/database.ts'
import type { Epochs } from '../directory/epochs.ts'
import type { Standing } from '../directory/standing.ts'
import { checkName } from '../encoding/id.ts'
import { VarveError } from '../errors.ts'
import { directoryName, tenantKey } from '../home/catalogue.ts'
import { Directory } from '../home/directory.ts'
import type { Keyring } from '../home/keyring.ts'
import type { Founded } from '../node/register.ts'

export interface DirectoryParts {
  readonly keys: Keyring
  readonly standing: Standing
  readonly epochs: Epochs
  registration(): Promise<Uint8Array>
}

/** Throws `RESERVED_NAME` for the name that the directory itself has. */
export function assertOwn(name: string): void {
  if (checkName(name, 'database') === directoryName)
    throw new VarveError('RESERVED_NAME', `"${directoryName}" is the tenant's own database: choose another name`)
}

/** The error of a device that may not make databases; `bars` says why. */
export function mayNotMake(name: string, bars: string): VarveError {
  return new VarveError('FORBIDDEN', `This device makes no databases any more, and "${name}" is not here: ${bars}`)
}

export function ownDirectory(
  { home, founding, identity }: Founded,
  database: Database,
  parts: DirectoryParts,
): Directory {
  const { keys, standing, epochs } = parts
  return new Directory({
    database,
    home,
    keys,
    founding,
    standing,
    device: identity.signing.publicKey,
    tenantKey,
    recorder: () => epochs.recorder,
    registration: () => parts.registration(),
    appointments: () => epochs.accepted(),
  })
}
