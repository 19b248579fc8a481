/** Entry of the processes: a node or a client, that does what its parent asks and ends with it. */

import { answering } from './answering.ts'
import { startClient } from './client-process.ts'
import { startNode } from './node-process.ts'

const [, , kind = '', options = ''] = process.argv
const given: unknown = JSON.parse(options)

answering(kind === 'node' ? startNode(given) : startClient(given))
